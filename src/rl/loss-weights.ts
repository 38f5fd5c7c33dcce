import { InvalidOptionError } from "../util/errors.ts";
import { lossForms, lossTypes } from "./loss-types.ts";
import type { LossAverage, LossType } from "./loss-types.ts";

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
  /** Instead of the loss type's own average. */
  lossAverage?: LossAverage | null;
}

/**
 * What each token of sequence s weighs in the loss, so that loss = Σ over all tokens of all micro-batches of the step.
 * By the average that the loss type has, or `lossAverage`:
 * - seq (grpo, sapo): mean over sequences of token means: 1 / (numSequences · length)
 * - token (dapo, default, gspo, gspo_token, cispo, vespo): mean over all tokens of the step: 1 / totalTokens
 * - bnpo: mean over the local batch's tokens, averaged over micro-batches: 1 / (Σ lengths · accumulationSteps)
 * - dr_grpo: 1 / (numSequences · maxCompletionLength)
 * - luspo: mean over sequences of their tokens' sums, in TRL's words of loss times length: 1 / numSequences
 *
 * All but bnpo's are the same however the step falls into micro-batches. (EasyR1 multiplies each micro-batch's `seq`
 * mean by its share of tokens, so that there the split matters; with one micro-batch they agree.)
 *
 * @param lengths completion tokens per sequence, [S]; an empty one weighs nothing.
 * @returns [S]
 */
export function sequenceWeights(
  lossType: LossType,
  lengths: ArrayLike<number>,
  options: WeightOptions = {},
): Float64Array {
  if (!lossTypes.includes(lossType))
    throw new InvalidOptionError("lossType", lossType, `one of ${lossTypes.join(", ")}`);
  const local = Array.from(lengths).reduce((sum, length) => sum + length, 0);
  const {
    numSequences = lengths.length,
    totalTokens = local,
    accumulationSteps = 1,
    maxCompletionLength,
    lossAverage,
  } = options;
  const average = lossAverage ?? lossForms[lossType].average;
  const weightOf = (length: number): number => {
    switch (average) {
      case "seq":
        return 1 / (numSequences * length);
      case "micro_batch":
        return 1 / (local * accumulationSteps);
      case "max_length":
        if (maxCompletionLength === undefined || !(maxCompletionLength > 0)) {
          throw new InvalidOptionError(
            `${lossType}: maxCompletionLength`,
            maxCompletionLength,
            "a positive number of tokens",
          );
        }
        return 1 / (numSequences * maxCompletionLength);
      case "token":
        return 1 / totalTokens;
      case "sum":
        return 1 / numSequences;
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
  return perToken(sequenceWeights(lossType, lengths, options), lengths);
}

/** Repeats a value of each sequence for each of its tokens. */
export function perToken(values: ArrayLike<number>, lengths: ArrayLike<number>): Float64Array {
  return Float64Array.from(
    Array.from(lengths).flatMap((length, s) => new Array<number>(length).fill(values[s])),
  );
}
