import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadFixtureModel } from "../../src/cli/parity-model.ts";
import type { Message } from "../../src/data/chat-template.ts";
import { processImage, readImageProcessorConfig } from "../../src/data/image.ts";
import type { Grid, ProcessedImage, RgbImage } from "../../src/data/image.ts";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { SlotPool } from "../../src/gpu/program.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import type { Model } from "../../src/models/model.ts";
import { emitDecoder, PackedInputs } from "../../src/models/packed-inputs.ts";
import { packPrefixes } from "../../src/models/packing.ts";
import { promptPositions } from "../../src/models/positions.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { attentionWeights } from "../../src/reference/attention-weights.ts";
import { ImageFeatures } from "../../src/rollout/image-features.ts";
import { Inspector } from "../../src/rollout/inspect.ts";
import type { Inspection } from "../../src/rollout/inspect.ts";
import { Policy } from "../../src/rollout/policy.ts";
import type { PolicyPrompt } from "../../src/rollout/policy.ts";
import { folderSource } from "../../src/storage/folder-source.ts";
import { openSafetensors } from "../../src/storage/safetensors.ts";
import type { TensorTable } from "../../src/storage/safetensors.ts";
import { shapesTask } from "../../src/tasks/shapes.ts";
import { ContextLengthError, InvalidOptionError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { fixturePath } from "../support/fixtures.ts";
import { integers } from "../support/random.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** A policy whose adapter does something. */
async function adapted(device?: Device): Promise<Policy> {
  const options = { format: "f32", lora: { rank: 4 } } as const;
  const policy = await Policy.load(device ?? (await sharedDevice()), await tinyPolicySource(3), options);
  const adapter = await policy.model.readAdapter();
  for (const { b } of adapter.tensors.values()) b.forEach((_, i) => (b[i] = Math.sin(i) / 10));
  policy.model.loadAdapter(adapter);
  return policy;
}

function picture(width: number, height: number, seed = 1): RgbImage {
  return { width, height, data: Uint8Array.from(integers(width * height * 3, 256, seed)) };
}

/** A question about pictures of these widths, all 32 high. */
function question(...widths: number[]): Message[] {
  const images = widths.map((width, i) => ({ type: "image" as const, image: picture(width, 32, i) }));
  return [{ role: "user", content: [...images, { type: "text", text: "What is it?" }] }];
}

/** Weights of each row of an inspection over all images, added up. */
function rowSums({ logps, images }: Inspection): number[] {
  return range(logps.length).map((s) =>
    images.reduce((sum, { rows, columns, weights }) => {
      const row = weights.subarray(s * rows * columns, (s + 1) * rows * columns);
      return row.reduce((total, weight) => total + weight, sum);
    }, 0),
  );
}

interface Fixture {
  model: Model;
  reference: TensorTable;
  prompt: PolicyPrompt;
  /** The whole sequence, and where its completion begins. */
  ids: number[];
  begin: number;
}

/** A model of tests/fixtures with its adapter; its reference sequence cut into a prompt and a completion. */
async function fixture(name: string): Promise<Fixture> {
  const source = folderSource(fixturePath(name));
  const model = await loadFixtureModel(await sharedDevice(), source, "adapter");
  const reference = await openSafetensors(source, "reference.safetensors");
  const ids = [...(await reference.readFloat32("input_ids"))];
  const images: ProcessedImage[] = [];
  const processor = await readImageProcessorConfig(source);
  for (let i = 0; processor && reference.tensors.has(`image.${i}`); i++) {
    const [height, width] = reference.tensors.get(`image.${i}`)?.shape ?? [];
    const data = Uint8Array.from(await reference.readFloat32(`image.${i}`));
    images.push(processImage({ width, height, data }, processor));
  }
  // The reference continues its whole sequence; the last 20 tokens, behind both images, are taken for a completion here.
  const begin = images.length > 0 ? (await reference.readFloat32("greedy.prompt_len"))[0] - 20 : 10;
  return { model, reference, ids, begin, prompt: promptOf(model, ids.slice(0, begin), images) };
}

function promptOf(model: Model, tokens: number[], images: ProcessedImage[]): PolicyPrompt {
  const grids: Grid[] = images.map(({ grid }) => grid);
  const { positions, delta } = promptPositions(model.config, tokens, grids);
  const featureCount = tokens.filter((token) => token === model.config.tokens.image).length;
  return { text: "", tokens, positions, nextPosition: tokens.length + delta, images, featureCount };
}

/** log-softmax of a row of logits at a token, over what is no placeholder. */
function logProb({ config }: Model, logits: Float32Array, token: number): number {
  const { image, video } = config.tokens;
  const kept = logits.filter((_, v) => v !== image && v !== video);
  const highest = Math.max(...kept);
  const sum = kept.reduce((total, z) => total + Math.exp(z - highest), 0);
  return logits[token] - highest - Math.log(sum);
}

/** Mean attention weights [S, N] in float64, from q and k of every layer over the sequence laid out whole. */
async function weightsInFloat64(
  { model, ids, begin, prompt }: Fixture,
  keys: readonly number[],
): Promise<Float64Array> {
  const pool = new SlotPool(model.device);
  const images = new ImageFeatures(model, pool);
  await images.reserve([prompt]);
  const [placed] = images.place([promptOf(model, ids, prompt.images)]);
  const featureCount = Number(images.tensor?.shape[0]);
  const batch = packPrefixes([placed], { featureCount, imageToken: model.config.tokens.image });
  const rec = new Recorder(model.device, "whole");
  const inputs = new PackedInputs(rec, { tokens: ids.length, scored: 0, segments: 1 }, images.tensor);
  const { saved } = emitDecoder(rec, model, inputs, { adapter: true }).decoder;
  const kept = saved.flatMap(({ activations }) => (activations?.attention ? [activations.attention] : []));
  for (const { q, k } of kept) [q, k].forEach((tensor) => rec.output(tensor));
  const program = await rec.build();
  program.run(inputs.write(program, batch));
  const { numHeads: H, numKvHeads: KV, headDim: D } = model.config.text;
  const queries = range(ids.length - begin).map((i) => begin - 1 + i);
  const mean = new Float64Array(queries.length * keys.length);
  for (const layer of kept) {
    const [q, k] = (await model.device.readAll([layer.q, layer.k])).map((x) => Float64Array.from(x));
    const { segments } = batch;
    const weights = attentionWeights({ q, k, segments, scale: D ** -0.5, H, KV, D }, queries, keys);
    weights.forEach((value, at) => (mean[at] += value / kept.length));
  }
  program.destroy();
  images.destroy();
  pool.destroy();
  return mean;
}

describe("inspect, on models that PyTorch ran", () => {
  it.each(["qwen2_tiny", "qwen2_5_vl_tiny"])("gives the log-probs of %s", async (name) => {
    const { model, reference, prompt, ids, begin } = await fixture(name);
    const pool = new SlotPool(model.device);
    const inspector = new Inspector(model, pool);
    for (const [adapter, tensor] of [
      [true, "lora.logits"],
      [false, "logits"],
    ] as const) {
      const logits = await reference.readFloat32(tensor);
      const V = model.config.text.vocabSize;
      const tokens = ids.slice(begin);
      const expected = tokens.map((token, i) =>
        logProb(model, logits.subarray((begin - 1 + i) * V, (begin + i) * V), token),
      );
      const { logps } = await inspector.inspect(prompt, tokens, { adapter });
      expectClose(logps, expected, { abs: 5e-5, rel: 0 }, `${tensor}: log-probs`);
    }
    inspector.destroy();
    pool.destroy();
    model.destroy();
  });

  it("gives, for two images, the weights that q and k of every layer give in float64", async () => {
    const whole = await fixture("qwen2_5_vl_tiny");
    const { model, prompt, ids, begin } = whole;
    const keys = range(ids.length).filter((i) => ids[i] === model.config.tokens.image);
    const expected = await weightsInFloat64(whole, keys);
    const pool = new SlotPool(model.device);
    const inspector = new Inspector(model, pool);
    const { images } = await inspector.inspect(prompt, ids.slice(begin));
    // The merged grids of the fixture's pictures, of 35 and 16 tokens.
    expect(images.map(({ rows, columns }) => [rows, columns])).toEqual([
      [5, 7],
      [4, 4],
    ]);
    const S = ids.length - begin;
    const joined = range(S).flatMap((s) =>
      images.flatMap(({ rows, columns, weights }) => [
        ...weights.subarray(s * rows * columns, (s + 1) * rows * columns),
      ]),
    );
    expectClose(joined, expected, { abs: 1e-5, rel: 0 }, "weights");
    expect(Math.max(...joined)).toBeGreaterThan(0.01);
    inspector.destroy();
    pool.destroy();
    model.destroy();
  });
});

describe("Policy.inspect", () => {
  it("gives the log-probs that the sampler stored, with the adapter and without", async () => {
    const policy = await adapted();
    const messages = question(32, 48);
    for (const adapter of [true, false]) {
      const sampling = {
        n: 3,
        maxNewTokens: 9,
        temperature: 0.8,
        seed: 2,
        stopTokens: [],
        prefill: "So",
        adapter,
      };
      const drawn = await policy.generate(messages, sampling);
      // All at once: they wait for one another.
      const inspections = await Promise.all(
        drawn.map(({ tokens }) => policy.inspect(messages, tokens, sampling)),
      );
      inspections.forEach((inspection, i) => {
        expectClose(inspection.logps, drawn[i].logps, { abs: 2e-5, rel: 2e-5 }, `completion ${i}`);
        for (const sum of rowSums(inspection)) {
          expect(sum).toBeGreaterThan(0);
          expect(sum).toBeLessThanOrEqual(1);
        }
      });
      const other = await policy.inspect(messages, drawn[0].tokens, { ...sampling, adapter: !adapter });
      expect(other.logps).not.toEqual(inspections[0].logps);
      expect(other.images).not.toEqual(inspections[0].images);
    }
    policy.destroy();
  });

  it("counts a greedy completion's temperature as 1, as the sampler does", async () => {
    const policy = await adapted();
    const messages = question(32);
    const [{ tokens, logps }] = await policy.generate(messages, { temperature: 0, maxNewTokens: 5 });
    const seen = await policy.inspect(messages, tokens, { temperature: 0 });
    expectClose(seen.logps, logps, { abs: 2e-5, rel: 2e-5 });
    expect((await policy.inspect(messages, tokens)).logps).toEqual(seen.logps);
    policy.destroy();
  });

  it("takes a prompt without images, a short one, a long one with many images, and the short one again", async () => {
    const policy = await adapted();
    const tokens = [72, 101, 121];
    const text = await policy.inspect([{ role: "user", content: "hello" }], tokens);
    expect(text.images).toEqual([]);
    const short = await policy.inspect(question(32), tokens);
    const long = await policy.inspect(question(64, 48, 32, 64, 64, 64, 64), [...integers(150, 200, 4)]);
    expect(long.images.map(({ rows, columns }) => rows * columns)).toEqual([8, 6, 4, 8, 8, 8, 8]);
    const close = { abs: 1e-5, rel: 1e-5 };
    const again = await policy.inspect(question(32), tokens);
    expectClose(again.logps, short.logps, close, "log-probs");
    expectClose(again.images[0].weights, short.images[0].weights, close, "weights");
    const textAgain = await policy.inspect([{ role: "user", content: "hello" }], tokens);
    expectClose(textAgain.logps, text.logps, close, "log-probs without images");
    const alone = await policy.inspect(question(32), tokens, { attention: false });
    expectClose(alone.logps, short.logps, close, "log-probs alone");
    expect(alone.images).toEqual([]);
    policy.destroy();
  });

  it("frees every buffer it made", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const policy = await adapted(device);
    const rows = policy.memory().length;
    // At once: the second needs more room than the first made.
    const many = question(64, 64, 64, 64, 64, 64, 64, 64, 64);
    await Promise.all([policy.inspect(question(32), [72]), policy.inspect(many, [...integers(70, 200, 4)])]);
    await policy.inspect(question(32), [72], { adapter: false, attention: false });
    expect(policy.memory().length).toBe(rows + 3); // the vision tower's program and two of inspections
    policy.destroy();
    // What is left stands in for optional tensors and belongs to the device.
    expect(device.liveBuffers).toBeLessThanOrEqual(1);
    device.destroy();
    expect(device.liveBytes).toBe(0);
  });

  it("refuses what cannot be, and is usable afterwards", async () => {
    const policy = await adapted();
    const messages = question(32);
    const good = await policy.inspect(messages, [72, 101]);
    const { image } = policy.model.config.tokens;
    for (const wrong of [[], [72, -1], [1.5], [policy.model.config.text.vocabSize], [image ?? NaN]])
      await expect(policy.inspect(messages, wrong)).rejects.toThrow(InvalidOptionError);
    await expect(policy.inspect(messages, [72], { temperature: -1 })).rejects.toThrow(InvalidOptionError);
    await expect(policy.inspect(messages, [...integers(1100, 200, 1)])).rejects.toThrow(ContextLengthError);
    const aborted = policy.inspect(messages, [72], { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    expect(await policy.inspect(messages, [72, 101])).toEqual(good);
    policy.destroy();
  });
});

it("spells each token by itself, with U+FFFD for a part of a character", async () => {
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(3));
  const ids = policy.tokenizer.encode("né");
  expect(ids).toHaveLength(3); // every byte is a token
  const end = policy.tokenizer.idOf("<|im_end|>") ?? -1;
  expect(policy.tokenTexts([[...ids, end], [], [999_999]])).toEqual([
    ["n", "\ufffd", "\ufffd", "<|im_end|>"],
    [],
    [""],
  ]);
  policy.destroy();
});

describe("the toy policy", () => {
  it("looks at the cell that it is about to name, far more than chance", async () => {
    const folder = resolve(import.meta.dirname, "../../policies/toy");
    const policy = await Policy.load(await sharedDevice(), folderSource(folder));
    const task = shapesTask();
    let hits = 0;
    const [scenes, words] = [6, 18];
    for (const seed of range(scenes)) {
      const example = task.example(seed, "test");
      // The demonstration's own trace: two words for each of the nine cells, in order.
      const tokens = policy.tokenizer.encode(` ${example.refined_cot}`).slice(0, words);
      const { images } = await policy.inspect(example.messages, tokens, { prefill: "<think>" });
      const [{ rows, columns, weights }] = images;
      expect([rows, columns]).toEqual([3, 3]);
      for (const s of range(words)) {
        const row = weights.subarray(s * 9, (s + 1) * 9);
        if (row.indexOf(Math.max(...row)) === Math.floor(s / 2)) hits++;
      }
    }
    // By chance one word in nine.
    expect(hits / (scenes * words)).toBeGreaterThan(0.5);
    policy.destroy();
  });
});
