/**
 * Advantages from rewards, in float64: those of a completion within its group, and those of each token. Twins of
 * shaders/advantage.wgsl and shaders/returns.wgsl.
 */
import { InvalidOptionError, ShapeError } from "../util/errors.ts";

/** What the centred reward is divided by: the group's spread, the whole batch's, or nothing ("Dr. GRPO" style). */
export type AdvantageScale = "group" | "batch" | "none";
/** Estimators that give a completion one advantage, from the rewards of its group. EasyR1's names. */
export type GroupEstimator = "grpo" | "grpo_passk" | "rloo";
/** How advantages come from rewards: EasyR1's `adv_estimator`. `reinforce_plus_plus` gives each token its own. */
export type AdvantageEstimator = GroupEstimator | "reinforce_plus_plus";

/** All {@link AdvantageEstimator}s. */
export const advantageEstimators: readonly AdvantageEstimator[] = [
  "grpo",
  "grpo_passk",
  "rloo",
  "reinforce_plus_plus",
];

/** How rewards are scaled. */
export interface AdvantageOptions {
  /** Default grpo. */
  estimator?: GroupEstimator;
  /** Of grpo and grpo_passk; rloo divides by nothing. */
  scale?: AdvantageScale;
  /** Added to the standard deviation: 1e-4 in TRL (the default), 1e-6 in EasyR1. */
  eps?: number;
}

/** Advantages, and the groups that they come from. P prompts, G completions each. */
export interface GroupAdvantages {
  /** [P·G]; 0 for an excluded reward. */
  advantages: Float64Array;
  /** [P] mean of each group's valid rewards; NaN when it has none. */
  mean: Float64Array;
  /** [P] standard deviation with ddof 1; 0 for fewer than two valid rewards. */
  std: Float64Array;
  /** [P] true when all valid rewards of the group are equal: nothing to learn from it. */
  zeroStd: boolean[];
  /** Rewards that were null or not finite. */
  excluded: number;
}

const isValid = (reward: number | null): reward is number => reward !== null && Number.isFinite(reward);

/**
 * Group-relative advantages, by EasyR1's name of the estimator:
 * - grpo: A = (r − mean of the group) / (std + eps), std with ddof 1 as PyTorch and TRL have it
 * - grpo_passk: the group's one best has A = (r − second best) / (std + eps), all others 0; so have two that tie
 * - rloo: A = r − mean of the group's others
 *
 * A null or non-finite reward is left out of its group and gets 0. Rewards are ordered prompt by prompt, `groupSize` to
 * each. Equal rewards give exactly 0, and a permutation of a group permutes its advantages to the bit: sums run over
 * sorted differences from the smallest reward.
 *
 * Shao et al. 2024, arXiv:2402.03300; TRL `GRPOTrainer` for `scale`; Ahmadian et al. 2024, arXiv:2402.14740 (rloo).
 * @throws ShapeError when the rewards are no whole number of groups.
 */
export function groupAdvantages(
  rewards: ArrayLike<number | null>,
  groupSize: number,
  { estimator = "grpo", scale = "group", eps = 1e-4 }: AdvantageOptions = {},
): GroupAdvantages {
  if (!Number.isInteger(groupSize) || groupSize < 1) {
    throw new InvalidOptionError("groupAdvantages: groupSize", groupSize, "a positive integer");
  }
  if (!(eps >= 0)) throw new InvalidOptionError("groupAdvantages: eps", eps, "a number of at least 0");
  if (rewards.length % groupSize !== 0) {
    throw new ShapeError(
      "groupAdvantages: rewards",
      rewards.length,
      `a multiple of the group size ${groupSize}`,
    );
  }
  const P = rewards.length / groupSize;
  const all = Array.from(rewards);
  const advantages = new Float64Array(all.length);
  const mean = new Float64Array(P);
  const std = new Float64Array(P);
  const zeroStd: boolean[] = [];
  const batchStd = moments(all).std;
  for (let p = 0; p < P; p++) {
    const begin = p * groupSize;
    const group = moments(all.slice(begin, begin + groupSize));
    mean[p] = group.least + group.shift;
    std[p] = group.std;
    zeroStd.push(group.std === 0);
    const divisor = scale === "none" ? 1 : (scale === "batch" ? batchStd : group.std) + eps;
    for (let i = begin; i < begin + groupSize; i++) {
      const reward = all[i];
      // Equal rewards with eps 0 would be 0/0.
      if (isValid(reward) && group.std !== 0) advantages[i] = advantageIn(group, reward, estimator, divisor);
    }
  }
  return { advantages, mean, std, zeroStd, excluded: all.filter((reward) => !isValid(reward)).length };
}

interface Moments {
  /** Smallest valid value, and mean distance from it. */
  least: number;
  shift: number;
  /** With ddof 1. */
  std: number;
  /** Valid values, ascending. */
  sorted: number[];
}

/** Of a reward in a group that has some spread. */
function advantageIn(
  { least, shift, sorted }: Moments,
  reward: number,
  estimator: GroupEstimator,
  divisor: number,
): number {
  const above = reward - least;
  const [second, best] = sorted.slice(-2);
  switch (estimator) {
    case "grpo":
      return above === shift ? 0 : (above - shift) / divisor;
    case "grpo_passk":
      return reward === best ? (best - second) / divisor : 0;
    case "rloo":
      return above - (shift * sorted.length - above) / (sorted.length - 1);
    default:
      throw new InvalidOptionError("groupAdvantages: estimator", estimator, "grpo, grpo_passk or rloo");
  }
}

function moments(values: (number | null)[]): Moments {
  const sorted = values.filter(isValid).sort((a, b) => a - b);
  if (sorted.length === 0) return { least: NaN, shift: NaN, std: 0, sorted };
  const least = sorted[0];
  const shift = sorted.reduce((sum, value) => sum + (value - least), 0) / sorted.length;
  if (sorted.length === 1) return { least, shift, std: 0, sorted };
  const squares = sorted.reduce((sum, value) => sum + (value - least - shift) ** 2, 0);
  return { least, shift, std: Math.sqrt(squares / (sorted.length - 1)), sorted };
}
