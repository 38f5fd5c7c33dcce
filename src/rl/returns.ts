/**
 * Rewards of tokens, and advantages from what comes after each token, in float64. Twin of shaders/returns.wgsl.
 *
 * Completions are packed one after the other: `lengths` [S] tokens each, N = Σ lengths in all.
 */
import { InvalidOptionError, ShapeError } from "../util/errors.ts";
import { klEstimate } from "./kl.ts";
import type { KlType } from "./kl.ts";

/** What {@link tokenRewards} needs. */
export interface TokenRewardInputs {
  /** [S]; null or not finite: the completion is excluded. */
  rewards: ArrayLike<number | null>;
  /** [S] */
  lengths: ArrayLike<number>;
  /** [N] of the drawn tokens under the policy, and under the reference. Absent: no KL. */
  logp?: ArrayLike<number>;
  refLogp?: ArrayLike<number>;
  /** Default 0. */
  klCoef?: number;
  /** Default k3. */
  klType?: KlType;
  /** As in `ObjectiveOptions`. */
  klClamp?: boolean;
}

/** Rewards with the KL in them. */
export interface TokenRewards {
  /** [N] −klCoef · kl of each token, and on a completion's last one the reward besides. NaN: excluded. */
  tokens: Float64Array;
  /** [S] sums of each completion's; the reward itself where it has no token. NaN: excluded. */
  scores: Float64Array;
  /** Mean over completions of their tokens' mean KL, excluded ones too. */
  kl: number;
}

/** Puts the KL to the reference in the reward: EasyR1's `use_kl_loss: false`, TRL's PPO. Ziegler et al. 2019, arXiv:1909.08593. */
export function tokenRewards({
  rewards,
  lengths,
  logp,
  refLogp,
  klCoef = 0,
  klType = "k3",
  klClamp = false,
}: TokenRewardInputs): TokenRewards {
  const N = checkLengths("tokenRewards", rewards.length, lengths);
  for (const [name, array] of Object.entries({ logp, refLogp })) {
    if (array && array.length !== N)
      throw new ShapeError(`tokenRewards: ${name}`, array.length, `${N}, the tokens of all completions`);
  }
  const tokens = new Float64Array(N);
  const scores = new Float64Array(rewards.length);
  let kl = 0;
  let begin = 0;
  for (let s = 0; s < rewards.length; s++) {
    const end = begin + lengths[s];
    const reward = rewards[s];
    const isExcluded = reward === null || !Number.isFinite(reward);
    let total = 0;
    for (let t = begin; t < end; t++) {
      const value = logp && refLogp ? klEstimate(logp[t] - refLogp[t], klType, klClamp).value : 0;
      tokens[t] = isExcluded ? NaN : (t === end - 1 ? reward : 0) - klCoef * value;
      total += value;
    }
    scores[s] = isExcluded ? NaN : reward - klCoef * total;
    kl += end > begin ? total / (end - begin) : 0;
    begin = end;
  }
  return { tokens, scores, kl: rewards.length > 0 ? kl / rewards.length : 0 };
}

/** Options of {@link returnAdvantages}. */
export interface ReturnOptions {
  /** What a reward is worth one token earlier. Default 1. */
  gamma?: number;
  /** Added to the variance. Default 1e-8. */
  eps?: number;
}

/**
 * REINFORCE++: each token's discounted sum of the rewards from it to its completion's end, whitened over all tokens of
 * the batch: less their mean, over √(variance with ddof 1 + eps). An excluded completion, whose tokens are NaN, gets 0
 * and takes no part. Equal returns give exactly 0. Hu 2025, arXiv:2501.03262; EasyR1's `reinforce_plus_plus`.
 * @param tokens [N] as {@link tokenRewards} gives them.
 * @param lengths [S]
 * @returns [N]
 */
export function returnAdvantages(
  tokens: ArrayLike<number>,
  lengths: ArrayLike<number>,
  { gamma = 1, eps = 1e-8 }: ReturnOptions = {},
): Float64Array {
  const N = checkLengths("returnAdvantages", lengths.length, lengths);
  if (tokens.length !== N) throw new ShapeError("returnAdvantages: tokens", tokens.length, N);
  if (!(gamma >= 0 && gamma <= 1)) throw new InvalidOptionError("returnAdvantages: gamma", gamma, "0 to 1");
  if (!(eps >= 0)) throw new InvalidOptionError("returnAdvantages: eps", eps, "a number of at least 0");
  const returns = new Float64Array(N);
  let begin = 0;
  for (let s = 0; s < lengths.length; s++) {
    const end = begin + lengths[s];
    let ahead = 0;
    for (let t = end - 1; t >= begin; t--) returns[t] = ahead = tokens[t] + gamma * ahead;
    begin = end;
  }
  const valid = returns.filter(Number.isFinite);
  // Distances from the first, so that equal returns are exactly 0 apart.
  const distance = (value: number) => value - valid[0];
  const shift = valid.reduce((sum, value) => sum + distance(value), 0) / valid.length;
  const squares = valid.reduce((sum, value) => sum + (distance(value) - shift) ** 2, 0);
  const spread = Math.sqrt(squares / Math.max(valid.length - 1, 1) + eps);
  return returns.map((value) => {
    const centred = distance(value) - shift;
    return Number.isFinite(value) && centred !== 0 ? centred / spread : 0;
  });
}

function checkLengths(what: string, sequences: number, lengths: ArrayLike<number>): number {
  if (lengths.length !== sequences)
    throw new ShapeError(`${what}: lengths`, lengths.length, `${sequences}, one for each reward`);
  return Array.from(lengths).reduce((sum, length) => sum + length, 0);
}

/**
 * Begin and end of each completion's tokens, [sequences, 2], as the kernels take them. Completions that a step of
 * `sequences` lacks are empty ones at the end.
 */
export function boundsOf(lengths: readonly number[], sequences: number): Uint32Array<ArrayBuffer> {
  const bounds = new Uint32Array(2 * sequences);
  let end = 0;
  for (let s = 0; s < sequences; s++) {
    bounds[2 * s] = end;
    end += lengths.at(s) ?? 0;
    bounds[2 * s + 1] = end;
  }
  return bounds;
}
