import * as v from "valibot";
import type { WeightFormat } from "../kernels/weight.ts";
import type { ModelOptions } from "../models/model.ts";
import { splits } from "../tasks/task.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import { share } from "./optimizer-options.ts";
import { parseOptions } from "./parse-options.ts";
import { recipeSchema } from "./recipe.ts";
import { sftSchema } from "./sft-recipe.ts";

const formats = ["q8", "q4", "f16", "f32"] as const satisfies readonly WeightFormat[];
const text = v.pipe(v.string(), v.nonEmpty());
const integer = (least: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least));

/** Every option of a supervised run with its default: the trainer's, and what its demonstrations are. */
const sftRunSchema = v.strictObject({
  ...sftSchema.entries,
  /** Of the examples' order and of the modes drawn. */
  seed: v.optional(integer(0), 1),
  /** Whether demonstrations think before they answer; a number is the share of those that do. */
  mode: v.optional(v.union([v.picklist(["think", "answer"] as const), share]), "think"),
  /** Put before each chat as a system turn. */
  system: v.optional(v.nullable(v.string()), null),
  /** Most tokens of an answer in the evaluations. */
  maxCompletionLength: v.optional(integer(1), 64),
});

const common = {
  /** `toy`, the policy that ships with the kit, or a Hugging Face folder. */
  model: text,
  /** How the frozen weights are kept on the GPU. Left out: quantized ones as they are stored, and plain ones in 8 bits. */
  format: v.optional(v.picklist(formats)),
  /** The task by its name, and its options, which the task checks itself. */
  task: v.looseObject({ name: text }),
  lora: v.optional(
    v.strictObject({
      rank: v.optional(integer(1), 8),
      alpha: v.optional(v.pipe(v.number(), v.gtValue(0), v.finite()), 16),
      /** Of the first values of A; B begins at zero. */
      seed: v.optional(integer(0), 0),
    }),
    {},
  ),
  /** Greedy answers to held-out examples before and after the run. */
  evaluation: v.optional(
    v.strictObject({
      /** Examples, or all that the split has where it has fewer; 0 leaves the evaluations out. */
      scenes: v.optional(integer(0), 512),
      split: v.optional(v.picklist(splits), "test"),
    }),
    {},
  ),
};
const grpoSchema = v.strictObject({ ...common, grpo: v.optional(recipeSchema, {}) });
const supervisedSchema = v.strictObject({
  ...common,
  /** Trains every weight in f32 in place of an adapter: the decoder's, or the vision tower's too ("all"). */
  dense: v.optional(v.picklist(["decoder", "all"] as const)),
  sft: sftRunSchema,
});

/** Rewarded completions: reinforcement learning. @interface */
export type GrpoRunRecipe = v.InferOutput<typeof grpoSchema>;
/** Demonstrations of a task that knows the ideal response: supervised learning. @interface */
export type SftRunRecipe = v.InferOutput<typeof supervisedSchema>;
/** Options of a supervised run, all of them set. @interface */
export type SftRunOptions = SftRunRecipe["sft"];

/**
 * All that a run is made of, every option set: the same recipe on the same adapter gives the same weights. It trains by
 * `grpo` or by `sft`, and `"sft" in recipe` tells which.
 */
export type RunRecipe = GrpoRunRecipe | SftRunRecipe;

/** The options of a run's training, of which every kind has steps, seed, system, optimizer and schedule. */
export function trainingOf(recipe: RunRecipe): GrpoRunRecipe["grpo"] | SftRunOptions {
  return "sft" in recipe ? recipe.sft : recipe.grpo;
}

/** What a command line or a page changes in a recipe. */
export interface RecipeOverrides {
  steps?: number;
  seed?: number;
  /** Held-out examples of the evaluations. */
  scenes?: number;
}

/**
 * Reads a recipe file's content, fills in defaults and checks every value. One that has neither `grpo` nor `sft` trains
 * by GRPO with its defaults.
 * @throws InvalidOptionError such as `recipe: grpo.steps: got 0, expected >=1`; unknown keys too, and both kinds at once.
 */
export function parseRunRecipe(json: unknown, overrides: RecipeOverrides = {}): RunRecipe {
  const supervised = isRecord(json) && "sft" in json;
  if (supervised && "grpo" in json)
    throw new InvalidOptionError("recipe", "both grpo and sft", "one of them");
  const given = overridden(json, supervised ? "sft" : "grpo", overrides);
  return supervised
    ? parseOptions("recipe", supervisedSchema, given)
    : parseOptions("recipe", grpoSchema, given);
}

/** {@link parseRunRecipe} of a file's text. `name` is for the message when it is not JSON. */
export function parseRecipeText(text: string, name: string, overrides?: RecipeOverrides): RunRecipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InvalidOptionError(`recipe ${name}`, String(cause), "JSON");
  }
  return parseRunRecipe(json, overrides);
}

/** How the policy of a recipe is loaded. */
export function modelOptions(recipe: RunRecipe): ModelOptions {
  const { format, lora } = recipe;
  const dense = denseOf(recipe);
  return dense ? { format, dense } : { format, lora };
}

/** Which weights a recipe trains in place of an adapter, where it does. */
export function denseOf(recipe: RunRecipe): "decoder" | "all" | undefined {
  return "sft" in recipe ? recipe.dense : undefined;
}

/** The options of a supervised run as an earlier version kept them, with the defaults of those that came since. */
export function parseSftRunOptions(value: unknown): SftRunOptions {
  return parseOptions("recipe: sft", sftRunSchema, value);
}

/** Options replace what the file has, and are checked as if they stood there. */
function overridden(
  json: unknown,
  training: "grpo" | "sft",
  { steps, seed, scenes }: RecipeOverrides,
): unknown {
  if (!isRecord(json)) return json;
  const replace = (key: string, values: Record<string, number | undefined>) => {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    const old = json[key] ?? {};
    return Object.keys(given).length > 0 && isRecord(old) ? { [key]: { ...old, ...given } } : {};
  };
  return { ...json, ...replace(training, { steps, seed }), ...replace("evaluation", { scenes }) };
}
