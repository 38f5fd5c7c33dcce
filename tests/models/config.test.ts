import { describe, expect, it } from "vitest";
import { parseModelConfig, readModelConfig, type ModelConfig } from "../../src/models/config.ts";
import { resolveWeights, weightSpecs } from "../../src/models/names.ts";
import { openCheckpoint, type TensorEntry } from "../../src/storage/safetensors.ts";
import { memorySource } from "../../src/storage/source.ts";
import {
  CorruptFileError,
  MissingTensorError,
  ShapeError,
  UnsupportedModelError,
} from "../../src/util/errors.ts";
import { fixtureJson, fixtureSource } from "../support/fixtures.ts";

type Json = Record<string, unknown>;
const hub = fixtureJson<Json>("qwen2_5_vl_tiny", "config.json");
const v5 = fixtureJson<Json & { text_config: Json }>("qwen2_5_vl_tiny", "config.v5.json");
const text = fixtureJson<Json>("qwen2_tiny", "config.json");

const tinyVl: ModelConfig = {
  architecture: "qwen2_5_vl",
  text: {
    hiddenSize: 64,
    intermediateSize: 128,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 16,
    vocabSize: 384,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    mropeSection: [2, 3, 3],
    attentionBias: true,
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 1024,
  },
  vision: {
    depth: 3,
    hiddenSize: 32,
    intermediateSize: 48,
    numHeads: 2,
    headDim: 16,
    outHiddenSize: 64,
    inChannels: 3,
    patchSize: 4,
    temporalPatchSize: 2,
    mergeSize: 2,
    windowSize: 32,
    fullAttentionBlocks: [1],
    tokensPerSecond: 2,
    normEps: 1e-6,
    ropeTheta: 10_000,
  },
  tokens: { bos: 360, eos: [362], pad: null, image: 372, video: 373, visionStart: 369, visionEnd: 370 },
  dtype: "float32",
};

/** The nested form of transformers 4.52 to 4.57: text_config with rope_scaling and rope_theta. */
function nestedWithScaling(): Json {
  const scaling = { mrope_section: [2, 3, 3], rope_type: "default", type: "default" };
  return {
    ...v5,
    text_config: { ...v5.text_config, rope_parameters: undefined, rope_theta: 1e6, rope_scaling: scaling },
  };
}

describe("parseModelConfig", () => {
  it.each<[string, Json]>([
    ["flat, as on the hub", hub],
    ["nested with rope_parameters", v5],
    ["nested with rope_scaling", nestedWithScaling()],
    [
      "with tie_word_embeddings in text_config",
      {
        ...v5,
        tie_word_embeddings: undefined,
        text_config: { ...v5.text_config, tie_word_embeddings: true },
      },
    ],
  ])("reads a vision-language config %s", (_, json) => {
    expect(parseModelConfig(json)).toEqual(tinyVl);
  });

  it("reads a text config", () => {
    expect(parseModelConfig(text)).toEqual({
      architecture: "qwen2",
      text: {
        ...tinyVl.text,
        intermediateSize: 160,
        vocabSize: 320,
        mropeSection: null,
        maxPositionEmbeddings: 512,
      },
      tokens: { bos: 1, eos: [2], pad: 0, image: null, video: null, visionStart: null, visionEnd: null },
      dtype: null,
    });
  });

  it("fills in the family's defaults, and computes Qwen2.5-VL-3B's sizes", () => {
    const config = parseModelConfig({
      model_type: "qwen2_5_vl",
      hidden_size: 2048,
      intermediate_size: 11008,
      num_hidden_layers: 36,
      num_attention_heads: 16,
      num_key_value_heads: 2,
      vocab_size: 151936,
      tie_word_embeddings: true,
      vision_config: { hidden_size: 1280, out_hidden_size: 2048 },
    });
    expect(config.text).toMatchObject({
      headDim: 128,
      ropeTheta: 1e6,
      mropeSection: [16, 24, 24],
      rmsNormEps: 1e-6,
    });
    expect(config.vision).toMatchObject({
      depth: 32,
      headDim: 80,
      windowSize: 112,
      fullAttentionBlocks: [7, 15, 23, 31],
      inChannels: 3,
    });
    expect(config.tokens).toMatchObject({ image: 151655, visionStart: 151652, eos: [] });
    const parameters = weightSpecs(config).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    expect(parameters).toBe(3_754_622_976);
  });

  it("prefers the eos tokens of generation_config.json", async () => {
    expect(parseModelConfig(hub, { eos_token_id: [362, 360] }).tokens.eos).toEqual([362, 360]);
    const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
    const alone = { "config.json": encode(text) };
    expect((await readModelConfig(memorySource(alone))).tokens.eos).toEqual([2]);
    const both = { ...alone, "generation_config.json": encode({ eos_token_id: 7, pad_token_id: 5 }) };
    expect((await readModelConfig(memorySource(both))).tokens).toMatchObject({ eos: [7], pad: 5 });
  });

  it("knows how MLX quantized the weights, also where that stands twice", () => {
    const quantization = { group_size: 64, bits: 4 };
    const expected = { group: 64, bits: 4, modules: new Map() };
    expect(parseModelConfig({ ...text, quantization }).quantization).toEqual(expected);
    const twice = { ...text, quantization, quantization_config: quantization };
    expect(parseModelConfig(twice).quantization).toEqual(expected);
    expect(parseModelConfig(text).quantization).toBeUndefined();
  });

  it.each<[string, Json, RegExp]>([
    [
      "another architecture",
      { ...hub, model_type: "smolvlm" },
      /model_type smolvlm; supported: qwen2, qwen2_5_vl/,
    ],
    ["no architecture", { hidden_size: 4 }, /model_type undefined/],
    ["another activation", { ...text, hidden_act: "gelu" }, /hidden_act gelu; supported: silu/],
    [
      "a vision activation",
      { ...hub, vision_config: { hidden_size: 32, num_heads: 2, hidden_act: "quick_gelu" } },
      /quick_gelu/,
    ],
    [
      "another rope",
      { ...text, rope_parameters: null, rope_scaling: { type: "yarn", factor: 4 } },
      /rope_type yarn; supported: default/,
    ],
    [
      "interleaved mrope",
      { ...hub, rope_scaling: { type: "default", mrope_section: [2, 3, 3], mrope_interleaved: true } },
      /mrope_interleaved/,
    ],
    ["a sliding window", { ...text, use_sliding_window: true }, /use_sliding_window/],
    [
      "sliding layers",
      { ...text, layer_types: ["full_attention", "sliding_attention"] },
      /use_sliding_window/,
    ],
    ["quantized weights", { ...text, quantization_config: { quant_method: "awq" } }, /awq/],
    [
      "quantized weights of no method",
      { ...text, quantization_config: { bits: 4 } },
      /quantization_config one/,
    ],
    ["a quantization of 3 bits", { ...text, quantization: { group_size: 64, bits: 3 } }, /3 bits/],
  ])("refuses %s", (_, json, message) => {
    expect(() => parseModelConfig(json)).toThrow(UnsupportedModelError);
    expect(() => parseModelConfig(json)).toThrow(message);
  });

  it.each<[string, unknown, RegExp]>([
    ["no object", null, /no object/],
    ["a missing size", { ...text, hidden_size: undefined }, /hidden_size/],
    ["a size that is a string", { ...text, num_hidden_layers: "2" }, /num_hidden_layers/],
    ["a negative size", { ...text, vocab_size: -1 }, /vocab_size/],
    ["heads that kv heads do not divide", { ...text, num_key_value_heads: 3 }, /4 heads on 3 kv heads/],
    ["an odd head width", { ...text, head_dim: 15 }, /head width of 15/],
    [
      "sections that do not fill half a head",
      { ...hub, rope_scaling: { mrope_section: [2, 2, 2] } },
      /\[2, 2, 2\]/,
    ],
    [
      "a window smaller than a token",
      { ...hub, vision_config: { hidden_size: 32, num_heads: 2, window_size: 8 } },
      /window_size 8/,
    ],
  ])("names what is wrong with %s", (_, json, message) => {
    expect(() => parseModelConfig(json)).toThrow(CorruptFileError);
    expect(() => parseModelConfig(json)).toThrow(message);
  });
});

