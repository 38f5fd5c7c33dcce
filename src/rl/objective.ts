/**
 * The policy objective of GRPO and its relatives over packed completion tokens, and its derivative by each token's
 * log-probability: all the network ever sees of the algorithm. Twin of shaders/grpo-loss.wgsl, in float64.
 *
 * With d = logp − oldLogp, w the log-ratio at its level (d of the token; or the mean of d over the sequence, through
 * which `sequence` has its gradient and `sequence_token` has not), r = e^w and advantage A, per token
 *   clip    L = max(−A·min(r, δ), −A·clip(r, 1 − clipRatioLow, 1 + clipRatioHigh)),
 *           and if A < 0 and dual clipping is on, min(L, −A·clipRatioDual)
 *   cispo   L = −A·c·logp, c = clip(r, 1 − clipRatioLow, 1 + clipRatioHigh) without gradient
 *   sapo    L = −A·(4/τ)·sigmoid(τ·(r − 1)), τ by the sign of A
 *   vespo   L = −A·φ·logp, φ = e^(λ + k·ln W − λ·W) without gradient, W = e^(Σ d over the sequence), k and λ by A's sign
 *   l       = L + klCoef · kl(logp − refLogp) [· r with useBiasCorrectionKl]
 * and loss = Σ_t weight_t · l_t: the average over tokens is only a choice of weights.
 *
 * Shao et al. 2024, arXiv:2402.03300 (GRPO); Yu et al. 2025, arXiv:2503.14476 (DAPO); Liu et al. 2025,
 * arXiv:2503.20783 (Dr. GRPO); Ye et al. 2020, arXiv:1912.09729 (dual clip); Zheng et al. 2025, arXiv:2507.18071 (GSPO);
 * MiniMax 2025, arXiv:2506.13585 (CISPO); sapo, luspo and vespo as in TRL 1.10 and EasyR1 at b44b311.
 */
import { ShapeError } from "../util/errors.ts";
import { clamp, klEstimate, maxLogRatio } from "./kl.ts";
import { lossForm, objectiveOptions } from "./loss-types.ts";
import type { LossForm, ObjectiveOptions } from "./loss-types.ts";

/** Packed tokens of completions, and what each needs. */
export interface ObjectiveInputs {
  /** [T] log-probability of each completion token under the policy. */
  logp: ArrayLike<number>;
  /** [T] the same when it was sampled; null or absent: on-policy, the ratio is 1. */
  oldLogp?: ArrayLike<number> | null;
  /** [T] the same under the reference; null or absent: no KL. */
  refLogp?: ArrayLike<number> | null;
  /** [T] the advantage of the token, or of its sequence. */
  advantages: ArrayLike<number>;
  /** [T]; see {@link tokenWeights}. A token of weight 0 takes part in nothing. */
  weights: ArrayLike<number>;
  /** [S] tokens of each sequence, in order; they add up to T. What is of a sequence (gspo, luspo, vespo) needs it. */
  lengths?: ArrayLike<number>;
  options?: Partial<ObjectiveOptions>;
}

/** The loss and its derivative. */
export interface ObjectiveResult {
  loss: number;
  /** The loss without its KL part. */
  policyLoss: number;
  /** [T] l_t, unweighted; 0 where the weight is 0. */
  perToken: Float64Array;
  /** [T] d loss / d logp, weight included. */
  dlogp: Float64Array;
  /** [T] the importance ratio at its level; of vespo, W. */
  ratio: Float64Array;
  kl: Float64Array;
  /** 1 where the ratio is below 1 − clipRatioLow and A < 0 (TRL's `clip_ratio/low`); of clip and cispo. */
  clippedLow: Uint8Array;
  /** 1 where the ratio is above 1 + clipRatioHigh and A > 0. */
  clippedHigh: Uint8Array;
  /** 1 where the dual clip replaced the loss. */
  clippedDual: Uint8Array;
  /** Mean of oldLogp − logp over the tokens that weigh something: EasyR1's `ppo_kl`. */
  ppoKl: number;
}

