import { describe, expect, it } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import { Device } from "../../src/gpu/device.ts";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { planHolds } from "../../src/gpu/plan.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import type { Task } from "../../src/tasks/task.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { GrpoTrainer } from "../../src/train/grpo-trainer.ts";
import type { RecipeOptions } from "../../src/train/recipe.ts";
import { parseRecipe } from "../../src/train/recipe.ts";
import {
  CheckpointError,
  InvalidOptionError,
  MissingFileError,
  NonFiniteError,
} from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";

const small: RecipeOptions = {
  steps: 2,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 1e-2,
  seed: 3,
};

/** Half of all bytes are wanted: every group has some spread, whatever the seed. */
const easy = letterShareTask({
  letters: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?-+*/()[]{}<>",
});

async function policy(device?: Device): Promise<Policy> {
  return Policy.load(device ?? (await sharedDevice()), await tinyPolicySource(1), {
    format: "q8",
    lora: { rank: 8, seed: 1 },
  });
}

async function train(options: RecipeOptions, { task = easy, on }: { task?: Task; on?: Policy } = {}) {
  const trained = on ?? (await policy());
  const trainer = new GrpoTrainer(trained, task, { ...small, ...options });
  const events: TrainEvent[] = [];
  for await (const event of trainer.run()) events.push(event);
  const state = await trainer.state();
  trainer.destroy();
  if (!on) trained.destroy();
  const steps = events.flatMap((event) => (event.type === "step" ? [event.metrics] : []));
  return { events, steps, state };
}

/** 12 pictures of 8 image tokens each: more than the 64 that are made room for at first. */
const picture = { width: 64, height: 32, data: new Uint8Array(64 * 32 * 3).fill(90) };
const pictures: Message[] = [
  { role: "user", content: Array.from({ length: 12 }, () => ({ type: "image", image: picture })) },
];

const flat = (parameters: Map<string, Float32Array>) =>
  [...parameters.values()].flatMap((values) => [...values]);

