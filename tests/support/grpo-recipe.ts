import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import type { GrpoRunRecipe, RecipeOverrides } from "../../src/train/run-recipe.ts";

/** A recipe that is known to train by GRPO. */
export function grpoRecipe(json: unknown, overrides?: RecipeOverrides): GrpoRunRecipe {
  const recipe = parseRunRecipe(json, overrides);
  if ("sft" in recipe) throw new Error("the recipe trains by demonstrations");
  return recipe;
}
