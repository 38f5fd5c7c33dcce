import letterShare from "../../recipes/letter-share.json";
import toy from "../../recipes/toy.json";
import collapse from "../../recipes/toy-collapse.json";
import hybrid from "../../recipes/toy-hybrid.json";
import kl from "../../recipes/toy-kl.json";
import sft from "../../recipes/toy-sft.json";

/** The recipe files that ship with the kit, by name, for the command line and the page: input of `parseRunRecipe`. */
export const shippedRecipes: Readonly<Record<string, unknown>> = {
  toy,
  "toy-hybrid": hybrid,
  "toy-collapse": collapse,
  "toy-kl": kl,
  "toy-sft": sft,
  "letter-share": letterShare,
};