/**
 * Evaluates the objective. All arrays of tokens have the same length T.
 * @throws ShapeError where they have not, or where a loss of sequences is not told their `lengths`.
 */
export function policyObjective(inputs: ObjectiveInputs): ObjectiveResult {
  const { logp, refLogp, advantages, weights } = inputs;
  const options = objectiveOptions(inputs.options);
  const form = lossForm(options);
  const T = logp.length;
  for (const [name, array] of Object.entries({ oldLogp: inputs.oldLogp, refLogp, advantages, weights })) {
    if (array && array.length !== T)
      throw new ShapeError(`policyObjective: ${name}`, array.length, `${T}, the tokens of logp`);
  }
  const result: ObjectiveResult = {
    loss: 0,
    policyLoss: 0,
    perToken: new Float64Array(T),
    dlogp: new Float64Array(T),
    ratio: new Float64Array(T),
    kl: new Float64Array(T),
    clippedLow: new Uint8Array(T),
    clippedHigh: new Uint8Array(T),
    clippedDual: new Uint8Array(T),
    ppoKl: 0,
  };
  const { logRatio, count } = logRatios(inputs, form, result);
  /** Weighted slopes by the log-ratio, where that is the sequence's. */
  const pull = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    const weight = weights[t];
    if (weight === 0) continue;
    const A = advantages[t];
    const w = logRatio[t];
    const ratio = Math.exp(clamp(w, -maxLogRatio, maxLogRatio));
    const policy = surrogate({ A, w, ratio, logp: logp[t] }, form, options);
    const kl = refLogp
      ? klEstimate(logp[t] - refLogp[t], options.klType, options.klClamp)
      : { value: 0, slope: 0 };
    if (options.useBiasCorrectionKl) {
      // The ratio's own derivative is the ratio, at the levels that allow this.
      kl.slope = ratio * (kl.slope + (Math.abs(w) > maxLogRatio ? 0 : kl.value));
      kl.value *= ratio;
    }
    result.perToken[t] = policy.value + options.klCoef * kl.value;
    result.ratio[t] = ratio;
    result.kl[t] = kl.value;
    if (form.level === "sequence" && policy.byRatio) {
      pull[t] = weight * policy.slope;
      result.dlogp[t] = weight * options.klCoef * kl.slope;
    } else result.dlogp[t] = weight * (policy.slope + options.klCoef * kl.slope);
    if (form.surrogate === "clip" || form.surrogate === "cispo") {
      result.clippedLow[t] = ratio < 1 - options.clipRatioLow && A < 0 ? 1 : 0;
      result.clippedHigh[t] = ratio > 1 + options.clipRatioHigh && A > 0 ? 1 : 0;
      result.clippedDual[t] = policy.dual ? 1 : 0;
    }
    result.policyLoss += weight * policy.value;
    result.loss += weight * result.perToken[t];
  }
  if (form.level === "sequence") spread(pull, inputs, count, result.dlogp);
  return result;
}

interface Term {
  value: number;
  slope: number;
  /** The slope is by the log-ratio and not by the token's own log-prob. */
  byRatio: boolean;
  dual?: boolean;
}

/** The policy term of a token, without its weight. */
function surrogate(
  { A, w, ratio, logp }: { A: number; w: number; ratio: number; logp: number },
  form: LossForm,
  options: ObjectiveOptions,
): Term {
  const low = 1 - options.clipRatioLow;
  const high = 1 + options.clipRatioHigh;
  const ratioSlope = Math.abs(w) > maxLogRatio ? 0 : ratio;
  switch (form.surrogate) {
    case "clip": {
      const capped = Math.min(ratio, options.delta ?? Infinity);
      const unclipped = -A * capped;
      const clipped = -A * clamp(ratio, low, high);
      const value = Math.max(unclipped, clipped);
      const bound = -A * (options.clipRatioDual ?? Infinity);
      if (A < 0 && value > bound) return { value: bound, slope: 0, byRatio: true, dual: true };
      // Where both branches agree the ratio is inside the clip range, and the clipped one has the same slope.
      // Written so that NaN is on the side that keeps it.
      const flat = unclipped < clipped || ratio > capped;
      return { value, slope: flat ? 0 : -A * ratioSlope, byRatio: true };
    }
    case "cispo": {
      const slope = -A * clamp(ratio, low, high);
      return { value: slope * logp, slope, byRatio: false };
    }
    case "sapo": {
      const tau = A >= 0 ? options.tauPositive : options.tauNegative;
      const gate = 1 / (1 + Math.exp(-tau * (ratio - 1)));
      return { value: (-A * 4 * gate) / tau, slope: -A * 4 * gate * (1 - gate) * ratioSlope, byRatio: true };
    }
    case "vespo": {
      const [k, lambda] =
        A >= 0
          ? [options.vespoKPositive, options.vespoLambdaPositive]
          : [options.vespoKNegative, options.vespoLambdaNegative];
      const slope = -A * Math.exp(lambda + k * w - lambda * ratio);
      return { value: slope * logp, slope, byRatio: false };
    }
  }
}

