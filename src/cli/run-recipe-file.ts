import { readFile } from "node:fs/promises";
import { parseRecipeText, parseRunRecipe } from "../train/run-recipe.ts";
import type { RecipeOverrides, RunRecipe } from "../train/run-recipe.ts";
import { shippedRecipes } from "../train/recipes.ts";
import { MissingFileError } from "../util/errors.ts";

/**
 * A recipe by the name of one that ships with the kit, or from a file.
 * @throws MissingFileError when it is neither, InvalidOptionError when the file is no recipe.
 */
export async function readRecipe(nameOrFile: string, overrides: RecipeOverrides): Promise<RunRecipe> {
  if (Object.hasOwn(shippedRecipes, nameOrFile)) return parseRunRecipe(shippedRecipes[nameOrFile], overrides);
  let text: string;
  try {
    text = await readFile(nameOrFile, "utf8");
  } catch (cause) {
    throw new MissingFileError(
      `${nameOrFile}: no such recipe, expected a JSON file or one of ${Object.keys(shippedRecipes).join(", ")}`,
      { cause },
    );
  }
  return parseRecipeText(text, nameOrFile, overrides);
}
