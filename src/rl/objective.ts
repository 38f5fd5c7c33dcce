/**
 * The policy objective of GRPO and its relatives over packed completion tokens, and its derivative by each token's
 * log-probability: all the network ever sees of the algorithm. Twin of shaders/grpo-loss.wgsl, in float64.
 *
 * With d = logp − oldLogp, r = e^d and advantage A, per token
 *   policy = max(−A·min(r, δ), −A·clip(r, 1 − clipRatioLow, 1 + clipRatioHigh))
 *   policy = min(policy, −A·clipRatioDual)                            if A < 0 and dual clipping is on
 *   l      = policy + klCoef · kl(logp − refLogp)
 * and loss = Σ_t weight_t · l_t: the loss type is only a choice of weights.
 *
 * Shao et al. 2024, arXiv:2402.03300 (GRPO); Yu et al. 2025, arXiv:2503.14476 (DAPO); Liu et al. 2025,
 * arXiv:2503.20783 (Dr. GRPO); Ye et al. 2020, arXiv:1912.09729 (dual clip); Schulman 2020, "Approximating KL
 * divergence" (k1, k2, k3).
 */
import { InvalidOptionError, ShapeError } from "../util/errors.ts";

/** What a token weighs in the loss: see {@link sequenceWeights}. */
export type LossType = "grpo" | "bnpo" | "dr_grpo" | "dapo";
/** How the KL to the reference is estimated from x = logp − refLogp: k1 is x, k2 x²/2, k3 e^(−x) − 1 + x. */
export type KlType = "k1" | "k2" | "k3";

/** All {@link LossType}s. */
export const lossTypes: readonly LossType[] = ["grpo", "bnpo", "dr_grpo", "dapo"];
/** All {@link KlType}s. */
export const klTypes: readonly KlType[] = ["k1", "k2", "k3"];

/** Clipping and KL. */
export interface ObjectiveOptions {
  clipRatioLow: number;
  clipRatioHigh: number;
  /** EasyR1's `clip_ratio_dual` (3.0 there): bounds the loss of a token with a negative advantage. null: off. */
  clipRatioDual: number | null;
  /** TRL's two-sided clipping: caps the unclipped ratio. null: off. */
  delta: number | null;
  klCoef: number;
  klType: KlType;
  /** EasyR1's clamps of k3: the log-ratio to ±20, the value to ±10; no gradient beyond. TRL has none (false). */
  klClamp: boolean;
}

/** d is clamped to ± this before the exponential, as in EasyR1; there is no gradient beyond. */
export const maxLogRatio = 20;
const maxKl = 10;

/**
 * Fills in defaults: clip 0.2/0.2, no dual clip, no delta, no KL (k3 when there is one), as TRL.
 * @throws InvalidOptionError for a value out of range.
 */
export function objectiveOptions(given: Partial<ObjectiveOptions> = {}): ObjectiveOptions {
  const options: ObjectiveOptions = {
    clipRatioLow: given.clipRatioLow ?? 0.2,
    clipRatioHigh: given.clipRatioHigh ?? given.clipRatioLow ?? 0.2,
    clipRatioDual: given.clipRatioDual ?? null,
    delta: given.delta ?? null,
    klCoef: given.klCoef ?? 0,
    klType: given.klType ?? "k3",
    klClamp: given.klClamp ?? false,
  };
  const check = (name: keyof ObjectiveOptions, valid: boolean, expected: string) => {
    if (!valid) throw new InvalidOptionError(name, options[name], expected);
  };
  check("clipRatioLow", options.clipRatioLow >= 0 && options.clipRatioLow <= 1, "a number of 0 to 1");
  check(
    "clipRatioHigh",
    options.clipRatioHigh >= 0 && options.clipRatioHigh < Infinity,
    "a number of at least 0",
  );
  check(
    "clipRatioDual",
    options.clipRatioDual === null || options.clipRatioDual > 1,
    "null or a number above 1",
  );
  check(
    "delta",
    options.delta === null || options.delta > 1 + options.clipRatioHigh,
    "null or a number above 1 + clipRatioHigh",
  );
  check("klCoef", options.klCoef >= 0 && options.klCoef < Infinity, "a number of at least 0");
  check("klType", klTypes.includes(options.klType), `one of ${klTypes.join(", ")}`);
  return options;
}

/** What a token's weight depends on, besides the lengths given. */
export interface WeightOptions {
  /** Sequences of the whole optimizer step (all micro-batches). Default: those given. */
  numSequences?: number;
  /** Completion tokens of the whole optimizer step. Default: those given. */
  totalTokens?: number;
  /** The longest completion allowed; needed by dr_grpo. */
  maxCompletionLength?: number;
  /** Micro-batches of the step; bnpo averages over them, each by its own tokens. Default 1. */
  accumulationSteps?: number;
}

/**
 * What each token of sequence s weighs in the loss, so that loss = Σ over all tokens of all micro-batches of the step:
 * - grpo: mean over sequences of token means: 1 / (numSequences · length)
 * - bnpo: mean over the local batch's tokens, averaged over micro-batches: 1 / (Σ lengths · accumulationSteps)
 * - dr_grpo: 1 / (numSequences · maxCompletionLength)
 * - dapo: mean over all tokens of the step: 1 / totalTokens
 *
 * @param lengths completion tokens per sequence, [S]; an empty one weighs nothing.
 * @returns [S]
 */
