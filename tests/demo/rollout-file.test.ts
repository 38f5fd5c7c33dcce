import { expect, test } from "vitest";
import { groupsOfStep } from "../../demo/state/rollout-file.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { GroupRecord } from "../../src/train/events.ts";
import { RunFolder } from "../../src/train/run-folder.ts";

function group(exampleId: string, seed: number, rewards: readonly number[]): GroupRecord {
  return {
    exampleId,
    seed,
    prompt: `prompt of ${exampleId}`,
    answer: "2",
    rollouts: rewards.map((reward, index) => ({
      text: `{"step":1, "line": "a\\nb"} ${index}`,
      tokens: [index, 7],
      logps: [-0.5, -0.25],
      finishReason: index === 0 ? "length" : "stop",
      reward,
      rewardParts: { accuracy: reward },
      advantage: reward - 0.5,
    })),
  };
}

/** As the engine writes it. */
async function written(steps: readonly GroupRecord[][]): Promise<Uint8Array> {
  const store = memoryStore();
  const folder = new RunFolder(store);
  for (const [step, groups] of steps.entries())
    await folder.addStep({ step, digest: "0".repeat(64), wallMs: 1 }, step, groups);
  const bytes = await store.load("rollouts.jsonl");
  if (!bytes) throw new Error("nothing was written");
  return bytes;
}

test("the groups of each step are read back as they were, twice the same example included", async () => {
  const steps = [
    [group("a", 3, [1, 0]), group("a", 3, [0, 0])],
    [group("b", 4, [1, 1]), group("c", 5, [0, 1])],
  ];
  const bytes = await written(steps);
  expect(groupsOfStep(bytes, 0, 2)).toEqual(steps[0]);
  expect(groupsOfStep(bytes, 1, 2)).toEqual(steps[1]);
  expect(groupsOfStep(bytes, 2, 2)).toEqual([]);
});

test("step 1 is not step 12, and a torn last line is left out", async () => {
  const steps = Array.from({ length: 13 }, (_, step) => [group(`of ${step}`, step, [step, 0])]);
  const bytes = await written(steps);
  expect(groupsOfStep(bytes, 1, 2)).toEqual(steps[1]);
  const torn = groupsOfStep(bytes.subarray(0, bytes.length - 20), 12, 2);
  expect(torn).toHaveLength(1);
  expect(torn[0].rollouts).toHaveLength(1);
});

test("a last line that is torn after an inner brace is left out, too", async () => {
  const bytes = await written([[group("a", 3, [1, 0])]]);
  const text = new TextDecoder().decode(bytes);
  const torn = text.slice(0, text.lastIndexOf("}", text.lastIndexOf("}") - 1) + 1);
  expect(torn.endsWith("}")).toBe(true);
  expect(groupsOfStep(new TextEncoder().encode(torn), 0, 2)[0].rollouts).toHaveLength(1);
});