/** TRL bounds vespo's sequence ratio from below by 1e-8, from above as all are. */
const leastLogWeight = Math.log(1e-8);

/** The log-ratio of each token at its level, and how many tokens of each sequence take part. Sets `ppoKl`. */
function logRatios(
  { logp, oldLogp, weights, lengths }: ObjectiveInputs,
  { level, surrogate: kind }: LossForm,
  result: ObjectiveResult,
): { logRatio: Float64Array; count: number[] } {
  const own = Float64Array.from(logp, (value, t) => {
    if (weights[t] === 0) return 0;
    return value - (oldLogp ? oldLogp[t] : value);
  });
  let tokens = 0;
  for (let t = 0; t < own.length; t++) if (weights[t] !== 0) tokens++;
  if (tokens > 0) result.ppoKl = -own.reduce((sum, d) => sum + d, 0) / tokens;
  if (level === "token") return { logRatio: own, count: [] };
  const count: number[] = [];
  const logRatio = new Float64Array(own.length);
  for (const [begin, end] of ranges(lengths, own.length)) {
    let n = 0;
    let sum = 0;
    for (let t = begin; t < end; t++) {
      if (weights[t] === 0) continue;
      n++;
      sum += kind === "vespo" ? clamp(own[t], -maxLogRatio, maxLogRatio) : own[t];
    }
    count.push(n);
    if (n > 0)
      logRatio.fill(kind === "vespo" ? clamp(sum, leastLogWeight, maxLogRatio) : sum / n, begin, end);
  }
  return { logRatio, count };
}

/** Gradients by a sequence's mean log-ratio, to the tokens that it is the mean of. */
function spread(
  pull: Float64Array,
  { weights, lengths }: ObjectiveInputs,
  count: readonly number[],
  dlogp: Float64Array,
): void {
  for (const [s, [begin, end]] of ranges(lengths, pull.length).entries()) {
    let sum = 0;
    for (let t = begin; t < end; t++) sum += pull[t];
    for (let t = begin; t < end; t++) if (weights[t] !== 0) dlogp[t] += sum / count[s];
  }
}

/** Where each sequence's tokens are. */
function ranges(lengths: ArrayLike<number> | undefined, tokens: number): [begin: number, end: number][] {
  let at = 0;
  const found = Array.from(lengths ?? [], (length): [number, number] => [at, (at += length)]);
  if (at !== tokens)
    throw new ShapeError("policyObjective: lengths", lengths ? at : "none", `${tokens} tokens in all`);
  return found;
}

/** Mean and largest |a − b| over the tokens that weigh something: how far the sampler's log-probs are from the trainer's. */
export function logpDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  weights?: ArrayLike<number>,
): { mean: number; max: number } {
  if (a.length !== b.length) throw new ShapeError("logpDifference: lengths", b.length, a.length);
  let sum = 0;
  let max = 0;
  let count = 0;
  for (let t = 0; t < a.length; t++) {
    if (weights && weights[t] === 0) continue;
    const difference = Math.abs(a[t] - b[t]);
    sum += difference;
    max = Math.max(max, difference);
    count++;
  }
  return { mean: count === 0 ? 0 : sum / count, max };
}