describe("resolveWeights", () => {
  const entries = (names: Map<string, readonly number[]>): { tensors: Map<string, TensorEntry> } => ({
    tensors: new Map([...names].map(([name, shape]) => [name, { name, shape, dtype: "F32", byteLength: 0 }])),
  });

  it.each(["qwen2_tiny", "qwen2_5_vl_tiny"])("finds every tensor of %s, and uses each", async (name) => {
    const source = fixtureSource(name);
    const table = await openCheckpoint(source);
    const weights = resolveWeights(await readModelConfig(source), table);
    expect(weights.size).toBe(table.tensors.size);
    expect(new Set([...weights.values()].map((entry) => entry.name))).toEqual(new Set(table.tensors.keys()));
  });

  it.each<[string, (name: string) => string]>([
    [
      "the spelling of transformers 4.52 on",
      (name) => (name.startsWith("visual.") ? `model.${name}` : `model.language_model.${name}`),
    ],
    ["language_model.model", (name) => (name.startsWith("visual.") ? name : `language_model.model.${name}`)],
  ])("accepts %s", (_, rename) => {
    const file = entries(new Map(weightSpecs(tinyVl).map(({ name, shape }) => [rename(name), shape])));
    expect(resolveWeights(tinyVl, file).get("norm.weight")?.name).toBe(rename("norm.weight"));
    expect(resolveWeights(tinyVl, file).size).toBe(68);
  });

  it("needs a head only when it is not tied, and lists what is missing", () => {
    const untied: ModelConfig = { ...tinyVl, text: { ...tinyVl.text, tieWordEmbeddings: false } };
    const tiedFile = entries(
      new Map(weightSpecs(tinyVl).map(({ candidates, shape }) => [candidates[0], shape])),
    );
    expect(resolveWeights(tinyVl, tiedFile).has("lm_head.weight")).toBe(false);
    expect(() => resolveWeights(untied, tiedFile)).toThrow(MissingTensorError);
    expect(() => resolveWeights(untied, tiedFile)).toThrow(/1 of 69 weights are missing: lm_head\.weight;/);
    expect(() => resolveWeights(untied, entries(new Map()))).toThrow(
      /69 of 69.*model\.embed_tokens\.weight.*…/,
    );
  });

  it("names a shape unlike the configuration's", () => {
    const file = entries(new Map(weightSpecs(tinyVl).map(({ candidates, shape }) => [candidates[0], shape])));
    const wide: ModelConfig = { ...tinyVl, text: { ...tinyVl.text, intermediateSize: 256 } };
    expect(() => resolveWeights(wide, file)).toThrow(ShapeError);
    expect(() => resolveWeights(wide, file)).toThrow(
      "weight model.layers.0.mlp.gate_proj.weight: got [128, 64], expected [256, 64]",
    );
  });
});
