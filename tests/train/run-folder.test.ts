import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import type { Checkpoint } from "../../src/storage/checkpoint.ts";
import type { GroupRecord } from "../../src/train/events.ts";
import { shippedRecipes } from "../../src/train/recipes.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import { noDigest, recordedStep } from "../../src/train/run-record.ts";
import { CheckpointError, CorruptFileError, StorageError } from "../../src/util/errors.ts";
import { failingStore, storedText } from "../support/failing-store.ts";

const groups: GroupRecord[] = [
  {
    exampleId: "x",
    seed: 7,
    prompt: "how many?",
    answer: "two",
    rollouts: ["zwölf", "two"].map((text, i) => ({
      text,
      tokens: [1, 2],
      logps: [-0.123456, -1],
      finishReason: "stop",
      reward: i,
      rewardParts: { accuracy: i },
      advantage: 2 * i - 1,
    })),
  },
];

async function filled(steps: number, store: BlobStore = memoryStore()): Promise<RunFolder> {
  const folder = new RunFolder(store);
  for (let step = 0; step < steps; step++)
    await folder.addStep(
      recordedStep(step, { reward: step }, { digest: noDigest, wallMs: 10 * step }),
      step,
      groups,
    );
  return folder;
}

const checkpoint = (step: number): Checkpoint => ({
  state: { step, seed: 1, config: {}, versions: {}, progress: {} },
  tensors: [{ name: "a", dtype: "F32", shape: [1], data: Float32Array.of(step) }],
});

const linesOf = async (store: BlobStore, key: string) => (await storedText(store, key)).trimEnd().split("\n");
const add = (store: BlobStore, key: string, text: string) =>
  store.append(key, new TextEncoder().encode(text));

describe("RunFolder", () => {
  it("adds a line a completion and a line a step", async () => {
    const { store } = await filled(2);
    const rollouts = await linesOf(store, "rollouts.jsonl");
    expect(rollouts).toHaveLength(4);
    expect(JSON.parse(rollouts[2])).toEqual({
      step: 1,
      policyVersion: 1,
      example: "x",
      seed: 7,
      prompt: "how many?",
      answer: "two",
      text: "zwölf",
      tokens: [1, 2],
      logps: [-0.1235, -1],
      finishReason: "stop",
      reward: 0,
      parts: { accuracy: 0 },
      advantage: -1,
    });
    expect(await linesOf(store, "metrics.jsonl")).toHaveLength(2);
  });

  it("cuts back to a checkpoint's steps, torn lines included, and goes on cleanly", async () => {
    const folder = await filled(3);
    const { store } = folder;
    await add(store, "rollouts.jsonl", '{"step":3,"text":"zw\u00f6');
    await add(store, "metrics.jsonl", '{"step":3');
    expect((await folder.cutBack(2)).map(({ step }) => step)).toEqual([0, 1]);
    const { store: expected } = await filled(2);
    for (const key of ["rollouts.jsonl", "metrics.jsonl"])
      expect(await store.load(key), key).toEqual(await expected.load(key));
    await folder.addStep(recordedStep(2, {}, { digest: noDigest, wallMs: 1 }), 2, groups);
    expect((await folder.steps()).map(({ step }) => step)).toEqual([0, 1, 2]);
    expect(await folder.cutBack(0)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  it("says when lines that a checkpoint needs are missing, and keeps those there are", async () => {
    const folder = await filled(2);
    await expect(folder.cutBack(3)).rejects.toThrow(CheckpointError);
    await expect(folder.cutBack(3)).rejects.toThrow(/metrics\.jsonl in memory: got 2 steps, expected the 3/);
    expect(await folder.steps()).toHaveLength(2);
    await folder.store.save("metrics.jsonl", new TextEncoder().encode('{"step":"x"}\n'));
    await expect(folder.steps()).rejects.toThrow(CorruptFileError);
  });

  it("does not count steps after a gap", async () => {
    const folder = await filled(2);
    const later = recordedStep(3, {}, { digest: noDigest, wallMs: 1 });
    await add(folder.store, "metrics.jsonl", `${JSON.stringify(later)}\n`);
    expect(await folder.steps()).toHaveLength(2);
  });

  it("keeps the two newest checkpoints, and the old ones while a new one cannot be saved", async () => {
    const store = memoryStore();
    const folder = new RunFolder(store);
    for (const step of [1, 2, 3]) await folder.saveCheckpoint(checkpoint(step));
    const keys = ["checkpoint-00000002.safetensors", "checkpoint-00000003.safetensors"];
    expect(await store.list()).toEqual(keys);
    const full = new RunFolder(failingStore(store, { after: 0, error: () => new StorageError("full") }));
    await expect(full.saveCheckpoint(checkpoint(4))).rejects.toThrow(StorageError);
    expect(await store.list()).toEqual(keys);
    expect((await folder.latestCheckpoint())?.state.step).toBe(3);
  });

  it("knows whether there is a run, and clears it and nothing else", async () => {
    const store = memoryStore();
    const folder = new RunFolder(store);
    await add(store, "notes.txt", "mine");
    expect(await folder.status()).toBeNull();
    expect(await folder.recipe()).toBeNull();
    const recipe = parseRunRecipe(shippedRecipes.toy);
    await folder.saveRecipe(recipe);
    expect(await folder.recipe()).toEqual(recipe);
    expect(await folder.status()).toEqual({ steps: 0, finished: false });
    await filled(2, store);
    await folder.saveCheckpoint(checkpoint(2));
    expect(await folder.status()).toEqual({ steps: 2, finished: false });
    await folder.clear();
    expect(await store.list()).toEqual(["notes.txt"]);
  });

  it("names a file that is damaged", async () => {
    const folder = new RunFolder(memoryStore());
    for (const key of ["run.json", "evaluation-before.json"]) await add(folder.store, key, "{");
    await expect(folder.record()).rejects.toThrow(/run\.json in memory: it is not JSON/);
    await expect(folder.evaluation("before")).rejects.toThrow(CorruptFileError);
    await folder.store.save("evaluation-before.json", new TextEncoder().encode("{}"));
    await expect(folder.evaluation("before")).rejects.toThrow(/it is no evaluation/);
    await expect(folder.evaluation("after")).resolves.toBeNull();
  });
});
