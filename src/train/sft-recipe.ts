import * as v from "valibot";
import { parseOptions } from "./parse-options.ts";
import { scheduleKinds } from "./schedule.ts";

const integer = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));
const positive = v.pipe(v.number(), v.gtValue(0), v.finite());
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const nonNegative = v.pipe(v.number(), v.minValue(0), v.finite());

/** Every option of supervised fine-tuning with its default. Names and meanings are TRL's. */
const schema = v.strictObject({
  /** Optimizer steps. */
  steps: v.optional(integer(1), 100),
  /** Examples of a step. */
  batchSize: v.optional(integer(1), 16),
  /** Examples that go through the network at once; a step with more is accumulated. 0: all of them. */
  microBatchSize: v.optional(integer(0), 0),
  learningRate: v.optional(nonNegative, 1e-4),
  schedule: v.optional(v.picklist(scheduleKinds), "cosine"),
  warmupSteps: v.optional(integer(0), 0),
  /** Where the schedule ends, as a share of the learning rate. */
  minRatio: v.optional(share, 0),
  adamBeta1: v.optional(share, 0.9),
  adamBeta2: v.optional(share, 0.999),
  adamEps: v.optional(positive, 1e-8),
  weightDecay: v.optional(nonNegative, 0),
  maxGradNorm: v.optional(nonNegative, 1),
  /** Keeps only the blocks' inputs for the backward pass and computes the rest again. */
  recompute: v.optional(v.boolean(), false),
});

/** The options of an SFT run, all of them set. */
export type SftRecipe = v.InferOutput<typeof schema>;
export type SftRecipeOptions = v.InferInput<typeof schema>;

/**
 * Fills in defaults and checks every value.
 * @throws InvalidOptionError naming the option, what was got and what is expected; unknown options too.
 */
export function parseSftRecipe(options: unknown): SftRecipe {
  return parseOptions("SFT recipe", schema, options);
}