describe("GrpoTrainer", () => {
  it("makes the reward climb from random weights within 30 steps", async () => {
    const recipe = {
      steps: 30,
      promptsPerStep: 2,
      numGenerations: 8,
      maxCompletionLength: 12,
      learningRate: 5e-3,
    };
    const { steps } = await train(recipe, { task: letterShareTask() });
    const mean = (from: number, to: number) =>
      steps.slice(from, to).reduce((sum, metrics) => sum + metrics.reward, 0) / (to - from);
    expect(mean(25, 30)).toBeGreaterThan(mean(0, 5) + 0.3);
  });

  it("yields a plan, phases, rollouts and TRL's metrics, in order", async () => {
    const { events, steps } = await train({ logKl: true });
    expect(events.filter((event) => event.step === 0).map((event) => event.type)).toEqual([
      "plan",
      "phase",
      "phase",
      "rollouts",
      "phase",
      "step",
    ]);
    expect(events.at(-1)).toMatchObject({ type: "done", reason: "finished" });
    for (const name of [
      "reward",
      "reward_std",
      "frac_reward_zero_std",
      "kl",
      "clip_ratio/low_mean",
      "entropy",
      "completions/mean_length",
      "grad_norm",
      "tokens_per_second",
      "sampling/sampling_logp_difference/mean",
    ]) {
      expect(steps[0][name], name).toBeTypeOf("number");
    }
    expect(steps[0].kl).toBe(0);
    expect(steps[1].kl).toBeGreaterThan(0);
    expect(steps[0]["sampling/sampling_logp_difference/max"]).toBeLessThan(1e-4);
    const rollouts = events.find((event) => event.type === "rollouts");
    expect(rollouts?.groups).toHaveLength(2);
    expect(rollouts?.groups[0].rollouts).toHaveLength(4);
  });

  it("gives the same bits for the same seed, and others for another", async () => {
    const first = await train({});
    const again = await train({});
    const other = await train({ seed: 4 });
    expect(flat(again.state.tensors.param)).toEqual(flat(first.state.tensors.param));
    expect(flat(other.state.tensors.param)).not.toEqual(flat(first.state.tensors.param));
  });

  it("gives the same bits when the policy is inspected in between, with more images than a step has", async () => {
    const plain = await train({});
    const watched = await policy();
    const trainer = new GrpoTrainer(watched, easy, small);
    const seen: number[][] = [];
    for await (const event of trainer.run()) {
      if (event.type === "done") continue;
      const { logps, images } = await watched.inspect(pictures, [72, 101]);
      expect(images).toHaveLength(12);
      seen.push([...logps]);
    }
    expect(flat((await trainer.state()).tensors.param)).toEqual(flat(plain.state.tensors.param));
    expect(seen[1]).toEqual(seen[0]);
    expect(seen.at(-1)).not.toEqual(seen[0]);
    trainer.destroy();
    watched.destroy();
  });

  it("goes on when a question before a rollout brought more images than a step has", async () => {
    const asked = await policy();
    const trainer = new GrpoTrainer(asked, easy, small);
    const features: unknown[] = [asked.features];
    const steps: number[] = [];
    for await (const event of trainer.run()) {
      if (event.type === "step") steps.push(event.metrics.grad_norm);
      if (event.type !== "phase" || event.phase !== "rollout") continue;
      const before = asked.features;
      await asked.generate(pictures, { maxNewTokens: 2 });
      features.push(before, asked.features);
    }
    expect(features[1]).not.toBe(features[2]); // the step's own were too small
    expect(steps).toHaveLength(2);
    for (const norm of steps) expect(norm).toBeGreaterThan(0);
    trainer.destroy();
    asked.destroy();
  });

  it("goes on from a state with the bits of a run that never stopped", async () => {
    const whole = await train({ steps: 4 });
    const half = await train({ steps: 2 });
    const fresh = await policy();
    const trainer = new GrpoTrainer(fresh, easy, { ...small, steps: 4 });
    trainer.restore(half.state);
    for await (const event of trainer.run()) expect(event.step).toBeGreaterThanOrEqual(2);
    expect(flat((await trainer.state()).tensors.param)).toEqual(flat(whole.state.tensors.param));
    expect(() => new GrpoTrainer(fresh, easy, { ...small, seed: 9 }).restore(half.state)).toThrow(
      CheckpointError,
    );
    fresh.destroy();
  });

  it("begins a new run on a trained policy without the moments of the last one", async () => {
    const used = await policy();
    const first = await train({}, { on: used });
    const second = await train({ seed: 8, steps: 1 }, { on: used });
    const fresh = await policy();
    fresh.model.parameters?.restore(first.state.tensors.param);
    const apart = await train({ seed: 8, steps: 1 }, { on: fresh });
    expect(flat(second.state.tensors.param)).toEqual(flat(apart.state.tensors.param));
    used.destroy();
    fresh.destroy();
  });

  it("is the same with recomputation, bit for bit, and with accumulation to rounding", async () => {
    const plain = await train({ steps: 1 });
    const recomputed = await train({ steps: 1, recompute: true });
    expect(flat(recomputed.state.tensors.param)).toEqual(flat(plain.state.tensors.param));
    const accumulated = await train({ steps: 1, tokensPerBatch: 300 });
    expectClose(
      flat(accumulated.state.tensors.m),
      flat(plain.state.tensors.m),
      { abs: 1e-6, rel: 1e-3 },
      "first moments",
    );
  });

  it("changes nothing for a constant reward, and says that there was nothing to learn", async () => {
    const constant: Task = { ...letterShareTask(), reward: () => ({ value: 1, parts: {} }) };
    const on = await policy();
    const before = flat((await on.model.parameters?.read()) ?? new Map<string, Float32Array>());
    const { events, steps, state } = await train({ steps: 1 }, { task: constant, on });
    expect(steps[0].frac_reward_zero_std).toBe(1);
    expect(steps[0].grad_norm).toBe(0);
    expect(flat(state.tensors.param)).toEqual(before);
    expect(events).toContainEqual(expect.objectContaining({ type: "warning", code: "zero-variance" }));
    on.destroy();
  });

  it("compares later iterations with the first one's log-probs", async () => {
    const { steps } = await train({
      steps: 1,
      numIterations: 3,
      learningRate: 5e-2,
      clipRatioLow: 0.05,
      clipRatioHigh: 0.05,
    });
    expect(steps[0]["sampling/importance_sampling_ratio/max"]).toBeGreaterThan(1.001);
    expect(steps[0]["clip_ratio/region_mean"]).toBeGreaterThan(0);
  });

  it("leaves weights alone when the gradient is not finite, and stops after three in a row", async () => {
    const on = await policy();
    const trainer = new GrpoTrainer(
      on,
      easy,
      {
        ...small,
        steps: 10,
      },
      (completions) =>
        Promise.resolve(completions.map((_, i) => ({ value: i % 2 === 0 ? 3e38 : -3e38, parts: {} }))),
    );
    const before = flat((await on.model.parameters?.read()) ?? new Map<string, Float32Array>());
    const seen: TrainEvent[] = [];
    const run = async () => {
      for await (const event of trainer.run()) seen.push(event);
    };
    await expect(run()).rejects.toThrow(NonFiniteError);
    expect(seen.filter((event) => event.type === "warning" && event.code === "non-finite")).toHaveLength(3);
    expect(flat((await on.model.parameters?.read()) ?? new Map<string, Float32Array>())).toEqual(before);
    trainer.destroy();
    on.destroy();
  });

  it("leaves out an example that cannot be used, draws another, says so once, and goes on the same after a stop", async () => {
    const some: Task = {
      ...easy,
      example: async (seed, split) => {
        if (seed % 2 === 0) throw new MissingFileError(`picture ${seed}: not found`);
        return easy.example(seed, split);
      },
    };
    const { events, state } = await train({ steps: 4 }, { task: some });
    const seeds = events
      .flatMap((event) => (event.type === "rollouts" ? event.groups : []))
      .map((g) => g.seed);
    expect(seeds).toHaveLength(8);
    expect(seeds.every((seed) => seed % 2 === 1)).toBe(true);
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event] : []));
    expect(warnings[0]).toMatchObject({ code: "skipped-example" });
    expect(warnings[0].message).toMatch(/^\d+ examples? w\w+ left out so far, .*: picture \d+: not found$/);
    const half = await train({ steps: 2 }, { task: some });
    const fresh = await policy();
    const trainer = new GrpoTrainer(fresh, some, { ...small, steps: 4 });
    trainer.restore(half.state);
    for await (const event of trainer.run()) expect(event.step).toBeGreaterThanOrEqual(2);
    expect(flat((await trainer.state()).tensors.param)).toEqual(flat(state.tensors.param));
    trainer.destroy();
    fresh.destroy();
  });

  it("stops at an aborted signal between phases and can be entered again", async () => {
    const on = await policy();
    const trainer = new GrpoTrainer(on, easy, small);
    const controller = new AbortController();
    const first: TrainEvent[] = [];
    for await (const event of trainer.run({ signal: controller.signal })) {
      first.push(event);
      if (event.type === "step") controller.abort();
    }
    expect(first.at(-1)).toMatchObject({ type: "done", step: 1, reason: "stopped" });
    for await (const event of trainer.run()) expect(event.step).toBeGreaterThanOrEqual(1);
    expect(trainer.step).toBe(2);
    trainer.destroy();
    on.destroy();
  });

  it("allocates what the plan says, and no tensor of tokens by vocabulary or tokens by tokens", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const on = await policy(device);
    const trainer = new GrpoTrainer(on, easy, small);
    const { plans, capacity, budget } = await trainer.prepare();
    const V = on.model.config.text.vocabSize;
    for (const plan of plans) {
      for (const { shape } of plan.tensors) {
        if (plan.program !== "update") continue;
        const rows = shape.map((extent) => (typeof extent === "number" ? extent : extent.capacity));
        expect(rows.length > 1 && rows[0] > 8 && rows.includes(V)).toBe(false);
      }
      expect(planHolds(plan, capacity.tokens, capacity.tokens)).toBe(false);
    }
    const planned = budget.reduce((sum, [, bytes]) => sum + bytes, 0);
    for await (const event of trainer.run()) expect(event.type).not.toBe("warning");
    expect(Math.abs(device.peakBytes - planned) / planned).toBeLessThan(0.01);
    on.destroy();
    device.destroy();
  });
});

describe("parseRecipe", () => {
  it("fills in defaults and names what is wrong", () => {
    expect(parseRecipe({}).lossType).toBe("dapo");
    expect(() => parseRecipe({ stepz: 3 })).toThrow(/stepz/);
    expect(() => parseRecipe({ numGenerations: 1 })).toThrow(InvalidOptionError);
    const adaptive = { klController: "adaptive", klCoef: 0.1, promptsPerStep: 5, numGenerations: 4 } as const;
    expect(parseRecipe({ ...adaptive, klHorizon: 4.5 }).klHorizon).toBe(4.5);
    expect(() => parseRecipe({ ...adaptive, klHorizon: 4 })).toThrow(
      /klHorizon: got 4, expected more than .* 4/,
    );
    expect(parseRecipe({ klHorizon: 1 }).klController).toBe("fixed");
    expect(() => parseRecipe({ lossType: "ppo" })).toThrow(/lossType: got "ppo", expected .*grpo/);
  });
});
