import { parseRunRecipe, shippedRecipes, type RunRecipe } from "thinktab";

// #region recipes
/** Reinforcement learning: what the policy says is rewarded. */
export const rewarded = {
  model: "toy",
  task: { name: "shapes", reward: "answer" },
  grpo: { steps: 40, learningRate: 1e-3, logKl: true },
};

/** Supervised learning: the policy is shown what is right. */
export const shown = {
  model: "toy",
  task: { name: "shapes" },
  sft: { steps: 20, mode: "think", learningRate: 1e-3 },
  evaluation: { scenes: 64 },
};
// #endregion

// #region change
/** The toy recipe for a quick look: fewer steps and held-out examples, another seed. */
export const quick: RunRecipe = parseRunRecipe(shippedRecipes.toy, { steps: 12, seed: 2, scenes: 64 });
// #endregion
