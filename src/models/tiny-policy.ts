/**
 * A Qwen2.5-VL in miniature with random weights and a byte tokenizer, as a Hugging Face folder in memory: what the page
 * opens with and what tests train. It knows nothing; nothing in it is special, so it takes the path of a real model.
 */
import { memorySource } from "../storage/source.ts";
import type { FileSource } from "../storage/source.ts";
import { writeSafetensors } from "../storage/safetensors.ts";
import type { TensorData } from "../storage/safetensors.ts";
import {
  byteCount,
  byteLevelTokenizer,
  byteVocabulary,
  qwenSpecialTokens,
  qwenTokenIds,
} from "./byte-level.ts";
import { parseModelConfig } from "./config.ts";
import { weightSpecs } from "./names.ts";
import { randomWeights } from "./random-weights.ts";

const config = {
  architectures: ["Qwen2_5_VLForConditionalGeneration"],
  model_type: "qwen2_5_vl",
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 288,
  rms_norm_eps: 1e-6,
  max_position_embeddings: 1024,
  hidden_act: "silu",
  rope_theta: 1_000_000,
  rope_scaling: { type: "mrope", mrope_section: [2, 3, 3] },
  use_sliding_window: false,
  tie_word_embeddings: true,
  ...qwenTokenIds(byteCount),
  vision_config: {
    depth: 2,
    hidden_size: 32,
    intermediate_size: 64,
    num_heads: 2,
    out_hidden_size: 64,
    patch_size: 8,
    spatial_merge_size: 2,
    temporal_patch_size: 2,
    window_size: 32,
    fullatt_block_indexes: [1],
    tokens_per_second: 2,
    hidden_act: "silu",
    in_chans: 3,
  },
};

const preprocessor = {
  image_processor_type: "Qwen2VLImageProcessor",
  patch_size: 8,
  merge_size: 2,
  temporal_patch_size: 2,
  min_pixels: 256,
  max_pixels: 64 * 64,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
};

/** Every byte is a token. */
const tokenizer = byteLevelTokenizer({
  vocabulary: byteVocabulary(),
  merges: [],
  added: qwenSpecialTokens.map((content) => ({ content, special: true })),
  normalizers: [],
  words: false,
});

/** The folder: config.json, model.safetensors, tokenizer.json, preprocessor_config.json. The same seed, the same bytes. */
export async function tinyPolicySource(seed = 1): Promise<FileSource> {
  const parsed = parseModelConfig(config);
  const weights = randomWeights(parsed, seed);
  const tensors: TensorData[] = [];
  for (const { name, candidates, shape } of weightSpecs(parsed)) {
    tensors.push({ name: candidates[0], dtype: "F32", shape, data: await weights.read(name) });
  }
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  return memorySource(
    {
      "config.json": json(config),
      "tokenizer.json": json(tokenizer),
      "preprocessor_config.json": json(preprocessor),
      "model.safetensors": writeSafetensors(tensors),
    },
    "tiny random policy",
  );
}
