import * as v from "valibot";
import { parseQuantization, type Quantization } from "../storage/mlx.ts";
import { readJson, type FileSource, type ReadOptions } from "../storage/source.ts";
import { CorruptFileError, UnsupportedModelError } from "../util/errors.ts";

/** Sizes and constants of a text decoder. */
export interface TextConfig {
  /** C */
  hiddenSize: number;
  /** F */
  intermediateSize: number;
  numLayers: number;
  /** H */
  numHeads: number;
  /** KV: query head j reads kv head ⌊j / (H / KV)⌋. */
  numKvHeads: number;
  /** D; H · D need not equal C. */
  headDim: number;
  /** V */
  vocabSize: number;
  rmsNormEps: number;
  ropeTheta: number;
  /** How many of the D/2 rotary frequencies turn with time, row and column; null: one position per token. */
  mropeSection: [number, number, number] | null;
  /** q, k and v have biases. */
  attentionBias: boolean;
  /** The head is the embedding matrix; the weights then hold no `lm_head`. */
  tieWordEmbeddings: boolean;
  maxPositionEmbeddings: number;
}

/** Sizes and constants of the Qwen2.5-VL vision tower. */
export interface VisionConfig {
  depth: number;
  hiddenSize: number;
  intermediateSize: number;
  numHeads: number;
  headDim: number;
  /** Width of the merged tokens, equal to the decoder's C. */
  outHiddenSize: number;
  inChannels: number;
  /** Pixels. */
  patchSize: number;
  /** Frames per patch; a still image is given to it that many times. */
  temporalPatchSize: number;
  /** mergeSize² patches make one token. */
  mergeSize: number;
  /** Edge of an attention window in pixels. */
  windowSize: number;
  /** Blocks that attend to the whole frame and not to windows. */
  fullAttentionBlocks: number[];
  /** For videos: how fast the temporal position advances. */
  tokensPerSecond: number;
  normEps: number;
  ropeTheta: number;
}

/** Token ids with a meaning; null where the model has none. */
export interface SpecialTokens {
  bos: number | null;
  /** Any of these ends a completion. */
  eos: number[];
  pad: number | null;
  image: number | null;
  video: number | null;
  visionStart: number | null;
  visionEnd: number | null;
}

/** A network that can be run, by the name that its config.json has for it. */
export type Architecture = "qwen2" | "qwen2_5_vl";

/** What the kit needs to know of a model, whichever way its config.json spells it. */
export interface ModelConfig {
  architecture: Architecture;
  text: TextConfig;
  /** Only for vision-language models. */
  vision?: VisionConfig;
  tokens: SpecialTokens;
  /** The dtype the file says its weights have, for the record: the weights' own header counts. */
  dtype: string | null;
  /** How its linear layers are quantized, where they are. */
  quantization?: Quantization;
}

/** One reader per `model_type`; a family is added by adding its reader. */
const FAMILIES: Record<Architecture, (config: Json, generation: Json) => ModelConfig> = {
  qwen2: (config, generation) => ({
    architecture: "qwen2",
    text: qwenText(config, { ropeTheta: 10_000, multimodal: false }),
    tokens: {
      ...textTokens(config, generation),
      image: null,
      video: null,
      visionStart: null,
      visionEnd: null,
    },
    dtype: dtypeOf(config),
  }),
  qwen2_5_vl: (config, generation) => {
    // Nested `text_config` since transformers 4.52; before, and on the hub, its fields stand at the root.
    const nested = isJson(config.text_config) ? config.text_config : undefined;
    const text = nested
      ? { ...nested, tie_word_embeddings: config.tie_word_embeddings ?? nested.tie_word_embeddings }
      : config;
    const ids = read(VisionTokens, config, "config.json");
    return {
      architecture: "qwen2_5_vl",
      text: qwenText(text, { ropeTheta: 1_000_000, multimodal: true }),
      vision: qwen25Vision(isJson(config.vision_config) ? config.vision_config : {}),
      tokens: {
        ...textTokens(nested ? { ...nested, ...withoutNull(config) } : config, generation),
        image: ids.image_token_id,
        video: ids.video_token_id,
        visionStart: ids.vision_start_token_id,
        visionEnd: ids.vision_end_token_id,
      },
      dtype: dtypeOf(config) ?? (nested ? dtypeOf(nested) : null),
    };
  },
};

/** Every `model_type` that {@link parseModelConfig} accepts. */
export const SUPPORTED_ARCHITECTURES = Object.keys(FAMILIES) as Architecture[];

