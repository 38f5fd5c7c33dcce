import { describe, expect, it } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { policyObjective } from "../../src/rl/objective.ts";
import type { ObjectiveBatch, UserObjective } from "../../src/rl/user-objective.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import { GrpoTrainer } from "../../src/train/grpo-trainer.ts";
import type { RecipeOptions } from "../../src/train/recipe.ts";
import { CheckpointError, InvalidOptionError, NonFiniteError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";

const small: RecipeOptions = {
  steps: 1,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 1e-2,
  seed: 3,
};
const easy = letterShareTask({ letters: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" });

const load = async () =>
  Policy.load(await sharedDevice(), await tinyPolicySource(1), { format: "q8", lora: { rank: 8, seed: 1 } });

async function train(options: RecipeOptions, objective?: UserObjective) {
  const policy = await load();
  const trainer = new GrpoTrainer(policy, easy, { ...small, ...options }, undefined, objective);
  try {
    const steps: Record<string, number>[] = [];
    for await (const event of trainer.run()) if (event.type === "step") steps.push(event.metrics);
    const { tensors } = await trainer.state();
    return { steps, moments: [...tensors.m.values()].flatMap((values) => [...values]) };
  } finally {
    trainer.destroy();
    policy.destroy();
  }
}

const close = { abs: 1e-6, rel: 1e-3 };

describe("an objective of the user's", () => {
  it.each<[string, RecipeOptions]>([
    ["GRPO in two micro-batches", { lossType: "grpo", tokensPerBatch: 300 }],
    [
      "GSPO, with a KL and three updates",
      {
        lossType: "gspo",
        klCoef: 0.1,
        numIterations: 3,
        learningRate: 1e-3,
        clipRatioLow: 0.01,
        clipRatioHigh: 0.02,
      },
    ],
  ])("that repeats %s gives the kernel's gradients and statistics", async (_, recipe) => {
    const kernel = await train(recipe);
    const seen: ObjectiveBatch[] = [];
    const user = await train(recipe, (batch) => {
      seen.push(batch);
      return { ...policyObjective({ ...batch, options: recipe }), stats: { batches: 1 } };
    });
    expectClose(user.moments, kernel.moments, close, "first moments");
    for (const name of ["loss", "policy_loss", "grad_norm", "entropy", "ppo_kl"]) {
      expectClose([user.steps[0][name]], [kernel.steps[0][name]], { abs: 1e-5, rel: 1e-3 }, name);
    }
    // The ratios of an objective of the user's are of tokens, whatever it makes of them.
    const ratio = "sampling/importance_sampling_ratio/max";
    if (recipe.lossType === "grpo") expect(user.steps[0][ratio]).toBe(kernel.steps[0][ratio]);
    else expect(user.steps[0][ratio]).toBeGreaterThan(kernel.steps[0][ratio]);
    expect(user.steps[0].kl).toEqual(recipe.klCoef ? expect.closeTo(kernel.steps[0].kl, 5) : undefined);
    expect(user.steps[0]["objective/batches"]).toBe(1);
    expect(kernel.steps[0]).toHaveProperty("clip_ratio/low_mean");
    expect(user.steps[0]).not.toHaveProperty("clip_ratio/low_mean");
    expect(seen).toHaveLength(recipe.numIterations ?? 2); // a batch of each update, or two of one
    const last = seen[seen.length - 1];
    expect(last.lengths.reduce((sum, length) => sum + length, 0)).toBe(last.logp.length);
    expect(last.oldLogp === null).toBe(recipe.numIterations === undefined);
    expect(last.refLogp === null).toBe(recipe.klCoef === undefined);
  });

  it("of a module, which is told what else the recipe has", async () => {
    const source = `export default ({ logp, advantages, weights }, { scale }) => ({
      loss: 0, dlogp: logp.map((_, t) => -scale * advantages[t] * weights[t]) })`;
    const module = `data:text/javascript,${encodeURIComponent(source)}`;
    const named = await train({ objective: { module, scale: 1 } });
    expectClose(named.moments, (await train({})).moments, close, "first moments");
    await expect(train({ objective: { module: "./mine.js" } })).rejects.toThrow(
      /objective: module: .*absolute/,
    );
    await expect(train({ objective: { module: "data:text/javascript,export const a = 1" } })).rejects.toThrow(
      /default export: got none, expected a function/,
    );
  });

  it("is told the weight of the KL, and gets arrays that it may change", async () => {
    const recipe: RecipeOptions = {
      steps: 2,
      numIterations: 2,
      tokensPerBatch: 300,
      klCoef: 0.2,
      klController: "adaptive",
      klTarget: 1e-9,
      klHorizon: 40,
    };
    const coefficients: number[] = [];
    const rude: UserObjective = (batch) => {
      coefficients.push(batch.klCoef);
      const result = policyObjective({ ...batch, options: { ...recipe, klCoef: batch.klCoef } });
      for (const values of Object.values(batch))
        if (ArrayBuffer.isView(values)) (values as Float32Array).fill(1);
      return result;
    };
    const kernel = await train(recipe);
    const user = await train(recipe, rude);
    expectClose(user.moments, kernel.moments, close, "first moments");
    expectClose([user.steps[1].ppo_kl], [kernel.steps[1].ppo_kl], { abs: 1e-5, rel: 1e-3 }, "ppo_kl");
    expect([...new Set(coefficients)]).toEqual(user.steps.map(({ kl_coef }) => kl_coef));
    expect(user.steps[1].kl_coef).not.toBe(0.2);
    const inReward: number[] = [];
    await train({ klCoef: 0.2, klPlacement: "reward" }, (batch) => {
      inReward.push(batch.klCoef);
      return policyObjective(batch);
    });
    expect(inReward).toEqual([0]);
  });

  it("that throws in a later micro-batch leaves nothing of the step behind", async () => {
    const recipe: RecipeOptions = { ...small, tokensPerBatch: 300 };
    const plain = await train(recipe, (batch) => policyObjective(batch));
    const policy = await load();
    let calls = 0;
    const trainer = new GrpoTrainer(policy, easy, recipe, undefined, (batch) => {
      if (++calls === 2) throw new Error("mine");
      return policyObjective(batch);
    });
    const run = async () => {
      for await (const event of trainer.run()) expect(event.step).toBeLessThan(2);
    };
    await expect(run()).rejects.toThrow("mine");
    expect((await trainer.state()).step).toBe(0);
    await run();
    const { m } = (await trainer.state()).tensors;
    expect([...m.values()].flatMap((values) => [...values])).toEqual(plain.moments);
    trainer.destroy();
    policy.destroy();
  });

  it("that throws between two updates on the same rollouts leaves nothing to be saved or gone on from", async () => {
    const policy = await load();
    let fails = false;
    const options = { ...small, steps: 2, numIterations: 2 };
    const trainer = new GrpoTrainer(policy, easy, options, undefined, (batch) => {
      if (fails && batch.iteration === 1) throw new Error("mine");
      return policyObjective(batch);
    });
    const start = await trainer.state();
    const run = async () => {
      for await (const event of trainer.run()) expect(event.step).toBeLessThanOrEqual(2);
    };
    fails = true;
    await expect(run()).rejects.toThrow("mine");
    await expect(trainer.state()).rejects.toThrow(CheckpointError);
    await expect(run()).rejects.toThrow(/half done: go on from a checkpoint/);
    fails = false;
    trainer.restore(start);
    await run();
    const undisturbed = await train(options, (batch) => policyObjective(batch));
    const { m } = (await trainer.state()).tensors;
    expect([...m.values()].flatMap((values) => [...values])).toEqual(undisturbed.moments);
    trainer.destroy();
    policy.destroy();
  });

  it("is stopped at NaN, at a wrong length, and at what is no gradient", async () => {
    const nan: UserObjective = ({ logp }) => ({ loss: 0, dlogp: logp.map((_, t) => (t === 2 ? NaN : 0)) });
    await expect(train({}, nan)).rejects.toThrow(NonFiniteError);
    await expect(train({}, nan)).rejects.toThrow("objective: dlogp[2]: got NaN, expected a finite number");
    await expect(train({}, () => ({ loss: NaN, dlogp: [] }))).rejects.toThrow(/dlogp: got 0, expected \d+/);
    await expect(train({}, () => null as never)).rejects.toThrow(InvalidOptionError);
    await expect(train({}, () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  });
});
