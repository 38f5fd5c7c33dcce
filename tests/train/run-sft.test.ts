import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { decodeCheckpoint } from "../../src/storage/checkpoint.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { shapesTask } from "../../src/tasks/shapes.ts";
import type { TaughtTask, Task } from "../../src/tasks/task.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import type { RunRecipe, SftRunRecipe } from "../../src/train/run-recipe.ts";
import { compareRuns, parseRunRecord } from "../../src/train/run-record.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { createRunTrainer } from "../../src/train/run-trainer.ts";
import { trainRun } from "../../src/train/run.ts";
import type { RunEvent, RunOptions } from "../../src/train/run.ts";
import { CheckpointError, InvalidOptionError } from "../../src/util/errors.ts";
import { failingStore, storedText } from "../support/failing-store.ts";
import { recordOf, runPart, stopPartAt, withPolicy } from "../support/training-run.ts";

function supervised(json: object, sft: object = {}): SftRunRecipe {
  const recipe = parseRunRecipe({
    model: "tiny",
    lora: { rank: 4, alpha: 8, seed: 1 },
    ...json,
    sft: { steps: 3, batchSize: 3, learningRate: 1e-2, maxCompletionLength: 6, ...sft },
  });
  if (!("sft" in recipe)) throw new Error("expected a supervised recipe");
  return recipe;
}

