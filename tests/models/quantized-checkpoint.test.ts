/** Checkpoints quantized as MLX does it: written by us, read to the same bits as weights that are quantized at load. */
import { describe, expect, it } from "vitest";
import { checkpointWeights } from "../../src/models/checkpoint-weights.ts";
import { parseModelConfig } from "../../src/models/config.ts";
import { exportWeights } from "../../src/models/export-weights.ts";
import { Model } from "../../src/models/model.ts";
import type { ModelOptions } from "../../src/models/model.ts";
import { weightSpecs } from "../../src/models/names.ts";
import { quantizeTensors } from "../../src/models/quantize-tensors.ts";
import type { QuantizeOptions } from "../../src/models/quantize-tensors.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { dequantize, quantize } from "../../src/reference/quantize.ts";
import { narrowHalf, widenHalf } from "../../src/storage/dtype.ts";
import { openCheckpoint, writeSafetensors } from "../../src/storage/safetensors.ts";
import type { TensorData } from "../../src/storage/safetensors.ts";
import { memorySource, readJson } from "../../src/storage/source.ts";
import type { FileSource } from "../../src/storage/source.ts";
import { CorruptFileError, MissingTensorError, ShapeError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";
import { normals } from "../support/random.ts";
import { distinctWeights, outputs } from "../support/tiny-model.ts";

const device = await sharedDevice();
const json = (await readJson(await tinyPolicySource(), "config.json")) as Record<string, unknown>;
const config = parseModelConfig(json);
const weights = distinctWeights(config, 11);
const plain: TensorData[] = await Promise.all(
  weightSpecs(config).map(async ({ name, candidates, shape }) => ({
    name: candidates[0],
    dtype: "F32" as const,
    shape,
    data: await weights.read(name),
  })),
);

function folder(tensors: readonly TensorData[], quantization?: unknown): FileSource {
  const text = JSON.stringify({ ...json, ...(quantization !== undefined && { quantization }) });
  return memorySource({
    "config.json": new TextEncoder().encode(text),
    "model.safetensors": writeSafetensors(tensors),
  });
}

async function quantizedFolder(options: QuantizeOptions): Promise<FileSource> {
  const { tensors, quantization } = await quantizeTensors(device, plain, options);
  return folder(tensors, quantization);
}

/** Every frozen tensor's words by name, and what the model computes from them. */
async function contents(source: FileSource, options: ModelOptions) {
  const model = await Model.load(device, source, options);
  const { tensors } = model["factory"];
  const read = await device.readAll(tensors);
  const words = new Map(
    tensors.map(({ name }, i) => [
      name,
      [...new Uint32Array(read[i].buffer, read[i].byteOffset, read[i].length)],
    ]),
  );
  const computed = await outputs(model);
  model.destroy();
  return { words, computed };
}

describe("quantizeTensors", () => {
  it("writes the words, scales and biases of the CPU twin, and leaves the rest", async () => {
    const { tensors, quantization } = await quantizeTensors(device, plain, { bits: 4, group: 64 });
    expect(quantization).toEqual({
      group_size: 64,
      bits: 4,
      "model.embed_tokens": { group_size: 64, bits: 8 },
    });
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    let quantized = 0;
    for (const tensor of plain) {
      const { name, shape } = tensor;
      const [N, K] = shape;
      if (shape.length !== 2 || K % 64 !== 0) {
        expect(byName.get(name), name).toBe(tensor);
        continue;
      }
      quantized++;
      const bits = name.includes("embed_tokens") ? 8 : 4;
      const twin = quantize(tensor.data as Float32Array, { N, K, group: 64, bits });
      const module = name.replace(/\.weight$/, "");
      expect(byName.get(name)).toMatchObject({ dtype: "U32", shape: [N, (K * bits) / 32], data: twin.data });
      const scales = {
        dtype: "F16",
        shape: [N, K / 64],
        data: Uint16Array.from(twin.scales, (w) => w & 0xffff),
      };
      expect(byName.get(`${module}.scales`)).toMatchObject(scales);
      const biases = { ...scales, data: Uint16Array.from(twin.scales, (w) => w >>> 16) };
      expect(byName.get(`${module}.biases`)).toMatchObject(biases);
    }
    // Of the tiny policy: embedding; q, k, v, o, gate and up of two layers; both linears of the merger, down of no block.
    expect(quantized).toBe(1 + 2 * 6 + 2 + 2);
  });

  it("goes on in the right row after each run of rows", async () => {
    const [N, K] = [4100, 1024];
    const values = Float32Array.from({ length: N * K }, (_, i) => Math.sin(i * 0.37 + Math.floor(i / K)));
    const { tensors } = await quantizeTensors(
      device,
      [{ name: "a.weight", dtype: "F32", shape: [N, K], data: values }],
      {
        bits: 8,
      },
    );
    const words = (name: string) =>
      tensors.find((tensor) => tensor.name === name)?.data as Uint32Array | Uint16Array;
    for (const row of [0, 4095, 4096, 4099]) {
      const twin = quantize(values.subarray(row * K, (row + 1) * K), { N: 1, K, group: 32, bits: 8 });
      expect(words("a.weight").subarray((row * K) / 4, ((row + 1) * K) / 4), `row ${row}`).toEqual(twin.data);
      const scales = words("a.scales").subarray((row * K) / 32, ((row + 1) * K) / 32);
      expect([...scales]).toEqual(Array.from(twin.scales, (word) => word & 0xffff));
    }
  });
});

describe("a stored quantized checkpoint", () => {
  it.each<[QuantizeOptions, ModelOptions, ModelOptions]>([
    [{ bits: 8 }, { format: "q8" }, {}],
    [{ bits: 8, group: 64 }, { format: "q8", group: 64 }, { group: 64 }],
    [{ bits: 4 }, { format: "q4" }, { format: "q4" }],
    [
      { bits: 4, group: 64, embeddingBits: 4 },
      { format: "q4", group: 64, embeddingFormat: "q4" },
      { format: "q4", group: 64 },
    ],
  ])("%o has the bits of %o at load", async (options, atLoad, asStored) => {
    const expected = await contents(folder(plain), atLoad);
    expect(new Set(expected.computed.logp).size).toBeGreaterThan(1);
    expect(await contents(await quantizedFolder(options), asStored)).toEqual(expected);
  });

  it("keeps its own format and group where none is asked for, and gives plain weights q8", async () => {
    const { words } = await contents(await quantizedFolder({ bits: 4, group: 64 }), {});
    const lengths = (name: string) => [words.get(name)?.length, words.get(`${name}.scales`)?.length];
    expect(lengths("layers.0.self_attn.q_proj.weight")).toEqual([(64 * 64) / 8, 64]);
    expect(lengths("embed_tokens.weight")).toEqual([(288 * 64) / 4, 288]);
    // 160 columns are no whole groups of 64: plain in the file.
    expect(lengths("layers.0.mlp.down_proj.weight")).toEqual([(64 * 160) / 4, 64 * 5]);
  });

  it("is taken as it is, with words and scales that our quantizer would not choose", async () => {
    const { tensors, quantization } = await quantizeTensors(device, plain, { bits: 8 });
    const module = "visual.blocks.1.attn.qkv";
    // Scales below zero and levels far from both ends, as other quantizers have them.
    const scales = Uint16Array.from({ length: 96 }, (_, i) => 0x9800 + i);
    const words = Uint32Array.from({ length: 96 * 8 }, (_, i) => 0x40506070 + i);
    const foreign = tensors.map((tensor) => {
      if (tensor.name === `${module}.scales`) return { ...tensor, data: scales };
      return tensor.name === `${module}.weight` ? { ...tensor, data: words } : tensor;
    });
    const biases = foreign.find(({ name }) => name === `${module}.biases`)?.data as Uint16Array;
    const { words: loaded } = await contents(folder(foreign, quantization), {});
    for (const [index, part] of ["q", "k", "v"].entries()) {
      const rows = [index * 32, (index + 1) * 32];
      const name = `visual.blocks.1.attn.${part}.weight`;
      expect(loaded.get(name)).toEqual([...words.subarray(rows[0] * 8, rows[1] * 8)]);
      const pairs = Array.from(scales.subarray(...rows), (s, i) => (s | (biases[rows[0] + i] << 16)) >>> 0);
      expect(loaded.get(`${name}.scales`)).toEqual(pairs);
    }
  });

  it("is converted to another format than its own", async () => {
    const source = await quantizedFolder({ bits: 8 });
    const table = await openCheckpoint(source);
    const { quantization } = parseModelConfig(await readJson(source, "config.json"));
    const values = checkpointWeights({ ...config, quantization }, table);
    const decoded: TensorData[] = [];
    for (const { name, dtype, shape, data } of plain) {
      const [N, K] = shape;
      const spec = weightSpecs(config).find(({ candidates }) => candidates[0] === name);
      const read = await values.read(spec?.name ?? "");
      const as = { N, K, group: 32, bits: 8 } as const;
      const isMatrix = shape.length === 2;
      expect(read, name).toEqual(
        isMatrix ? Float32Array.from(dequantize(quantize(data as Float32Array, as), as)) : data,
      );
      decoded.push({ name, dtype, shape, data: read });
    }
    for (const options of [
      { format: "f32" },
      { format: "q4", embeddingFormat: "q4" },
      { format: "q8", group: 64 },
    ] as const) {
      expect(await contents(source, options)).toEqual(await contents(folder(decoded), options));
    }
    const trained = await Model.load(device, source, { dense: "all" });
    expect(await exportWeights(trained)).toEqual(decoded);
    trained.destroy();
  });

  it("is read with MLX's names, its convolution's channels last", async () => {
    const { tensors, quantization } = await quantizeTensors(device, plain, { bits: 8 });
    const renamed = tensors.map((tensor) => {
      const name = tensor.name
        .replace(/^visual\./, "vision_tower.")
        .replace(/^model\./, "language_model.model.");
      if (!name.endsWith("patch_embed.proj.weight")) return { ...tensor, name };
      const [out, channels, frames, height, width] = tensor.shape;
      const places = frames * height * width;
      const from = tensor.data as Float32Array;
      const data = from.map((_, i) => {
        const [channel, place] = [i % channels, Math.floor(i / channels) % places];
        return from[(Math.floor(i / (channels * places)) * channels + channel) * places + place];
      });
      return { ...tensor, name, shape: [out, frames, height, width, channels], data };
    });
    expect(renamed.filter(({ name }) => /^(visual|model)\./.test(name))).toEqual([]);
    expect(await contents(folder(renamed, quantization), {})).toEqual(
      await contents(folder(plain), { format: "q8" }),
    );
  });

  it("may have scales of wider types: taken where they are halves, converted where not", async () => {
    const { tensors, quantization } = await quantizeTensors(device, plain, { bits: 8 });
    const widened = (factor: number): TensorData[] =>
      tensors.map((tensor) =>
        tensor.dtype === "F16"
          ? { ...tensor, dtype: "F32", data: widenHalf(tensor.data as Uint16Array).map((x) => x * factor) }
          : tensor,
      );
    expect(await contents(folder(widened(1), quantization), {})).toEqual(
      await contents(folder(tensors, quantization), {}),
    );
    const factor = 1 + 2 ** -16;
    const off = folder(widened(factor), quantization);
    const wide = await Model.load(device, off, { dense: "all" });
    const exported = await exportWeights(wide);
    const scales = tensors.find(({ name }) => name === "model.embed_tokens.scales")?.data as Uint16Array;
    expect(narrowHalf(widenHalf(scales).map((x) => x * factor))).toEqual(scales); // what was rounded away otherwise
    wide.destroy();
    expect(await contents(off, {})).toEqual(await contents(folder(exported), { format: "q8" }));
  });
});

describe("a damaged quantized checkpoint", () => {
  const module = "model.layers.1.mlp.up_proj";
  type Damage = (tensors: TensorData[]) => TensorData[];
  const without =
    (name: string): Damage =>
    (tensors) =>
      tensors.filter((tensor) => tensor.name !== name);
  const replaced =
    (name: string, change: (tensor: TensorData) => TensorData): Damage =>
    (tensors) =>
      tensors.map((tensor) => (tensor.name === name ? change(tensor) : tensor));
  const halves = (length: number) => Uint16Array.from(normals(length, 1), () => 0x3c00);

  it.each<[string, Damage, new (...args: never[]) => Error, RegExp]>([
    ["scales", without(`${module}.scales`), MissingTensorError, /up_proj\.weight .* its scales are missing/],
    ["biases", without(`${module}.biases`), MissingTensorError, /up_proj\.weight .* its biases are missing/],
    ["a weight", without(`${module}.weight`), MissingTensorError, /1 of \d+ weights are missing: .*up_proj/],
    [
      "rows of scales",
      replaced(`${module}.scales`, (tensor) => ({ ...tensor, shape: [159, 2], data: halves(318) })),
      ShapeError,
      /up_proj\.scales: got \[159, 2\], expected \[160, 2\]/,
    ],
    [
      "words",
      replaced(`${module}.weight`, (tensor) => ({ ...tensor, shape: [160, 8], data: new Uint32Array(1280) })),
      ShapeError,
      /up_proj\.weight: got \[160, 8\], expected \[160, 16\]/,
    ],
    [
      "a type of words",
      replaced(`${module}.weight`, (tensor) => ({ ...tensor, dtype: "I32" })),
      CorruptFileError,
      /up_proj\.weight: got I32 beside scales, expected words/,
    ],
    [
      "a type of scales",
      replaced(`${module}.scales`, (tensor) => ({ ...tensor, dtype: "I16" })),
      CorruptFileError,
      /up_proj\.scales: got I16, expected F16, BF16 or F32/,
    ],
  ])("that lacks %s is refused with its name", async (_, damage, kind, message) => {
    const { tensors, quantization } = await quantizeTensors(device, plain, { bits: 8 });
    const loading = Model.load(device, folder(damage(tensors), quantization));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(kind);
  });

  it("that its config.json does not speak of, or gives groups that do not fit, is refused", async () => {
    const { tensors } = await quantizeTensors(device, plain, { bits: 8 });
    await expect(Model.load(device, folder(tensors))).rejects.toThrow(
      /weight model\.embed_tokens\.weight is quantized: got a config\.json that does not say how/,
    );
    const other = { group_size: 32, bits: 8, "visual.blocks.0.attn.qkv": { group_size: 64, bits: 8 } };
    await expect(Model.load(device, folder(tensors, other))).rejects.toThrow(
      /visual\.blocks\.0\.attn\.qkv\.weight: got .*\[96, 32\], expected .* whole groups of 64/,
    );
  });

  it("that is cut short is refused", async () => {
    const source = await quantizedFolder({ bits: 8 });
    const whole = await source.read("model.safetensors");
    const cut = memorySource({
      "config.json": await source.read("config.json"),
      "model.safetensors": whole.slice(0, -1000),
    });
    await expect(Model.load(device, cut)).rejects.toThrow(CorruptFileError);
    await expect(Model.load(device, cut)).rejects.toThrow(/truncated/);
  });
});
