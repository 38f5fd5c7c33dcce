import { parseRunRecipe, type RunRecipe } from "thinktab";
import type { RecipeOptions } from "thinktab/engine";

// #region losses
/** GSPO as EasyR1's example has it: one ratio for a whole response, with little room. */
export const gspo: RecipeOptions = {
  lossType: "gspo_token",
  lossAverage: "seq",
  clipRatioLow: 3e-4,
  clipRatioHigh: 4e-4,
  numIterations: 2,
};

/** CISPO with TRL's advised cap of 5: the ratio counts up to 5, and no token is left out. */
export const cispo: RecipeOptions = {
  lossType: "cispo",
  clipRatioLow: 1,
  clipRatioHigh: 4,
  numIterations: 2,
};

/** EasyR1's own defaults: clipped on three sides, and a bounded KL to the policy without its adapter. */
export const easyR1: RecipeOptions = {
  lossType: "default",
  clipRatioLow: 0.2,
  clipRatioHigh: 0.3,
  clipRatioDual: 3,
  advantageEps: 1e-6,
  klCoef: 1e-2,
  klType: "k3",
  klClamp: true,
};
// #endregion

// #region own
/** A run by a loss of one's own. The address has to be absolute, and reachable by the worker that trains. */
export function byOwnObjective(module: string): RunRecipe {
  return parseRunRecipe({
    model: "toy",
    task: { name: "shapes", reward: "answer" },
    grpo: { steps: 20, learningRate: 1e-3, objective: { module, keep: 0.1 } },
  });
}
// #endregion
