import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/rollout/policy.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { parseSafetensors } from "../../src/storage/safetensors.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { compareRuns, parseRunRecord, weightsSha256 } from "../../src/train/run-record.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { trainRun } from "../../src/train/run.ts";
import type { RunEvent, RunOptions } from "../../src/train/run.ts";
import { CheckpointError, InvalidOptionError, StorageError } from "../../src/util/errors.ts";
import { failingStore, storedText } from "../support/failing-store.ts";
import { grpoRecipe } from "../support/grpo-recipe.ts";
import { recordOf, runPart, stopPartAt, withPolicy } from "../support/training-run.ts";

/** Half of all bytes are wanted: every group has some spread, whatever the seed. */
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?-+*/()[]{}<>";

const recipe = grpoRecipe({
  model: "tiny",
  task: { name: "letter-share", letters },
  lora: { rank: 4, alpha: 8, seed: 1 },
  grpo: {
    steps: 3,
    seed: 3,
    promptsPerStep: 2,
    numGenerations: 4,
    maxCompletionLength: 6,
    learningRate: 1e-2,
  },
  evaluation: { scenes: 6 },
});
const rolloutsOfStep = recipe.grpo.promptsPerStep * recipe.grpo.numGenerations;

const run = (store: BlobStore, options: Partial<RunOptions> = {}) => runPart(store, { recipe, ...options });
const stopAt = (store: BlobStore, at: (event: RunEvent) => boolean, options: Partial<RunOptions> = {}) =>
  stopPartAt(store, at, { recipe, ...options });

const resume = { resume: true };

let uninterrupted: Promise<{ store: BlobStore; events: RunEvent[]; record: RunRecord }> | undefined;
/** The run that all others are held to. */
function whole() {
  uninterrupted ??= (async () => {
    const store = memoryStore();
    const events = await run(store);
    return { store, events, record: recordOf(events) };
  })();
  return uninterrupted;
}

/** The run that ended in this folder is that of {@link whole}, to the bit. */
async function expectWhole(store: BlobStore): Promise<void> {
  const { store: expected, record } = await whole();
  const found = await new RunFolder(store).record();
  if (!found) throw new Error("there is no run.json");
  expect(compareRuns(record, found)).toEqual({
    same: true,
    firstDifferentStep: null,
    weightsMatch: true,
    adapterMatches: true,
    variantsMatch: true,
    kitMatches: true,
  });
  expect(found.before).toEqual(record.before);
  expect(found.after).toEqual(record.after);
  for (const key of ["rollouts.jsonl", "adapter_model.safetensors", "recipe.json"])
    expect(await store.load(key), key).toEqual(await expected.load(key));
  // Which checkpoint is kept besides the last depends on where the run was stopped.
  const files = async (of: BlobStore) =>
    (await of.list()).filter(
      (key) => key !== "checkpoint-00000001.safetensors" && key !== "checkpoint-00000002.safetensors",
    );
  expect(await files(store)).toEqual(await files(expected));
}

