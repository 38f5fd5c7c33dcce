/** The shipped policy is what its card says, and the shipped recipe finds what there is to find. On one adapter only. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import toy from "../../recipes/toy.json";
import { evaluate } from "../../src/evaluation/accuracy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import { folderSource } from "../../src/storage/folder-source.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { trainRun } from "../../src/train/run.ts";
import type { RunEvent } from "../../src/train/run.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { metricsOf } from "../../src/train/run-record.ts";
import { modelOptions, parseRunRecipe } from "../../src/train/run-recipe.ts";
import { sharedDevice } from "../support/device.ts";

const folder = resolve(import.meta.dirname, "../../policies/toy");
const load = async (options = {}) => Policy.load(await sharedDevice(), folderSource(folder), options);

/** The toy recipe with another reward and few steps: its metrics, its warnings, the policy it leaves. */
async function run(reward: string, steps: number) {
  const recipe = parseRunRecipe({ ...toy, task: { ...toy.task, reward } }, { steps, scenes: 0 });
  const policy = await load(modelOptions(recipe));
  const events: RunEvent[] = [];
  const kit = { version: "test" };
  for await (const event of trainRun({ policy, recipe, folder: new RunFolder(memoryStore()), kit }))
    events.push(event);
  const finished = events.find((event) => event.type === "finished");
  const metrics = (finished?.record.metrics ?? []).map(metricsOf);
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
  return { policy, metrics, warnings };
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("policies/toy", () => {
  it("is smaller than 3 MB and in Hugging Face's layout", async () => {
    const names = await readdir(folder);
    for (const name of [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "preprocessor_config.json",
      "README.md",
    ])
      expect(names).toContain(name);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3e6);
  });

  it("is right when it thinks, often wrong when it does not, and does not by itself", async () => {
    const policy = await load();
    const task = createTask({ name: "shapes" });
    const accuracy = async (prefill?: string) =>
      evaluate(policy, task, { split: "test", seed: 5000, count: 384, prefill });
    const [think, answer, free] = [await accuracy("<think>"), await accuracy("<answer>"), await accuracy()];
    expect(think.accuracy).toBeGreaterThan(0.85);
    expect(answer.accuracy).toBeLessThan(0.65);
    expect(Math.abs(free.accuracy - answer.accuracy)).toBeLessThan(0.05);
    policy.destroy();
  });
});

describe("the toy recipe", () => {
  it("finds out within 16 steps that thinking pays", async () => {
    const { policy, metrics } = await run("answer", 16);
    const thinking = metrics.map((step) => step["rewards/thinking/mean"]);
    const reward = metrics.map((step) => step.reward);
    expect(mean(thinking.slice(-3))).toBeGreaterThan(mean(thinking.slice(0, 3)) + 0.2);
    expect(mean(reward.slice(-3))).toBeGreaterThan(mean(reward.slice(0, 3)) + 0.1);
    policy.destroy();
  });

  it("leaves the adapter at no change for a constant reward, and says that there was nothing to learn", async () => {
    const { policy, warnings } = await run("constant", 3);
    expect(warnings).toEqual(["zero-variance", "zero-variance", "zero-variance"]);
    const { tensors } = await policy.model.readAdapter();
    for (const { b } of tensors.values()) expect(b.every((value) => value === 0)).toBe(true);
    policy.destroy();
  });

  it("does not learn from a shuffled reward, though weights move", async () => {
    const { policy, metrics } = await run("shuffled", 16);
    expect(metrics.every((step) => step.weights_changed > 0)).toBe(true);
    const task = createTask({ name: "shapes" });
    const accuracy = async (adapter: boolean) =>
      (await evaluate(policy, task, { split: "validation", count: 256, adapter })).accuracy;
    expect((await accuracy(true)) - (await accuracy(false))).toBeLessThan(0.08);
    policy.destroy();
  });
});