/** As a page reads a file that its user chose. */
async function picture(width: number, height: number): Promise<string> {
  const background = { r: 4 * width, g: 90, b: 30 };
  const png = await sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

/** Seed 16 has the longest come in step 1: programs are recorded anew for it, and step 2 would do with less. */
const words = ["two", "five", "a green one beside the others ".repeat(9).trim(), "none", "six", "ten"];
const pictures = await Promise.all(words.map((_, i) => picture(16 + 8 * i, 32)));
const examples = words.map((answer, i) => ({
  ...(i !== 4 && { image: pictures[i] }),
  question: `how many in picture ${i}?`,
  answer,
  ...(i % 2 === 0 && { reasoning: "one and one" }),
  kind: i < 3 ? "first" : "second",
}));
const recipe = supervised(
  { task: { name: "examples", examples, heldOut: 0.4 }, evaluation: { scenes: 6 } },
  { steps: 5, seed: 16, batchSize: 2, mode: 0.5 },
);

const run = (store: BlobStore, options: Partial<RunOptions> = {}) => runPart(store, { recipe, ...options });
const stopAt = (store: BlobStore, at: (event: RunEvent) => boolean, options: Partial<RunOptions> = {}) =>
  stopPartAt(store, at, { recipe, ...options });
const resume = { resume: true };

let uninterrupted: Promise<{ store: BlobStore; events: RunEvent[]; record: RunRecord }> | undefined;
/** The run that others are held to. */
function whole() {
  uninterrupted ??= (async () => {
    const store = memoryStore();
    const events = await run(store);
    return { store, events, record: recordOf(events) };
  })();
  return uninterrupted;
}

async function expectWhole(store: BlobStore): Promise<void> {
  const { store: expected, record } = await whole();
  const found = await new RunFolder(store).record();
  if (!found) throw new Error("there is no run.json");
  expect(compareRuns(record, found)).toMatchObject({ same: true, variantsMatch: true });
  for (const key of ["adapter_model.safetensors", "recipe.json"])
    expect(await store.load(key), key).toEqual(await expected.load(key));
}

describe("trainRun by demonstrations", () => {
  it("tells the plan first, evaluates each held-out example once, and leaves everything in the folder", async () => {
    const { store, events, record } = await whole();
    const order = events.map(({ type }) => type);
    expect(order.slice(0, 4)).toEqual(["plan", "evaluating", "evaluating", "evaluation"]);
    expect(order.slice(-4)).toEqual(["evaluating", "evaluating", "evaluation", "finished"]);
    const steps = order.slice(4, -4).filter((type) => type !== "plan");
    expect(steps).toEqual(Array.from({ length: 5 }, () => ["phase", "step", "saved"]).flat());
    expect(events.filter(({ type }) => type === "phase")).toContainEqual({
      type: "phase",
      step: 2,
      phase: "train",
    });
    const [plan] = events;
    if (plan.type !== "plan") throw new Error("expected the plan");
    expect(plan).toMatchObject({ step: 0, steps: 5 });
    expect(plan.budget.map(([name]) => name)).toContain("trained weights, gradients and moments");
    expect(plan.budget.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeGreaterThan(1e6);

    expect(await store.list()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "checkpoint-00000004.safetensors",
      "checkpoint-00000005.safetensors",
      "curves.svg",
      "evaluation-after.json",
      "evaluation-before.json",
      "metrics.jsonl",
      "recipe.json",
      "run.json",
    ]);
    expect(parseRunRecord(JSON.parse(await storedText(store, "run.json")))).toEqual(record);
    expect(record).toMatchObject({ format: 1, steps: 5, seed: 16, recipe });
    expect(new Set(record.metrics.map(({ digest }) => digest)).size).toBe(5);
    for (const name of ["loss", "entropy", "grad_norm", "learning_rate", "num_tokens", "tokens_per_second"])
      expect(record.metrics[4][name], name).toBeGreaterThan(0);
    expect(record.metrics[4]).not.toHaveProperty("reward");
    // 6 were wanted, 2 are held out.
    expect(record.before?.count).toBe(2);
    expect(Object.keys(record.before?.parts ?? {})).toEqual(["accuracy", "thinking", "format"]);
  });

  it("learns what is demonstrated", async () => {
    const taught = supervised(
      { task: { name: "examples", examples: examples.slice(0, 2), heldOut: 0 }, evaluation: { scenes: 0 } },
      { steps: 25, mode: "answer", schedule: "constant", learningRate: 2e-2 },
    );
    const { metrics } = recordOf(await run(memoryStore(), { recipe: taught }));
    expect(metrics[24].loss).toBeLessThan(Number(metrics[0].loss) * 0.3);
  });

  it("ends in the same bits however often it is killed, and wherever", async () => {
    const store = memoryStore();
    let parts = 0;
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
    expect(parts).toBeGreaterThan(5);
    await expectWhole(store);
  });

  it("ends in the same bits when it is stopped after its programs were outgrown", async () => {
    const plans = (events: readonly RunEvent[]) =>
      events.flatMap((event) => (event.type === "plan" ? event.step : []));
    expect(plans((await whole()).events)).toEqual([0, 1]);
    const store = memoryStore();
    await stopAt(store, (event) => event.type === "step" && event.step === 1);
    // With the room that they had: no step after it needs more.
    expect(plans(await run(store, resume))).toEqual([2]);
    await expectWhole(store);
  });

  it("gives the same weights without evaluations, and others with another seed or mode", async () => {
    const { record } = await whole();
    const without = { ...recipe, evaluation: { ...recipe.evaluation, scenes: 0 } };
    const again = recordOf(await run(memoryStore(), { recipe: without }));
    expect(compareRuns(record, again)).toMatchObject({ same: true, variantsMatch: true });
    for (const change of [{ seed: 4 }, { mode: "answer" as const }]) {
      const other = { ...without, sft: { ...recipe.sft, ...change } };
      expect(compareRuns(record, recordOf(await run(memoryStore(), { recipe: other }))).same).toBe(false);
    }
  });

  it("saves a checkpoint when it is asked to", async () => {
    let steps = 0;
    const told = await runPart(
      memoryStore(),
      { recipe, checkpointEvery: 100, saveRequested: () => steps === 2 },
      (event) => {
        if (event.type === "step") steps++;
      },
    );
    expect(told.flatMap((event) => (event.type === "saved" ? event.step : []))).toEqual([2, 5]);
  });

  it("refuses a task without demonstrations, a run of another kind, and another run's checkpoint", async () => {
    const letters = supervised({ task: { name: "letter-share" } });
    await expect(run(memoryStore(), { recipe: letters })).rejects.toThrow(InvalidOptionError);
    await expect(run(memoryStore(), { recipe: letters })).rejects.toThrow(
      "sft: task: got letter-share, expected a task with demonstrations",
    );
    const { store } = await whole();
    const { sft, ...common } = recipe;
    const rewarded = parseRunRecipe({ ...common, grpo: { seed: sft.seed } });
    for (const [other, message] of [
      [rewarded, /another recipe: grpo\.steps: got 40, expected none/],
      [
        { ...recipe, sft: { ...sft, mode: "think" } },
        /another recipe: sft\.mode: got "think", expected 0\.5/,
      ],
      [{ ...recipe, sft: { ...sft, steps: 4 } }, /has taken 5 steps already, the recipe has 4/],
    ] as [RunRecipe, RegExp][]) {
      await expect(run(store, { ...resume, recipe: other })).rejects.toThrow(CheckpointError);
      await expect(run(store, { ...resume, recipe: other })).rejects.toThrow(message);
    }
    const file = (await store.load("checkpoint-00000005.safetensors")) ?? new Uint8Array(0);
    const checkpoint = await decodeCheckpoint(file);
    await withPolicy(recipe, async (policy) => {
      const task = shapesTask();
      for (const [other, message] of [
        [
          { ...recipe, model: "toy" },
          /the checkpoint is of another run: got .*"model":"tiny".*, expected .*"toy"/,
        ],
        [rewarded, /its state is not that of a GRPO run|recipe/],
      ] as [RunRecipe, RegExp][]) {
        const trainer = createRunTrainer({ policy, task, recipe: other });
        await expect(trainer.restore(checkpoint)).rejects.toThrow(message);
        trainer.destroy();
      }
      // A checkpoint of a version that knew fewer options, and drew an example for each place.
      const fewer = Object.entries(recipe.sft).filter(([option]) => option !== "tokensPerBatch");
      const { drawn, skipped, ...progress } = checkpoint.state.progress as Record<string, unknown>;
      expect([drawn, skipped]).toEqual([10, 0]);
      const config = { ...(checkpoint.state.config as object), sft: Object.fromEntries(fewer) };
      const trainer = createRunTrainer({ policy, task: createTask(recipe.task), recipe });
      await trainer.restore({ ...checkpoint, state: { ...checkpoint.state, config, progress } });
      expect(trainer.step).toBe(5);
      expect((await trainer.checkpoint({})).state.progress).toMatchObject({ drawn: 10, skipped: 0 });
      trainer.destroy();
    });
  });

  it("records whose system prompt it was, and refuses one on top of the task's own", async () => {
    const shaped = (sft: object) =>
      supervised({ task: { name: "shapes" }, evaluation: { scenes: 0 } }, { steps: 1, ...sft });
    const kindOf = async (system: string | null, task: Partial<Task> = {}) => {
      const options = { recipe: shaped({ system }), task: { ...shapesTask(), ...task } as Task };
      return recordOf(await run(memoryStore(), options)).systemPrompt?.kind;
    };
    expect((await whole()).record.systemPrompt).toMatchObject({ kind: "none" });
    expect(await kindOf("be brief")).toBe("custom");
    expect(await kindOf(REASONING_SYSTEM_PROMPT)).toBe("default");
    expect(await kindOf(null, { system: REASONING_SYSTEM_PROMPT })).toBe("default");
    await expect(kindOf("be brief", { system: REASONING_SYSTEM_PROMPT })).rejects.toThrow(
      "recipe: system: got a system turn besides the task's own, expected none: the option `system` of task shapes",
    );
  });

  it("trains every weight where it is told to, and goes on to the same bits", async () => {
    const dense = supervised(
      { task: { name: "shapes" }, dense: "all", evaluation: { scenes: 2 } },
      { steps: 3, batchSize: 2, learningRate: 1e-3 },
    );
    const store = memoryStore();
    const { weightsSha256, recipe: recorded } = recordOf(await run(store, { recipe: dense }));
    expect(recorded).toMatchObject({ dense: "all" });
    expect(await store.list()).toContain("model.safetensors");
    expect(await store.list()).not.toContain("adapter_model.safetensors");
    const parts = memoryStore();
    await stopAt(parts, (event) => event.type === "step" && event.step === 1, { recipe: dense });
    const again = recordOf(await run(parts, { ...resume, recipe: dense }));
    expect(again.weightsSha256).toBe(weightsSha256);
    expect(await parts.load("model.safetensors")).toEqual(await store.load("model.safetensors"));
    await withPolicy(recipe, async (policy) => {
      const wrong = trainRun.bind(null, {
        policy,
        recipe: dense,
        folder: new RunFolder(memoryStore()),
        kit: { version: "0" },
      });
      expect(wrong).toThrow("run: the policy's weights: got frozen ones, expected those of `dense`: all");
      await Promise.resolve();
    });
  });

  it("shows the examples that the seed says, with the system turn, thinking as often as it is told", async () => {
    const shown: string[] = [];
    const shapes = shapesTask();
    const task: TaughtTask = {
      ...shapes,
      example: (seed, split) => shapes.example(seed, split),
      reward: () => ({ value: 0, parts: {} }),
      demonstration: (_, mode) => {
        shown.push(mode);
        return mode;
      },
    };
    const seen = async (mode: SftRunRecipe["sft"]["mode"]) => {
      shown.length = 0;
      const shaped = supervised(
        { task: { name: "shapes" }, evaluation: { scenes: 0 } },
        { steps: 2, batchSize: 20, microBatchSize: 4, mode, system: "be brief" },
      );
      const told = recordOf(await run(memoryStore(), { recipe: shaped, task }));
      return { modes: shown.slice(-20), tokens: Number(told.metrics[1].num_tokens) };
    };
    expect(new Set((await seen("think")).modes)).toEqual(new Set(["think"]));
    expect(new Set((await seen("answer")).modes)).toEqual(new Set(["answer"]));
    const mixed = await seen(0.5);
    expect(new Set(mixed.modes)).toEqual(new Set(["think", "answer"]));
    expect(await seen(0.5)).toEqual(mixed);
  });

  it("fails with the data's own error, and with none when it is left before that is asked for", async () => {
    const task: TaughtTask = {
      ...shapesTask(),
      example(seed, split) {
        if (drawn++ >= 4) throw new Error("the picture is gone");
        return shapesTask().example(seed, split);
      },
      reward: () => ({ value: 0, parts: {} }),
    };
    let drawn = 0;
    const shaped = supervised(
      { task: { name: "shapes" }, evaluation: { scenes: 0 } },
      { batchSize: 2, steps: 9 },
    );
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      await expect(run(memoryStore(), { recipe: shaped, task })).rejects.toThrow("the picture is gone");
      drawn = -1; // as many as the plan, the first step and half of the second
      await withPolicy(shaped, async (policy) => {
        const kit = { version: "0" };
        const stream = trainRun({ policy, recipe: shaped, task, folder: new RunFolder(memoryStore()), kit });
        for await (const event of stream) if (event.type === "step") break;
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});
