import { describe, expect, it } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { Model } from "../../src/models/model.ts";
import { emitDecoder, emitScores, PackedInputs } from "../../src/models/packed-inputs.ts";
import { packGroups } from "../../src/models/packing.ts";
import type { PackedPrompt } from "../../src/models/packing.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { RolloutEngine } from "../../src/rollout/engine.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { ContextLengthError, InvalidOptionError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { integers } from "../support/random.ts";

const capacity = { batch: 6, prefixTokens: 32, maxNewTokens: 20 };

async function model(): Promise<Model> {
  return Model.load(await sharedDevice(), await tinyPolicySource(3), { format: "q8", lora: { rank: 4 } });
}

function prompt(length: number, seed: number): PackedPrompt {
  const tokens = integers(length, 200, seed);
  return {
    tokens,
    positions: Int32Array.from({ length: 3 * length }, (_, i) => i % length),
    nextPosition: length,
    featureRows: [],
  };
}

describe("RolloutEngine", () => {
  it("draws log-probs that training recomputes, with the prompt shared by its group", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const requests = [
      { prompt: prompt(9, 1), n: 3 },
      { prompt: prompt(14, 2), n: 2 },
    ];
    const temperature = 0.8;
    const groups = await engine.complete(requests, {
      temperature,
      seed: 5,
      maxNewTokens: 11,
      stopTokens: [],
    });
    const batch = packGroups(
      requests.map(({ prompt }, i) => ({ prompt, completions: groups[i].map((c) => c.tokens) })),
    );
    const rec = new Recorder(policy.device, "score");
    const inputs = new PackedInputs(rec, { tokens: 128, scored: 64, segments: 8 });
    const banned = rec.input("banned", [9], "u32");
    const { logp } = emitScores(rec, policy, inputs, emitDecoder(rec, policy, inputs, { adapter: true }), {
      temperature,
      banned,
    });
    rec.output(logp);
    const program = await rec.build();
    const values = inputs.write(program, batch);
    const mask = new Uint32Array(9);
    for (const token of [policy.config.tokens.image, policy.config.tokens.video])
      if (token !== null) mask[token >> 5] |= 1 << (token & 31);
    program.write("banned", mask);
    program.run(values);
    const scored = (await program.read(logp)).subarray(0, batch.targets.length);
    const sampled = groups.flat().flatMap((completion) => completion.logps);
    expectClose(scored, sampled, { abs: 2e-5, rel: 2e-5 }, "log-probs");
    program.destroy();
    engine.destroy();
    policy.destroy();
  });

  it("gives the same tokens for the same seed, others for another, whatever waits in the queue", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const requests = [{ prompt: prompt(7, 1), n: 4 }];
    const run = async (seed: number, extra: typeof requests = []) =>
      (await engine.complete([...requests, ...extra], { seed, maxNewTokens: 12, stopTokens: [] }))[0].map(
        (c) => c.tokens,
      );
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
    // Seven sequences in a batch of six: the last waits for the next wave.
    expect(await run(1, [{ prompt: prompt(20, 9), n: 3 }])).toEqual(first);
    expect(new Set(first.map(String)).size).toBe(4);
    engine.destroy();
    policy.destroy();
  });

  it("takes a finished sequence out of the batch and goes on with the rest", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const requests = [{ prompt: prompt(7, 1), n: 6 }];
    const [free] = await engine.complete(requests, { seed: 4, maxNewTokens: 20, stopTokens: [] });
    const stop = free[2].tokens[5];
    const [stopped] = await engine.complete(requests, { seed: 4, maxNewTokens: 20, stopTokens: [stop] });
    free.forEach(({ tokens }, i) => {
      const at = tokens.indexOf(stop);
      expect(stopped[i].tokens).toEqual(at < 0 ? tokens : tokens.slice(0, at + 1));
      expect(stopped[i].finishReason).toBe(at < 0 ? "length" : "stop");
      expect(stopped[i].logps).toHaveLength(stopped[i].tokens.length);
    });
    engine.destroy();
    policy.destroy();
  });

  it("never draws banned tokens or image placeholders, and penalises repetition", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const requests = [{ prompt: prompt(7, 1), n: 6 }];
    const [greedy] = await engine.complete(requests, { temperature: 0, maxNewTokens: 16, stopTokens: [] });
    const banned = greedy[0].tokens.slice(0, 2);
    const [other] = await engine.complete(requests, {
      temperature: 0,
      maxNewTokens: 16,
      stopTokens: [],
      bannedTokens: banned,
    });
    expect(other[0].tokens.some((token) => banned.includes(token))).toBe(false);
    const [hot] = await engine.complete(requests, {
      temperature: 50,
      maxNewTokens: 20,
      stopTokens: [],
      seed: 1,
    });
    expect(hot.flatMap((c) => c.tokens)).not.toContain(policy.config.tokens.image);
    const [penalised] = await engine.complete(requests, {
      temperature: 0,
      maxNewTokens: 16,
      stopTokens: [],
      repetitionPenalty: 50,
    });
    expect(new Set(penalised[0].tokens).size).toBe(16);
    engine.destroy();
    policy.destroy();
  });

  it("stops at an aborted signal and is usable afterwards", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const requests = [{ prompt: prompt(7, 1), n: 1 }];
    const controller = new AbortController();
    const drawn: number[] = [];
    const generate = async () => {
      for await (const event of engine.generate(requests, {
        maxNewTokens: 20,
        stopTokens: [],
        signal: controller.signal,
      })) {
        if (event.kind === "tokens") drawn.push(...event.tokens);
        controller.abort();
      }
    };
    await expect(generate()).rejects.toThrow(/abort/i);
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn.length).toBeLessThan(20);
    expect((await engine.complete(requests, { maxNewTokens: 3 }))[0]).toHaveLength(1);
    engine.destroy();
    policy.destroy();
  });

  it("refuses what does not fit, and bad options", async () => {
    const policy = await model();
    const engine = await RolloutEngine.create(policy, capacity);
    const complete = (length: number, options: object) =>
      engine.complete([{ prompt: prompt(length, 1), n: 1 }], options);
    await expect(complete(40, { maxNewTokens: 4 })).rejects.toThrow(ContextLengthError);
    await expect(complete(4, { maxNewTokens: 21 })).rejects.toThrow(/room for 20/);
    await expect(complete(4, { maxNewTokens: 4, topP: 0 })).rejects.toThrow(InvalidOptionError);
    await expect(complete(4, { maxNewTokens: 4, temperature: NaN })).rejects.toThrow(/temperature: got NaN/);
    engine.destroy();
    policy.destroy();
  });
});

