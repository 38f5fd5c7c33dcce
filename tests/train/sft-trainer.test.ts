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
