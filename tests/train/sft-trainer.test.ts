import { describe, expect, it } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import type { ModelOptions } from "../../src/models/model.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import { SftTrainer } from "../../src/train/sft-trainer.ts";
import type { SftData, SftEvent } from "../../src/train/sft-trainer.ts";
import { parseSftRecipe } from "../../src/train/sft-recipe.ts";
import type { SftRecipeOptions } from "../../src/train/sft-recipe.ts";
import { sharedDevice } from "../support/device.ts";

/** Pictures of one colour: only the picture says which. */
const task = letterShareTask();
const colours: SftData = async (index) => {
  const { messages, answer } = await task.example(index);
  const [{ content }] = messages;
  const images = typeof content === "string" ? [] : content.filter(({ type }) => type === "image");
  return { messages: [{ role: "user", content: images }], response: answer };
};

const load = async (options: ModelOptions) =>
  Policy.load(await sharedDevice(), await tinyPolicySource(3), { format: "f32", ...options });

async function train(policy: Policy, options: SftRecipeOptions, data = colours) {
  const trainer = new SftTrainer(policy, data, options);
  const losses: number[] = [];
  const norms: number[] = [];
  for await (const event of trainer.run()) {
    if (event.type !== "step") continue;
    losses.push(event.metrics.loss);
    norms.push(event.metrics.grad_norm);
  }
  const values = (await policy.model.parameters?.read()) ?? new Map<string, Float32Array>();
  trainer.destroy();
  return { losses, norms, values };
}

const differences = (a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>) =>
  [...a]
    .filter(([name, values]) => !values.every((value, i) => value === b.get(name)?.[i]))
    .map(([name]) => name);

