import { expect } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { modelOptions } from "../../src/train/run-recipe.ts";
import type { RunRecipe } from "../../src/train/run-recipe.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { trainRun } from "../../src/train/run.ts";
import type { RunEvent, RunOptions } from "../../src/train/run.ts";
import { sharedDevice } from "./device.ts";

/** The tiny policy, freshly loaded as a recipe says. */
export async function withPolicy<T>(recipe: RunRecipe, work: (policy: Policy) => Promise<T>): Promise<T> {
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(1), modelOptions(recipe));
  try {
    return await work(policy);
  } finally {
    policy.destroy();
  }
}

type PartOptions = Partial<RunOptions> & { recipe: RunRecipe };

/** One process's part of a run: from loading the policy to the last event, or the error. */
export function runPart(
  store: BlobStore,
  options: PartOptions,
  onEvent?: (event: RunEvent) => void,
): Promise<RunEvent[]> {
  return withPolicy(options.recipe, async (policy) => {
    const events: RunEvent[] = [];
    const folder = new RunFolder(store);
    const kit = { version: "0.0.0", node: "20" };
    const stream = trainRun({ policy, folder, kit, checkpointEvery: 1, ...options });
    for await (const event of stream) {
      events.push(event);
      onEvent?.(event);
    }
    return events;
  });
}

/** {@link runPart}, stopped by its signal when an event comes up that passes the test. */
export async function stopPartAt(
  store: BlobStore,
  at: (event: RunEvent) => boolean,
  options: PartOptions,
): Promise<RunEvent[]> {
  const controller = new AbortController();
  const events = await runPart(store, { signal: controller.signal, ...options }, (event) => {
    if (at(event)) controller.abort();
  });
  expect(events.at(-1)).toMatchObject({ type: "done", reason: "stopped" });
  return events;
}

export function recordOf(events: readonly RunEvent[]): RunRecord {
  const last = events.at(-1);
  if (last?.type !== "finished") throw new Error(`the run ended with ${last?.type}`);
  return last.record;
}