export function sequenceWeights(
  lossType: LossType,
  lengths: ArrayLike<number>,
  options: WeightOptions = {},
): Float64Array {
  const local = Array.from(lengths).reduce((sum, length) => sum + length, 0);
  const {
    numSequences = lengths.length,
    totalTokens = local,
    accumulationSteps = 1,
    maxCompletionLength,
  } = options;
  const weightOf = (length: number): number => {
    switch (lossType) {
      case "grpo":
        return 1 / (numSequences * length);
      case "bnpo":
        return 1 / (local * accumulationSteps);
      case "dr_grpo":
        if (maxCompletionLength === undefined || !(maxCompletionLength > 0)) {
          throw new InvalidOptionError(
            "dr_grpo: maxCompletionLength",
            maxCompletionLength,
            "a positive number of tokens",
          );
        }
        return 1 / (numSequences * maxCompletionLength);
      case "dapo":
        return 1 / totalTokens;
      default:
        throw new InvalidOptionError("lossType", lossType, `one of ${lossTypes.join(", ")}`);
    }
  };
  return Float64Array.from(lengths, (length) => (length > 0 ? weightOf(length) : 0));
}

/** {@link sequenceWeights} repeated for each token: packed, sequence by sequence, [Σ lengths]. */
export function tokenWeights(
  lossType: LossType,
  lengths: ArrayLike<number>,
  options: WeightOptions = {},
): Float64Array {
  const perSequence = sequenceWeights(lossType, lengths, options);
  return perToken(perSequence, lengths);
}

/** Repeats a value of each sequence for each of its tokens. */
export function perToken(values: ArrayLike<number>, lengths: ArrayLike<number>): Float64Array {
  return Float64Array.from(
    Array.from(lengths).flatMap((length, s) => new Array<number>(length).fill(values[s])),
  );
}

/** Packed tokens of completions, and what each needs. */
export interface ObjectiveInputs {
  /** [T] log-probability of each completion token under the policy. */
  logp: ArrayLike<number>;
  /** [T] the same when it was sampled; null or absent: on-policy, the ratio is 1. */
  oldLogp?: ArrayLike<number> | null;
  /** [T] the same under the reference; null or absent: no KL. */
  refLogp?: ArrayLike<number> | null;
  /** [T] the advantage of the token's sequence. */
  advantages: ArrayLike<number>;
  /** [T]; see {@link tokenWeights}. A token of weight 0 takes no part in anything. */
  weights: ArrayLike<number>;
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
  ratio: Float64Array;
  kl: Float64Array;
  /** 1 where the ratio is below 1 − clipRatioLow and A < 0 (TRL's `clip_ratio/low`). */
  clippedLow: Uint8Array;
  /** 1 where the ratio is above 1 + clipRatioHigh and A > 0. */
  clippedHigh: Uint8Array;
  /** 1 where the dual clip replaced the loss. */
  clippedDual: Uint8Array;
}

/** Evaluates the objective. All arrays have the same length T. */
export function policyObjective(inputs: ObjectiveInputs): ObjectiveResult {
  const { logp, oldLogp, refLogp, advantages, weights } = inputs;
  const options = objectiveOptions(inputs.options);
  const T = logp.length;
  for (const [name, array] of Object.entries({ oldLogp, refLogp, advantages, weights })) {
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
  };
  const low = 1 - options.clipRatioLow;
  const high = 1 + options.clipRatioHigh;
  for (let t = 0; t < T; t++) {
    const weight = weights[t];
    if (weight === 0) continue;
    const A = advantages[t];
    const d = logp[t] - (oldLogp ? oldLogp[t] : logp[t]);
    const ratio = Math.exp(clamp(d, -maxLogRatio, maxLogRatio));
    const capped = Math.min(ratio, options.delta ?? Infinity);
    const unclipped = -A * capped;
    const clipped = -A * clamp(ratio, low, high);
    let policy = Math.max(unclipped, clipped);
    // Where both branches agree the ratio is inside the clip range, and the clipped one has the same slope.
    // Written so that NaN is on the side that keeps it.
    const flat = unclipped < clipped || ratio > capped || Math.abs(d) > maxLogRatio;
    let slope = flat ? 0 : -A * ratio;
    if (options.clipRatioDual !== null && A < 0 && policy > -A * options.clipRatioDual) {
      policy = -A * options.clipRatioDual;
      slope = 0;
      result.clippedDual[t] = 1;
    }
    const kl = refLogp
      ? klEstimate(logp[t] - refLogp[t], options.klType, options.klClamp)
      : { value: 0, slope: 0 };
    result.perToken[t] = policy + options.klCoef * kl.value;
    result.dlogp[t] = weight * (slope + options.klCoef * kl.slope);
    result.ratio[t] = ratio;
    result.kl[t] = kl.value;
    result.clippedLow[t] = ratio < low && A < 0 ? 1 : 0;
    result.clippedHigh[t] = ratio > high && A > 0 ? 1 : 0;
    result.policyLoss += weight * policy;
    result.loss += weight * result.perToken[t];
  }
  return result;
}

/**
 * Estimates KL(policy ‖ reference) from one token, x = logp − refLogp: k1 = x, k2 = x²/2, k3 = e^−x + x − 1; and the
 * estimate's derivative by logp. With `clamp`, k3 is EasyR1's `low_var_kl`.
 */
export function klEstimate(x: number, type: KlType, clampValues = false): { value: number; slope: number } {
  if (type === "k1") return { value: x, slope: 1 };
  if (type === "k2") return { value: (x * x) / 2, slope: x };
  const y = clampValues ? clamp(-x, -maxLogRatio, maxLogRatio) : -x;
  const value = Math.expm1(y) - y;
  if (!clampValues) return { value, slope: -Math.expm1(y) };
  const free = y === -x && value <= maxKl;
  return { value: Math.min(value, maxKl), slope: free ? -Math.expm1(y) : 0 };
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

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