describe("SftTrainer", () => {
  it("learns to name colours from pixels: the vision tower is trained", async () => {
    const policy = await load({ dense: "all" });
    const before = (await policy.model.parameters?.read()) ?? new Map<string, Float32Array>();
    const { losses, values } = await train(policy, {
      steps: 60,
      batchSize: 12,
      learningRate: 3e-3,
      warmupSteps: 5,
    });
    // Without the picture a third of the first letters is right at best: ln 3 over about five tokens.
    expect(losses[0]).toBeGreaterThan(2);
    expect(Math.min(...losses.slice(-5))).toBeLessThan(0.1);
    // A key's bias moves every score of a softmax alike: its gradient is rounding.
    const still = [...before.keys()].filter((name) => !differences(before, values).includes(name));
    expect(still).toEqual([]);
    const [image] = await policy.generate((await colours(1001)).messages, {
      temperature: 0,
      maxNewTokens: 8,
    });
    expect(image.text).toBe((await colours(1001)).response);
    policy.destroy();
  });

  it("gives the same bits again, and after a stop in the middle", async () => {
    const options = { steps: 6, batchSize: 4, learningRate: 1e-3 };
    const whole = await load({ dense: "all" });
    const { values } = await train(whole, options);
    whole.destroy();

    const first = await load({ dense: "all" });
    const stopped = new SftTrainer(first, colours, options);
    const controller = new AbortController();
    for await (const event of stopped.run({ signal: controller.signal })) {
      if (event.type === "step" && event.step === 2) controller.abort();
    }
    const state = await stopped.state();
    expect(state.step).toBe(3);
    stopped.destroy();
    first.destroy();

    const second = await load({ dense: "all" });
    const resumed = new SftTrainer(second, colours, options);
    resumed.restore(state);
    const events: SftEvent[] = [];
    for await (const event of resumed.run()) events.push(event);
    expect(events.filter(({ type }) => type === "step")).toHaveLength(3);
    const again = (await second.model.parameters?.read()) ?? new Map<string, Float32Array>();
    expect(differences(values, again)).toEqual([]);
    resumed.destroy();
    second.destroy();
  });

  it("accumulates micro-batches to the gradient of the whole batch", async () => {
    const options = { steps: 1, batchSize: 6, learningRate: 1e-3, maxGradNorm: 0 };
    const [a, b] = [await load({ dense: "all" }), await load({ dense: "all" })];
    const whole = await train(a, options);
    const parts = await train(b, { ...options, microBatchSize: 2 });
    expect(parts.losses[0]).toBeCloseTo(whole.losses[0], 5);
    expect(parts.norms[0]).toBeCloseTo(whole.norms[0], 4);
    a.destroy();
    b.destroy();
  });

  it("packs examples without padding to the gradient of each by itself", async () => {
    // Of differing length, so that packing puts others together than the order does.
    const varied: SftData = async (index) => {
      const { messages, response } = await colours(index);
      return { messages, response: `${response} `.repeat(1 + ((7 * index) % 5)).trim() };
    };
    const options = { steps: 1, batchSize: 6, learningRate: 1e-3, maxGradNorm: 0 };
    const gradients = async (limits: SftRecipeOptions) => {
      const policy = await load({ lora: { rank: 4 } });
      // B is zero at first, and A's gradient with it: another start shows both.
      for (const name of policy.model.parameters?.names ?? []) {
        if (!name.endsWith("lora_B")) continue;
        const length = (await policy.model.parameters?.read())?.get(name)?.length ?? 0;
        policy.model.parameters?.set(
          name,
          Float32Array.from({ length }, (_, i) => ((i % 7) - 3) / 50),
        );
      }
      const trainer = new SftTrainer(policy, varied, { ...options, ...limits });
      const events: SftEvent[] = [];
      for await (const event of trainer.run()) events.push(event);
      // The first moment after one step is a tenth of the gradient.
      const { tensors, capacity } = await trainer.state();
      trainer.destroy();
      policy.destroy();
      const [step] = events.filter((event) => event.type === "step");
      return { gradient: [...tensors.m], capacity, loss: step.metrics.loss, tokens: step.metrics.num_tokens };
    };
    const apart = await gradients({ microBatchSize: 1 });
    const packed = await gradients({ tokensPerBatch: 320 });
    expect(packed.capacity?.tokens).toBe(320);
    expect(packed.capacity?.segments).toBeGreaterThan(4); // there were several in one
    expect(packed.tokens).toBe(apart.tokens); // and nothing else
    expect(packed.loss).toBeCloseTo(apart.loss, 5);
    const largest = Math.max(...apart.gradient.flatMap(([, values]) => Array.from(values, Math.abs)));
    expect(largest).toBeGreaterThan(1e-4);
    for (const [at, [name, values]] of packed.gradient.entries()) {
      const expected = apart.gradient[at][1];
      const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
      expect(worst / largest, name).toBeLessThan(1e-4);
    }
  });

  it("leaves out what is too long or has no readable image, counts it, and goes on the same after a stop", async () => {
    const some: SftData = async (index) => {
      const { messages, response } = await colours(index);
      if (index % 4 === 1) return { messages, response: `${response} `.repeat(60) };
      const broken = { type: "image" as const, image: new Uint8Array([1, 2, 3]) };
      if (index === 2) return { messages: [{ role: "user", content: [broken] }], response };
      return { messages, response };
    };
    const options = { steps: 4, batchSize: 3, tokensPerBatch: 96, learningRate: 1e-3 };
    const policy = await load({ lora: { rank: 4 } });
    const trainer = new SftTrainer(policy, some, options);
    const events: SftEvent[] = [];
    for await (const event of trainer.run()) events.push(event);
    const skipped = events.flatMap((event) => (event.type === "step" ? [event.metrics.num_skipped] : []));
    expect(skipped).toEqual([2, 3, 4, 5]); // 12 of the numbers 0 … 16 are left
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event] : []));
    expect(warnings.map(({ step, code }) => [step, code])).toEqual([
      [0, "skipped-demonstration"],
      [2, "skipped-demonstration"],
    ]);
    expect(warnings[0].message).toMatch(
      /^2 of 5 demonstrations so far were left out; .*demonstration 1: got \d+ tokens of the prompt and \d+ of the/,
    );
    const whole = (await policy.model.parameters?.read()) ?? new Map<string, Float32Array>();
    trainer.destroy();
    policy.destroy();

    const other = await load({ lora: { rank: 4 } });
    const stopped = new SftTrainer(other, some, options);
    const controller = new AbortController();
    for await (const event of stopped.run({ signal: controller.signal })) {
      if (event.type === "step" && event.step === 1) controller.abort();
    }
    const state = await stopped.state();
    expect(state).toMatchObject({ drawn: 9, skipped: 3 });
    const resumed = new SftTrainer(other, some, options);
    resumed.restore(state);
    for await (const event of resumed.run()) if (event.type === "warning") expect(event.step).toBe(2);
    const again = (await other.model.parameters?.read()) ?? new Map<string, Float32Array>();
    expect(differences(whole, again)).toEqual([]);
    for (const one of [stopped, resumed]) one.destroy();

    const none = new SftTrainer(other, some, { ...options, tokensPerBatch: 4 });
    await expect(none.prepare()).rejects.toThrow(/130 of 130 demonstrations cannot be used/);
    other.destroy();
  });

  it("trains a LoRA adapter on a frozen tower, and the decoder alone", async () => {
    for (const options of [{ lora: { rank: 4 } }, { dense: "decoder" as const }]) {
      const policy = await load(options);
      const { losses } = await train(policy, { steps: 25, batchSize: 8, learningRate: 1e-2 });
      expect(Math.min(...losses.slice(-3))).toBeLessThan(losses[0] * 0.6);
      policy.destroy();
    }
  });

  it("refuses a frozen policy, unknown options and a step without images for the tower", async () => {
    const frozen = await load({});
    expect(() => new SftTrainer(frozen, colours)).toThrow(/without trainable weights/);
    frozen.destroy();
    expect(() => parseSftRecipe({ stepz: 3 })).toThrow(/stepz/);
    expect(() => parseSftRecipe({ batchSize: 0 })).toThrow(/batchSize/);
    const policy = await load({ dense: "all" });
    const text: SftData = () => ({ messages: [{ role: "user", content: "hello" }], response: "red" });
    await expect(train(policy, { steps: 1, batchSize: 2 }, text)).rejects.toThrow(/at least one/);
    policy.destroy();
  });

  it("stops after three steps of NaN and leaves the weights alone", async () => {
    const policy = await load({ lora: { rank: 4 } });
    const name = policy.model.parameters?.names[0] ?? "";
    policy.model.parameters?.set(
      name,
      new Float32Array((await policy.model.parameters.read()).get(name)?.length ?? 0).fill(NaN),
    );
    const trainer = new SftTrainer(policy, colours, { steps: 9, batchSize: 2 });
    const codes: string[] = [];
    await expect(async () => {
      for await (const event of trainer.run()) if (event.type === "warning") codes.push(event.code);
    }).rejects.toThrow(/3 times in a row/);
    expect(codes).toEqual(["non-finite", "non-finite", "non-finite"]);
    trainer.destroy();
    policy.destroy();
  });
});
