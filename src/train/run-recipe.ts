import * as v from "valibot";
import type { WeightFormat } from "../kernels/weight.ts";
import type { ModelOptions } from "../models/model.ts";
import { splits } from "../tasks/task.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { parseOptions } from "./parse-options.ts";
import { recipeSchema } from "./recipe.ts";

const formats = ["q8", "q4", "f16", "f32"] as const satisfies readonly WeightFormat[];
const text = v.pipe(v.string(), v.nonEmpty());
const integer = (least: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least));

const schema = v.strictObject({
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
  grpo: v.optional(recipeSchema, {}),
  /** Greedy answers to held-out examples before and after the run. */
  evaluation: v.optional(
    v.strictObject({
      /** Examples; 0 leaves the evaluations out. */
      scenes: v.optional(integer(0), 512),
      split: v.optional(v.picklist(splits), "test"),
    }),
    {},
  ),
});

/** All that a run is made of, every option set: the same recipe on the same adapter gives the same weights. */
export type RunRecipe = v.InferOutput<typeof schema>;

/** What a command line or a page changes in a recipe. */
export interface RecipeOverrides {
  steps?: number;
  seed?: number;
  /** Held-out examples of the evaluations. */
  scenes?: number;
}

/**
 * Reads a recipe file's content, fills in defaults and checks every value.
 * @throws InvalidOptionError such as `recipe: grpo.steps: got 0, expected >=1`; unknown keys too.
 */
export function parseRunRecipe(json: unknown, overrides: RecipeOverrides = {}): RunRecipe {
  return parseOptions("recipe", schema, overridden(json, overrides));
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
export function modelOptions({ format, lora }: RunRecipe): ModelOptions {
  return { format, lora };
}

/** Options replace what the file has, and are checked as if they stood there. */
function overridden(json: unknown, { steps, seed, scenes }: RecipeOverrides): unknown {
  if (!isRecord(json)) return json;
  const replace = (key: string, values: Record<string, number | undefined>) => {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    const old = json[key] ?? {};
    return Object.keys(given).length > 0 && isRecord(old) ? { [key]: { ...old, ...given } } : {};
  };
  return { ...json, ...replace("grpo", { steps, seed }), ...replace("evaluation", { scenes }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