describe("Policy", () => {
  it("answers about an image, streamed text equal to the whole", async () => {
    const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(3), {
      format: "q4",
      lora: { rank: 4 },
    });
    const picture = {
      width: 40,
      height: 32,
      data: new Uint8Array(40 * 32 * 3).map((_, i) => (i * 37) % 256),
    };
    const messages = [
      {
        role: "user" as const,
        content: [
          { type: "image" as const, image: picture },
          { type: "text" as const, text: "What is it?" },
        ],
      },
    ];
    const options = { n: 2, maxNewTokens: 10, seed: 7 };
    const texts = ["", ""];
    for await (const delta of policy.stream(messages, options)) texts[delta.index] += delta.text;
    const completions = await policy.generate(messages, options);
    expect(completions.map((c) => c.text)).toEqual(texts);
    expect(completions[0].tokens).toHaveLength(10);
    const dark = { ...picture, data: new Uint8Array(picture.data.length) };
    const other = await policy.generate(
      [
        {
          role: "user",
          content: [
            { type: "image", image: dark },
            { type: "text", text: "What is it?" },
          ],
        },
      ],
      options,
    );
    expect(other[0].logps).not.toEqual(completions[0].logps);
    policy.destroy();
    expect(() => {
      policy.device.check();
    }).not.toThrow();
  });

  it("frees every buffer it made", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const policy = await Policy.load(device, await tinyPolicySource(3), { lora: { rank: 4 } });
    const picture = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) };
    const content = [{ type: "image" as const, image: picture }];
    await policy.generate([{ role: "user", content }], { maxNewTokens: 3, n: 2 });
    await policy.generate([{ role: "user", content: "a longer one ".repeat(9) }], {
      maxNewTokens: 30,
      repetitionPenalty: 1.2,
    });
    await policy.generate([{ role: "user", content: "?" }], { maxNewTokens: 2, adapter: false });
    policy.destroy();
    // What is left stands in for optional tensors and belongs to the device.
    expect(device.liveBuffers).toBeLessThanOrEqual(1);
    device.destroy();
    expect(device.liveBytes).toBe(0);
  });

  it("with the adapter off is the base model", async () => {
    const device = await sharedDevice();
    const source = await tinyPolicySource(3);
    const base = await Policy.load(device, source, { format: "f32" });
    const policy = await Policy.load(device, source, { format: "f32", lora: { rank: 4 } });
    const random = await policy.model.readAdapter();
    for (const { b } of random.tensors.values()) b.forEach((_, i) => (b[i] = Math.sin(i)));
    policy.model.loadAdapter(random);
    const messages = [{ role: "user" as const, content: "hello" }];
    const options = { maxNewTokens: 8, temperature: 0, stopTokens: [] };
    const [plain] = await base.generate(messages, options);
    const [off] = await policy.generate(messages, { ...options, adapter: false });
    const [on] = await policy.generate(messages, options);
    expect(off.logps).toEqual(plain.logps);
    expect(on.logps).not.toEqual(plain.logps);
    base.destroy();
    policy.destroy();
  });
});