/** Reads `config.json`, and `generation_config.json` where there is one. */
export async function readModelConfig(source: FileSource, options?: ReadOptions): Promise<ModelConfig> {
  const config = await readJson(source, "config.json", options);
  const hasGeneration = await source.exists("generation_config.json", options);
  return parseModelConfig(
    config,
    hasGeneration ? await readJson(source, "generation_config.json", options) : undefined,
  );
}

/**
 * Understands a Hugging Face `config.json` in the three ways it is written: flat (the hub), nested `text_config` with
 * `rope_scaling` (transformers 4.52 on), nested with `rope_parameters` (transformers 5). Absent fields take the
 * defaults transformers has for the family. `generation` is the content of `generation_config.json`, whose
 * `eos_token_id` goes before the config's.
 * @throws UnsupportedModelError naming the architecture, activation or rope type and what is supported,
 *   or how the weights are quantized, if not as MLX does; CorruptFileError naming a field of the wrong type.
 */
export function parseModelConfig(config: unknown, generation?: unknown): ModelConfig {
  if (!isJson(config))
    throw new CorruptFileError("config.json: got no object, expected a model's configuration");
  const type = config.model_type;
  const family = SUPPORTED_ARCHITECTURES.find((name) => name === type);
  if (!family) throw unsupported("model_type", type, SUPPORTED_ARCHITECTURES);
  const quantization = config.quantization ?? undefined;
  const method = isJson(config.quantization_config) ? config.quantization_config.quant_method : undefined;
  // MLX's files repeat their `quantization` under the name that transformers uses, without a method.
  if ((config.quantization_config ?? undefined) !== undefined && (method !== undefined || !quantization)) {
    throw unsupported("quantization_config", method ?? "one", [
      "weights in F32, F16 or BF16",
      "MLX's `quantization`",
    ]);
  }
  const parsed = FAMILIES[family](config, isJson(generation) ? generation : {});
  return quantization === undefined ? parsed : { ...parsed, quantization: parseQuantization(quantization) };
}

type Json = Record<string, unknown>;

const size = v.pipe(v.number(), v.integer(), v.minValue(1));
const tokenId = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.gtValue(0));
const optionalId = v.nullish(tokenId, null);

const QwenText = v.object({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: v.nullish(size),
  head_dim: v.nullish(size),
  vocab_size: size,
  rms_norm_eps: v.nullish(positive, 1e-6),
  max_position_embeddings: v.nullish(size, 32_768),
  tie_word_embeddings: v.nullish(v.boolean(), false),
  hidden_act: v.nullish(v.string(), "silu"),
  use_sliding_window: v.nullish(v.boolean(), false),
  layer_types: v.nullish(v.array(v.string()), []),
  rope_theta: v.nullish(positive),
  rope_scaling: v.nullish(v.record(v.string(), v.unknown())),
  rope_parameters: v.nullish(v.record(v.string(), v.unknown())),
});

const Rope = v.object({
  rope_theta: v.nullish(positive),
  rope_type: v.nullish(v.string()),
  type: v.nullish(v.string()),
  mrope_section: v.nullish(v.tuple([size, size, size])),
  mrope_interleaved: v.nullish(v.boolean(), false),
});

const Qwen25Vision = v.object({
  depth: v.nullish(size, 32),
  hidden_size: v.nullish(size, 3584),
  intermediate_size: v.nullish(size, 3420),
  num_heads: v.nullish(size, 16),
  out_hidden_size: v.nullish(size, 3584),
  in_channels: v.nullish(size),
  in_chans: v.nullish(size),
  patch_size: v.nullish(size, 14),
  temporal_patch_size: v.nullish(size, 2),
  spatial_merge_size: v.nullish(size, 2),
  window_size: v.nullish(size, 112),
  fullatt_block_indexes: v.nullish(v.array(tokenId), [7, 15, 23, 31]),
  tokens_per_second: v.nullish(positive, 4),
  hidden_act: v.nullish(v.string(), "silu"),
  rope_parameters: v.nullish(v.object({ rope_theta: v.nullish(positive) })),
});

const VisionTokens = v.object({
  image_token_id: v.nullish(tokenId, 151_655),
  video_token_id: v.nullish(tokenId, 151_656),
  vision_start_token_id: v.nullish(tokenId, 151_652),
  vision_end_token_id: v.nullish(tokenId, 151_653),
});

const TextTokens = v.object({
  bos_token_id: optionalId,
  eos_token_id: v.nullish(v.union([tokenId, v.array(tokenId)])),
  pad_token_id: optionalId,
});

