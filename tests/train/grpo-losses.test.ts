import { describe, expect, it } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import { GrpoTrainer } from "../../src/train/grpo-trainer.ts";
import { parseRecipe } from "../../src/train/recipe.ts";
import type { RecipeOptions } from "../../src/train/recipe.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";

const easy = letterShareTask({ letters: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" });
/** Two updates on the same rollouts: in the second one the ratio is no longer 1. */
const small: RecipeOptions = {
  steps: 1,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 1e-3,
  numIterations: 2,
  seed: 3,
};

async function train(options: RecipeOptions) {
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(1), {
    format: "q8",
    lora: { rank: 8, seed: 1 },
  });
  const trainer = new GrpoTrainer(policy, easy, { ...small, ...options });
  const steps: Record<string, number>[] = [];
  for await (const event of trainer.run()) if (event.type === "step") steps.push(event.metrics);
  const { tensors } = await trainer.state();
  trainer.destroy();
  policy.destroy();
  return { metrics: steps[0], moments: [...tensors.m.values()].flatMap((values) => [...values]) };
}

describe("losses in the trainer", () => {
  it.each<RecipeOptions>([{ lossType: "gspo", klCoef: 0.1 }, { lossType: "vespo" }])(
    "%j is the same in micro-batches: a sequence lies whole in one",
    async (options) => {
      const whole = await train(options);
      const split = await train({ ...options, tokensPerBatch: 300 });
      const close = { abs: 1e-6, rel: 1e-3 };
      expectClose(split.moments, whole.moments, close, "first moments");
      for (const name of ["loss", "ppo_kl", "sampling/importance_sampling_ratio/max"])
        expectClose([split.metrics[name]], [whole.metrics[name]], { abs: 1e-5, rel: 1e-4 }, name);
      expect(whole.metrics["sampling/importance_sampling_ratio/max"]).toBeGreaterThan(1.001);
    },
  );

  it("has metrics of clipping only where something is clipped", async () => {
    const cispo = await train({ lossType: "cispo", clipRatioLow: 0.01, clipRatioHigh: 0.01 });
    expect(cispo.metrics["clip_ratio/region_mean"]).toBeGreaterThan(0);
    const sapo = await train({ lossType: "sapo", lossAverage: "token" });
    expect(Object.keys(sapo.metrics).filter((name) => name.startsWith("clip_ratio"))).toEqual([]);
    expect(sapo.metrics.weights_changed).toBeGreaterThan(0);
  });
});

describe("a recipe's loss", () => {
  it.each<[RecipeOptions, RegExp]>([
    [{ lossType: "grpo", lossAverage: "seq" }, /lossAverage: got "seq" with lossType "grpo", expected null/],
    [
      { lossType: "gspo", importanceSamplingLevel: "token" },
      /importanceSamplingLevel: .*"gspo", expected null/,
    ],
    [{ delta: 1.1 }, /delta: got 1.1, expected null or a number above 1 \+ clipRatioHigh/],
    [{ tauNegative: 2 }, /tauNegative: got 2 with lossType "dapo", expected 1.05/],
    [
      { useBiasCorrectionKl: true, klCoef: 0.1, klPlacement: "reward" },
      /useBiasCorrectionKl: got true, expected false/,
    ],
    [{ objective: { module: "" } }, /objective.module/],
  ])("%j is refused", (options, message) => {
    expect(() => parseRecipe(options)).toThrow(message);
  });
});
