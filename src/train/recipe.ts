import * as v from "valibot";
import { advantageEstimators } from "../rl/advantage.ts";
import { maxKlError } from "../rl/kl-control.ts";
import { klTypes } from "../rl/kl.ts";
import { conflictOf, importanceSamplingLevels, lossAverages, lossTypes } from "../rl/loss-types.ts";
import { integer, nonNegative, optimizerEntries, positive, share } from "./optimizer-options.ts";
import { parseOptions } from "./parse-options.ts";

/** Every option of a GRPO run with its default. Names and meanings are TRL's or EasyR1's. */
const entries = v.strictObject({
  /** Optimizer steps counted in rollout batches. */
  steps: v.optional(integer(1), 40),
  /** Of the order of examples and of every token drawn. */
  seed: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 1),
  /** Prompts of a step; each is answered numGenerations times. */
  promptsPerStep: v.optional(integer(1), 8),
  /** Completions of a prompt: a group. */
  numGenerations: v.optional(integer(2), 8),
  /** Most tokens of a completion. */
  maxCompletionLength: v.optional(integer(1), 64),
  /** Of the rollouts. 1 draws from the policy as it is. */
  temperature: v.optional(positive, 1),
  /** Only the k most likely tokens are drawn; 0: all. */
  topK: v.optional(integer(0), 0),
  /** Only the most likely tokens that together reach this share are drawn; 1: all. */
  topP: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
  /** Only tokens at least this share as likely as the likeliest are drawn; 0: all. */
  minP: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1)), 0),
  /** The policy loss: see lossForms, policyObjective and sequenceWeights. */
  lossType: v.optional(v.picklist(lossTypes), "dapo"),
  /** What a loss of default, gspo, gspo_token, cispo or sapo averages over; null: what it averages over by itself. */
  lossAverage: v.optional(v.nullable(v.picklist(lossAverages)), null),
  /** What importance ratios are of: see ImportanceSamplingLevel; null: what the loss type has by itself. */
  importanceSamplingLevel: v.optional(v.nullable(v.picklist(importanceSamplingLevels)), null),
  /** How rewards become advantages: see groupAdvantages and returnAdvantages. */
  advEstimator: v.optional(v.picklist(advantageEstimators), "grpo"),
  /** What an advantage of grpo or grpo_passk is divided by: the spread of its group, of the step, or nothing. */
  scaleRewards: v.optional(v.picklist(["group", "batch", "none"] as const), "group"),
  /** Added to the standard deviation of a group: TRL has 1e-4, EasyR1 1e-6. */
  advantageEps: v.optional(nonNegative, 1e-4),
  /** What a reward is worth one token earlier, with reinforce_plus_plus. */
  gamma: v.optional(share, 1),
  /** The ratio of new to old probability counts down to 1 minus this. */
  clipRatioLow: v.optional(share, 0.2),
  /** The ratio counts up to 1 plus this. */
  clipRatioHigh: v.optional(nonNegative, 0.2),
  /** Bounds the loss of a token with a negative advantage, as EasyR1 does with 3; null: not bounded. */
  clipRatioDual: v.optional(v.nullable(v.pipe(v.number(), v.gtValue(1))), null),
  /** Caps the ratio where it is not clipped, as TRL does; null: not capped. */
  delta: v.optional(v.nullable(v.pipe(v.number(), v.gtValue(1))), null),
  /** sapo's temperatures, by the sign of the advantage. */
  tauPositive: v.optional(positive, 1),
  tauNegative: v.optional(positive, 1.05),
  /** vespo's k and λ, by the sign of the advantage. */
  vespoKPositive: v.optional(nonNegative, 2),
  vespoLambdaPositive: v.optional(positive, 3),
  vespoKNegative: v.optional(nonNegative, 3),
  vespoLambdaNegative: v.optional(positive, 2),
  /** A function of the user's that takes the place of the loss: see loadObjective. What else is in it goes to the function. */
  objective: v.optional(v.nullable(v.looseObject({ module: v.pipe(v.string(), v.nonEmpty()) })), null),
  /** Weight of the KL to the reference, which is the policy without its adapter. */
  klCoef: v.optional(nonNegative, 0),
  /** Where the KL counts: as a term of the loss, or as a cost within the reward, before advantages. */
  klPlacement: v.optional(v.picklist(["loss", "reward"] as const), "loss"),
  /** Whether klCoef stays as it is, or follows the KL after each step: see adaptKlCoef. */
  klController: v.optional(v.picklist(["fixed", "adaptive"] as const), "fixed"),
  /** The KL that an adaptive klCoef aims at. */
  klTarget: v.optional(positive, 0.1),
  /** Completions in which an adaptive klCoef changes by the factor that one of them asks for. */
  klHorizon: v.optional(positive, 10_000),
  /** How that KL is estimated. */
  klType: v.optional(v.picklist(klTypes), "k3"),
  /** Bounds k3 as EasyR1's low_var_kl does. */
  klClamp: v.optional(v.boolean(), false),
  /** Multiplies a token's KL by its importance ratio, as TRL's use_bias_correction_kl does. */
  useBiasCorrectionKl: v.optional(v.boolean(), false),
  /** Measures the KL to the adapter-off reference even where klCoef is 0. */
  logKl: v.optional(v.boolean(), false),
  /** Trains only on groups that teach something, and draws other prompts for the rest: see filterGroup. */
  onlineFiltering: v.optional(v.boolean(), false),
  /** What groups are filtered by: `overall`, the reward, or a part of it, such as `accuracy`. */
  filterKey: v.optional(v.pipe(v.string(), v.nonEmpty()), "overall"),
  /** A group is kept when its mean is above this … */
  filterLow: v.optional(v.pipe(v.number(), v.finite()), 0.01),
  /** … and below this. */
  filterHigh: v.optional(v.pipe(v.number(), v.finite()), 0.99),
  /** Times that a step draws prompts before it goes on with the groups that were kept. */
  maxTryMakeBatch: v.optional(integer(1), 20),
  /** Updates on the same rollouts (μ). */
  numIterations: v.optional(integer(1), 1),
  ...optimizerEntries("constant"),
  /** Tokens of a micro-batch, prompts included; a step with more is accumulated. 0: the whole step at once. */
  tokensPerBatch: v.optional(integer(0), 0),
  /** Keeps only the blocks' inputs for the backward pass and computes the rest again. */
  recompute: v.optional(v.boolean(), false),
  /** Put before each chat as a system turn. */
  system: v.optional(v.nullable(v.string()), null),
});