function qwenText(json: Json, family: { ropeTheta: number; multimodal: boolean }): TextConfig {
  const text = read(QwenText, json, "config.json");
  if (text.hidden_act !== "silu") throw unsupported("hidden_act", text.hidden_act, ["silu"]);
  if (text.use_sliding_window || text.layer_types.includes("sliding_attention")) {
    throw unsupported("use_sliding_window", true, ["full attention in every layer"]);
  }
  const numKvHeads = text.num_key_value_heads ?? text.num_attention_heads;
  if (text.num_attention_heads % numKvHeads !== 0) {
    throw new CorruptFileError(
      `config.json: got ${text.num_attention_heads} heads on ${numKvHeads} kv heads, expected a multiple`,
    );
  }
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads;
  if (headDim % 2 !== 0) {
    throw new CorruptFileError(
      `config.json: got a head width of ${headDim} (${text.hidden_size} / ${text.num_attention_heads}), expected an even number`,
    );
  }

  const rope = read(Rope, { ...text.rope_scaling, ...text.rope_parameters }, "config.json: rope");
  const ropeTypes = family.multimodal ? ["default", "mrope"] : ["default"];
  const ropeType = rope.rope_type ?? rope.type ?? "default";
  if (!ropeTypes.includes(ropeType)) throw unsupported("rope_type", ropeType, ropeTypes);
  if (rope.mrope_interleaved) throw unsupported("mrope_interleaved", true, ["sections in chunks"]);
  const mropeSection = family.multimodal ? (rope.mrope_section ?? [16, 24, 24]) : null;
  if (mropeSection && mropeSection[0] + mropeSection[1] + mropeSection[2] !== headDim / 2) {
    throw new CorruptFileError(
      `config.json: got mrope_section [${mropeSection.join(", ")}], expected a sum of ${headDim / 2} (half a head)`,
    );
  }

  return {
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    numLayers: text.num_hidden_layers,
    numHeads: text.num_attention_heads,
    numKvHeads,
    headDim,
    vocabSize: text.vocab_size,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: rope.rope_theta ?? text.rope_theta ?? family.ropeTheta,
    mropeSection,
    attentionBias: true,
    tieWordEmbeddings: text.tie_word_embeddings,
    maxPositionEmbeddings: text.max_position_embeddings,
  };
}

function qwen25Vision(json: Json): VisionConfig {
  const vision = read(Qwen25Vision, json, "config.json: vision_config");
  if (vision.hidden_act !== "silu") throw unsupported("vision hidden_act", vision.hidden_act, ["silu"]);
  const headDim = vision.hidden_size / vision.num_heads;
  if (headDim % 4 !== 0) {
    throw new CorruptFileError(
      `config.json: got a vision head width of ${headDim} (${vision.hidden_size} / ${vision.num_heads}), expected a multiple of 4`,
    );
  }
  const cell = vision.patch_size * vision.spatial_merge_size;
  if (vision.window_size < cell) {
    throw new CorruptFileError(
      `config.json: got window_size ${vision.window_size}, expected at least one merged token (${cell})`,
    );
  }
  return {
    depth: vision.depth,
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    numHeads: vision.num_heads,
    headDim,
    outHiddenSize: vision.out_hidden_size,
    inChannels: vision.in_channels ?? vision.in_chans ?? 3,
    patchSize: vision.patch_size,
    temporalPatchSize: vision.temporal_patch_size,
    mergeSize: vision.spatial_merge_size,
    windowSize: vision.window_size,
    fullAttentionBlocks: vision.fullatt_block_indexes,
    tokensPerSecond: vision.tokens_per_second,
    normEps: 1e-6,
    ropeTheta: vision.rope_parameters?.rope_theta ?? 10_000,
  };
}

function textTokens(config: Json, generation: Json): Pick<SpecialTokens, "bos" | "eos" | "pad"> {
  const own = read(TextTokens, config, "config.json");
  const generated = read(TextTokens, generation, "generation_config.json");
  const eos = generated.eos_token_id ?? own.eos_token_id ?? [];
  return {
    bos: own.bos_token_id ?? generated.bos_token_id,
    eos: Array.isArray(eos) ? eos : [eos],
    pad: generated.pad_token_id ?? own.pad_token_id,
  };
}

/** `torch_dtype` until transformers 5, `dtype` since. */
function dtypeOf(config: Json): string | null {
  const dtype = config.dtype ?? config.torch_dtype;
  return typeof dtype === "string" ? dtype : null;
}

function withoutNull(json: Json): Json {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function read<S extends v.GenericSchema>(schema: S, json: unknown, what: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new CorruptFileError(`${what}: ${v.getDotPath(issue) ?? "content"}: ${issue.message}`);
}

function unsupported(what: string, got: unknown, supported: readonly string[]): UnsupportedModelError {
  return new UnsupportedModelError(
    `config.json: got ${what} ${String(got)}; supported: ${supported.join(", ")}`,
  );
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
