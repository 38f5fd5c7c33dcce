import * as v from "valibot";
import { integer, optimizerEntries, share } from "./optimizer-options.ts";
import { parseOptions } from "./parse-options.ts";

/** Every option of supervised fine-tuning with its default. Names and meanings are TRL's. */
export const sftSchema = v.strictObject({
  /** Optimizer steps. */
  steps: v.optional(integer(1), 100),
  /** Examples of a step. */
  batchSize: v.optional(integer(1), 16),
  /** Examples that go through the network at once; a step with more is accumulated. 0: all of them. */
  microBatchSize: v.optional(integer(0), 0),
  /**
   * Tokens of a micro-batch, prompts included: as many examples as fit are packed into one, without padding, and an
   * example that is longer is left out. 0: no limit.
   */
  tokensPerBatch: v.optional(integer(0), 0),
  ...optimizerEntries("cosine"),
  /** Where the schedule ends, as a share of the learning rate. */
  minRatio: v.optional(share, 0),
  /** Keeps only the blocks' inputs for the backward pass and computes the rest again. */
  recompute: v.optional(v.boolean(), false),
});

/** The options of an SFT run, all of them set. @interface */
export type SftRecipe = v.InferOutput<typeof sftSchema>;
/** The options of an SFT run; those left out take their defaults. @interface */
export type SftRecipeOptions = v.InferInput<typeof sftSchema>;

/**
 * Fills in defaults and checks every value.
 * @throws InvalidOptionError naming the option, what was got and what is expected; unknown options too.
 */
export function parseSftRecipe(options: unknown): SftRecipe {
  return parseOptions("SFT recipe", sftSchema, options);
}
