import { compareRuns, modelOptions, parseRunRecipe } from "thinktab";
import type { PolicySource, RunComparison, RunRecord, Thinktab } from "thinktab";

// #region replay
/** Runs the recipe of a record again, on a freshly loaded policy, and says what differs. */
export async function replay(
  kit: Thinktab,
  source: PolicySource | string,
  recorded: RunRecord,
): Promise<RunComparison> {
  return compareRuns(recorded, await record(kit, source, recorded.recipe));
}

/** Trains by a recipe, from the beginning; gives the record of the run, which is the content of its run.json. */
export async function record(
  kit: Thinktab,
  source: PolicySource | string,
  json: unknown,
): Promise<RunRecord> {
  const recipe = parseRunRecipe(json);
  const policy = await kit.loadPolicy(source, modelOptions(recipe));
  try {
    for await (const event of policy.train(recipe, { name: "replay" })) {
      if (event.type === "finished") return event.record;
    }
    throw new Error("the run was stopped");
  } finally {
    await policy.dispose();
  }
}
// #endregion