/** Every option checked, and options that contradict each other refused. */
export const recipeSchema = v.pipe(
  entries,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const recipe = dataset.value;
    const check = (key: keyof typeof recipe, valid: boolean, expected: string, got?: string) => {
      if (valid) return;
      const value = recipe[key];
      const received = got ?? JSON.stringify(value);
      const path: v.IssuePathItem = { type: "object", origin: "value", input: recipe, key, value };
      addIssue({ message: expected, expected, received, path: [path] });
    };
    const { advEstimator } = recipe;
    const isScaled = advEstimator === "grpo" || advEstimator === "grpo_passk";
    check("scaleRewards", isScaled || recipe.scaleRewards === "group", `left out with ${advEstimator}`);
    const hasReturns = advEstimator === "reinforce_plus_plus";
    check("gamma", hasReturns || recipe.gamma === 1, `1 with ${advEstimator}`);
    const isAdaptive = recipe.klController === "adaptive";
    check("klCoef", !isAdaptive || recipe.klCoef > 0, "a number above 0 with an adaptive klController");
    // Else a single step could take the weight to 0, or below.
    const leastHorizon = maxKlError * recipe.promptsPerStep * recipe.numGenerations;
    check(
      "klHorizon",
      !isAdaptive || recipe.klHorizon > leastHorizon,
      `more than a fifth of the completions of a step, ${leastHorizon}`,
    );
    const isMeasured = recipe.klCoef > 0 || recipe.logKl;
    check("klPlacement", recipe.klPlacement === "loss" || isMeasured, `"loss", or a klCoef above 0`);
    check(
      "filterHigh",
      recipe.filterHigh > recipe.filterLow,
      `a number above filterLow, ${recipe.filterLow}`,
    );
    const conflict = conflictOf(recipe);
    if (conflict) check(conflict.option, false, conflict.expected, conflict.got);
    const hasRatio = recipe.klPlacement === "loss" || !recipe.useBiasCorrectionKl;
    check("useBiasCorrectionKl", hasRatio, "false with the KL in the reward");
  }),
);

/** A GRPO run's options, all of them set. @interface */
export type Recipe = v.InferOutput<typeof recipeSchema>;
/** A GRPO run's options; those left out take their defaults. @interface */
export type RecipeOptions = v.InferInput<typeof recipeSchema>;

/**
 * Fills in defaults and checks every value.
 * @throws InvalidOptionError naming the option, what was got and what is expected; unknown options too.
 */
export function parseRecipe(options: unknown): Recipe {
  return parseOptions("recipe", recipeSchema, options);
}