describe("trainRun", () => {
  it("evaluates, trains, evaluates again and leaves everything in the folder", async () => {
    const { store, events, record } = await whole();
    const order = events.map(({ type }) => type).filter((type) => type !== "warning");
    const step = ["phase", "phase", "rollouts", "phase", "step", "saved"];
    expect(order).toEqual([
      ...["plan", "evaluating", "evaluating", "evaluation"],
      ...[...step, ...step, ...step],
      ...["evaluating", "evaluating", "evaluation", "finished"],
    ]);
    expect(await store.list()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "checkpoint-00000002.safetensors",
      "checkpoint-00000003.safetensors",
      "curves.svg",
      "evaluation-after.json",
      "evaluation-before.json",
      "metrics.jsonl",
      "recipe.json",
      "rollouts.jsonl",
      "run.json",
    ]);
    expect(parseRunRecord(JSON.parse(await storedText(store, "run.json")))).toEqual(record);
    expect(record).toMatchObject({ format: 1, steps: 3, seed: 3, model: "tiny", recipe });
    expect(record.metrics.map((line) => line.step)).toEqual([0, 1, 2]);
    expect(new Set(record.metrics.map((line) => line.digest)).size).toBe(3);
    expect(record.metrics[2].wallMs).toBeLessThanOrEqual(record.wallMs);
    expect(record.before?.count).toBe(6);
    expect(record.after).not.toEqual(record.before);
    expect(Object.keys(record.variants)).toContain("matmul.forward");
    const adapter = (await store.load("adapter_model.safetensors")) ?? new Uint8Array(0);
    expect(record.weightsSha256).toBe(await weightsSha256(adapter));
    expect((await parseSafetensors(adapter)).tensors.size).toBe(2 * 7 * 2);

    const rollouts = (await storedText(store, "rollouts.jsonl")).trimEnd().split("\n");
    expect(rollouts).toHaveLength(3 * rolloutsOfStep);
    expect(JSON.parse(rollouts[rolloutsOfStep])).toMatchObject({
      step: 1,
      policyVersion: 1,
      finishReason: "length",
    });
    const metrics = (await storedText(store, "metrics.jsonl")).trimEnd().split("\n");
    expect(metrics.map((line) => JSON.parse(line) as unknown)).toEqual(record.metrics);
  });

  it("refuses a folder with a run unless it is to go on, and has nothing to do for a finished one", async () => {
    const { store, record } = await whole();
    await expect(run(store)).rejects.toThrow(/holds a run of 3 steps already; resume it, or take another/);
    const events = await run(store, resume);
    expect(events.map(({ type }) => type)).toEqual(["resumed", "finished"]);
    expect(events[1]).toMatchObject({ record, before: { count: 6 }, after: { count: 6 } });
    expect(await new RunFolder(store).status()).toEqual({ steps: 3, finished: true });
  });

  it("ends in the same bits however often it is killed, and wherever", async () => {
    const store = memoryStore();
    let parts = 0;
    // Each part gets one write more than the last: the kill comes at every place there is, early and late.
    for (let writes = 1; ; writes++) {
      const dying = failingStore(store, { after: writes, torn: true, error: () => new Error("killed") });
      parts++;
      const ended = await run(dying, resume).then(
        () => true,
        (error: unknown) => {
          expect(String(error)).toBe("Error: killed");
          return false;
        },
      );
      if (ended) break;
    }
    expect(parts).toBeGreaterThan(6);
    await expectWhole(store);
  });

  it("ends in the same bits when its signal stops it in an evaluation, in rollouts, or between steps", async () => {
    const store = memoryStore();
    await stopAt(store, (event) => event.type === "evaluating");
    expect(await store.list()).toEqual(["recipe.json"]);
    await stopAt(store, (event) => event.type === "step", resume);
    expect(await store.list()).toContain("adapter_model.safetensors");
    const events = await stopAt(store, (event) => event.type === "phase", resume);
    expect(events).toContainEqual({ type: "resumed", step: 1, torn: [] });
    expect(events.filter(({ type }) => type === "evaluation")).toEqual([]);
    // Without a checkpoint on the way: the signal brings one about.
    await stopAt(store, (event) => event.type === "step" && event.step === 2, {
      ...resume,
      checkpointEvery: 100,
    });
    expect(await store.list()).toContain("checkpoint-00000003.safetensors");
    await stopAt(store, (event) => event.type === "evaluating", resume);
    expect(await new RunFolder(store).status()).toEqual({ steps: 3, finished: false });
    recordOf(await run(store, resume));
    await expectWhole(store);
  });

  it("passes over torn files", async () => {
    const store = memoryStore();
    await stopAt(store, (event) => event.type === "step" && event.step === 1);
    const newest = "checkpoint-00000002.safetensors";
    const checkpoint = (await store.load(newest)) ?? new Uint8Array(0);
    await store.save(newest, checkpoint.subarray(0, checkpoint.length - 9));
    await store.append("metrics.jsonl", new TextEncoder().encode('{"step":2,"dig'));
    await store.append("rollouts.jsonl", new TextEncoder().encode('{"step":2,"text":"\u00e4'.slice(0, -1)));
    const events = await run(store, resume);
    expect(events[0]).toEqual({ type: "resumed", step: 1, torn: [newest] });
    await expectWhole(store);
  });

  it("says that the storage is full, and leaves whole what was saved", async () => {
    const store = memoryStore();
    const error = () => new StorageError("saving a: the storage is full");
    const full = failingStore(store, {
      when: (key) => key === "checkpoint-00000002.safetensors",
      torn: true,
      error,
    });
    await expect(run(full)).rejects.toThrow(StorageError);
    expect(await new RunFolder(store).status()).toEqual({ steps: 2, finished: false });
    expect(await store.list()).not.toContain("checkpoint-00000002.safetensors");
    const events = await run(store, resume);
    expect(events[0]).toMatchObject({ type: "resumed", step: 1 });
    await expectWhole(store);
  });

  it("keeps what was trained when something else fails", async () => {
    const store = memoryStore();
    let calls = 0; // the first is the evaluation's
    const scorer: RunOptions["scorer"] = async (completions, examples) => {
      if (++calls > 3) throw new Error("the judge is gone");
      const task = createTask(recipe.task);
      return Promise.all(completions.map(async (completion, i) => task.reward(completion, examples[i])));
    };
    await expect(run(store, { scorer, checkpointEvery: 100 })).rejects.toThrow("the judge is gone");
    expect(await store.list()).toContain("checkpoint-00000002.safetensors");
    expect((await run(store, resume))[0]).toEqual({ type: "resumed", step: 2, torn: [] });
    await expectWhole(store);
  });

  it("goes on beyond its end when it is made longer, and is evaluated anew", async () => {
    const store = memoryStore();
    await run(store, { recipe: { ...recipe, grpo: { ...recipe.grpo, steps: 2 } } });
    const { record } = await whole();
    const longer = recordOf(await run(store, resume));
    expect(compareRuns(record, longer)).toMatchObject({ same: true });
    expect(longer.after).toEqual(record.after);
    await expect(
      run(store, { ...resume, recipe: { ...recipe, grpo: { ...recipe.grpo, steps: 2 } } }),
    ).rejects.toThrow(/has taken 3 steps already, the recipe has 2/);
  });

  it("refuses another recipe's run, another adapter, and a policy that is not fresh", async () => {
    const { store } = await whole();
    const other = { ...recipe, grpo: { ...recipe.grpo, learningRate: 0.5 } };
    await expect(run(store, { ...resume, recipe: other })).rejects.toThrow(CheckpointError);
    await expect(run(store, { ...resume, recipe: other })).rejects.toThrow(
      /another recipe: grpo\.learningRate: got 0\.5, expected 0\.01/,
    );
    await withPolicy(recipe, async (policy) => {
      const folder = new RunFolder(memoryStore());
      const kit = { version: "0" };
      const ranked = { ...recipe, lora: { ...recipe.lora, rank: 8 } };
      expect(() => trainRun({ policy, recipe: ranked, folder, kit })).toThrow(InvalidOptionError);
      policy.version = 2;
      await expect(trainRun({ policy, recipe, folder, kit }).next()).rejects.toThrow(/trained for 2 updates/);
      await folder.saveRecipe(recipe); // a run that was killed before its first checkpoint
      const resumed = trainRun({ policy, recipe, folder, kit, resume: true });
      expect((await resumed.next()).value).toMatchObject({ type: "resumed", step: 0 });
      await expect(resumed.next()).rejects.toThrow(/trained for 2 updates/);
    });
  });

  it("goes on in the policy that it was stopped in, and leaves it trained", async () => {
    const { store: finished } = await whole();
    const store = memoryStore();
    const kit = { version: "0.0.0", node: "20" };
    await withPolicy(recipe, async (policy) => {
      const part = (signal?: AbortSignal) =>
        trainRun({
          policy,
          recipe,
          folder: new RunFolder(store),
          kit,
          resume: true,
          signal,
          checkpointEvery: 1,
        });
      const controller = new AbortController();
      for await (const event of part(controller.signal)) if (event.type === "rollouts") controller.abort();
      for await (const event of part()) expect(event.type).not.toBe("done");
      await expectWhole(store);
    });
    const read = async (policy: Policy) => [...((await policy.model.parameters?.read())?.values() ?? [])];
    await withPolicy(recipe, async (policy) => {
      const fresh = await read(policy);
      const again = trainRun({ policy, recipe, folder: new RunFolder(finished), kit, resume: true });
      for await (const event of again) expect(event.type).toMatch(/resumed|finished/);
      expect(await read(policy)).not.toEqual(fresh);
      expect(policy.version).toBe(3);
    });
  });

  it("gives the same weights without evaluations", async () => {
    const { record } = await whole();
    const without = { ...recipe, evaluation: { ...recipe.evaluation, scenes: 0 } };
    const events = await run(memoryStore(), { recipe: without });
    expect(compareRuns(record, recordOf(events))).toMatchObject({ same: true, variantsMatch: true });
    expect(recordOf(events)).toMatchObject({ before: null, after: null });
    const seeded = { ...without, grpo: { ...without.grpo, seed: 4, steps: 1 } };
    const other = recordOf(await run(memoryStore(), { recipe: seeded }));
    expect(compareRuns(record, other)).toMatchObject({
      same: false,
      firstDifferentStep: 0,
      weightsMatch: false,
    });
  });

  it("goes on with the room that a longer prompt made it take", async () => {
    const examples = ["a", "b", `a long one ${"and longer ".repeat(40)}`].map((question) => {
      return { question, answer: "a" };
    });
    // With this seed the long one comes in steps 1 and 3.
    const grpo = { ...recipe.grpo, seed: 6, steps: 4, promptsPerStep: 1 };
    const task = { name: "examples", examples, heldOut: 0 };
    const own = { ...recipe, task, grpo, evaluation: { ...recipe.evaluation, scenes: 0 } };
    const plans = (events: readonly RunEvent[]) =>
      events.flatMap((event) => (event.type === "plan" ? event.step : []));
    const unbroken = await run(memoryStore(), { recipe: own });
    expect(plans(unbroken)).toEqual([0, 1]);
    const store = memoryStore();
    await stopAt(store, (event) => event.type === "step" && event.step === 1, { recipe: own });
    const rest = await run(store, { ...resume, recipe: own });
    expect(plans(rest)).toEqual([2]);
    expect(compareRuns(recordOf(unbroken), recordOf(rest))).toMatchObject({ same: true });
  });
});
