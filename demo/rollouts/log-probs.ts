/** How likely a group's completions are under the present weights: computed when it is asked for. */
import type { GroupRecord, RolloutRecord, RunRecipe } from "../../workers/client.ts";
import { session } from "../state/session.ts";
import { changeOf } from "./groups.ts";
import { rollouts as state } from "./rollouts-state.ts";

/** By the completion's tokens as they were recorded. */
export type Changes = ReadonlyMap<RolloutRecord, (number | null)[]>;

/**
 * The change of each token's log-prob since it was drawn.
 * @param onProgress how many of the group's completions are done.
 */
export async function changesOf(
  group: GroupRecord,
  recipe: RunRecipe,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<Changes> {
  const [{ policy }, { messages }] = await Promise.all([
    session.ready({ signal }),
    state.example(group.seed),
  ]);
  const { system, temperature } =
    "grpo" in recipe ? recipe.grpo : { system: recipe.sft.system, temperature: 1 };
  const changes = new Map<RolloutRecord, (number | null)[]>();
  for (const rollout of group.rollouts) {
    if (rollout.tokens.length > 0) {
      const { logps } = await policy.inspect(messages, rollout.tokens, {
        system: system ?? undefined,
        temperature,
        attention: false,
        signal,
      });
      changes.set(rollout, changeOf(logps, rollout.logps));
    }
    onProgress(changes.size);
  }
  return changes;
}
