import { MemoryBudgetError, parseRunRecipe } from "thinktab";
import type { RemotePolicy, RunPlan } from "thinktab";

// #region fit
/** Changes of a GRPO recipe that take less memory each. The first two cost time, and change nothing else. */
export const measures: { what: string; change: object }[] = [
  { what: "as it is", change: {} },
  { what: "in parts of 1024 tokens", change: { tokensPerBatch: 1024 } },
  { what: "and blocks computed again", change: { recompute: true } },
  { what: "and 4 prompts a step", change: { promptsPerStep: 4 } },
  { what: "and 4 answers each", change: { numGenerations: 4 } },
];

/** How far a GRPO recipe has to be changed to fit this device, and its plan then. Nothing is trained. */
export async function fit(policy: RemotePolicy, { grpo, ...rest }: { grpo: object; [key: string]: unknown }) {
  let problem: unknown;
  let changed = grpo;
  for (const { what, change } of measures) {
    changed = { ...changed, ...change };
    const recipe = parseRunRecipe({ ...rest, grpo: changed });
    try {
      return { what, recipe, plan: await policy.plan(recipe) };
    } catch (error) {
      if (!(error instanceof MemoryBudgetError)) throw error;
      problem = error; // its message has a table: what takes how much, and what is left
    }
  }
  throw problem;
}

/** All that a run would take, in bytes. */
export function totalBytes({ budget }: RunPlan): number {
  return budget.reduce((sum, [, bytes]) => sum + bytes, 0);
}
// #endregion
