/**
 * Everything of the toy policy but its weights: a Qwen2.5-VL of about 1.1 million parameters that sees pictures of
 * 48 × 48 pixels, and a tokenizer for which each word of its tasks is one token. It takes the path of a real model.
 */
import { memorySource } from "../storage/source.ts";
import type { Bytes, FileSource } from "../storage/source.ts";
import { writeSafetensors } from "../storage/safetensors.ts";
import type { TensorData } from "../storage/safetensors.ts";
import { InvalidOptionError } from "../util/errors.ts";
import {
  byteCount,
  byteLevelTokenizer,
  byteVocabulary,
  qwenSpecialTokens,
  qwenTokenIds,
  spaceLetter,
} from "./byte-level.ts";
import { parseModelConfig } from "./config.ts";
import { weightSpecs } from "./names.ts";
import { randomWeights } from "./random-weights.ts";

/** Edge of the pictures in pixels: 6 × 6 patches, 3 × 3 merged tokens. */
const imageSize = 48;
/** Longest prompt and completion together. */
const maxTokens = 512;
/** The system turn of a conversation without one. */
const systemPrompt = "answer the question";
const ownWords = ["system", "user", "assistant", ...systemPrompt.split(" ")];
/** Tokens as well, but of the text that a reader (and a reward) sees. */
const tags = ["<think>", "</think>", "<answer>", "</answer>"];
const addedTokens = [
  ...qwenSpecialTokens.map((content) => ({ content, special: true })),
  ...tags.map((content) => ({ content, special: false })),
];
/** Rows of the embedding come in multiples of this. */
const vocabularyStep = 8;

/** The content of `config.json` for a vocabulary of these words, as in {@link toyPolicyFiles}. */
export function toyModelConfig(words: readonly string[]): object {
  const firstSpecial = byteCount + vocabularyWords(words).length;
  const used = firstSpecial + addedTokens.length;
  return {
    architectures: ["Qwen2_5_VLForConditionalGeneration"],
    model_type: "qwen2_5_vl",
    hidden_size: 128,
    intermediate_size: 384,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    vocab_size: Math.ceil(used / vocabularyStep) * vocabularyStep,
    rms_norm_eps: 1e-6,
    max_position_embeddings: maxTokens,
    hidden_act: "silu",
    rope_theta: 10_000,
    rope_scaling: { type: "mrope", mrope_section: [4, 6, 6] },
    use_sliding_window: false,
    tie_word_embeddings: true,
    ...qwenTokenIds(firstSpecial),
    vision_config: {
      model_type: "qwen2_5_vl",
      depth: 2,
      hidden_size: 64,
      intermediate_size: 128,
      num_heads: 4,
      out_hidden_size: 128,
      patch_size: 8,
      spatial_merge_size: 2,
      temporal_patch_size: 2,
      window_size: imageSize,
      fullatt_block_indexes: [0, 1],
      tokens_per_second: 2,
      hidden_act: "silu",
      in_channels: 3,
      in_chans: 3,
    },
  };
}

const preprocessor = {
  image_processor_type: "Qwen2VLImageProcessor",
  processor_class: "Qwen2_5_VLProcessor",
  patch_size: 8,
  merge_size: 2,
  temporal_patch_size: 2,
  // Equal: pictures of any size become about this many pixels, and those of the tasks stay as they are.
  min_pixels: imageSize ** 2,
  max_pixels: imageSize ** 2,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
};

const tokenizerConfig = {
  tokenizer_class: "PreTrainedTokenizerFast",
  processor_class: "Qwen2_5_VLProcessor",
  bos_token: null,
  eos_token: "<|im_end|>",
  pad_token: "<|endoftext|>",
  unk_token: null,
  model_max_length: maxTokens,
  clean_up_tokenization_spaces: false,
};

/** Turns follow one another without newlines, which would be tokens; the spaces are for readers and cost none. */
const chatTemplate = `{%- if messages[0].role != 'system' -%}
<|im_start|>system ${systemPrompt}<|im_end|>
{%- endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role + ' ' }}
{%- if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == 'text' -%}{{ part.text }}{%- else -%}<|vision_start|><|image_pad|><|vision_end|>{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant ' }}
{%- endif -%}
`;

/**
 * Byte-level BPE in which a word with the space before it is a token, and anything else is spelled in bytes.
 * A word is the same token after a tag, at the beginning, or next to punctuation. Upper case is folded, except words
 * that are upper case themselves ("A", the name of a choice) and stand alone.
 */
function wordTokenizer(words: readonly string[]): object {
  const vocabulary = byteVocabulary();
  for (const word of words) vocabulary[spaceLetter + word] = Object.keys(vocabulary).length;
  const single = words.filter((word) => word.length === 1);
  const punctuation = single.filter((word) => /[^\p{L}\p{N}]/u.test(word));
  const upper = words.filter((word) => word !== word.toLowerCase());
  // Characters of a private use area hold the places of upper-case words while the rest is folded.
  const place = (index: number) => String.fromCodePoint(0xe000 + index);
  const replace = (pattern: object, content: string) => ({ type: "Replace", pattern, content });
  return byteLevelTokenizer({
    vocabulary,
    // Numbers that are no words are spelled in digits, the first of which is a word: 12 is Ġ1 and 2.
    merges: single.filter((word) => /\p{N}/u.test(word)).map((word) => [spaceLetter, word] as const),
    added: addedTokens,
    normalizers: [
      ...upper.map((word, index) =>
        replace({ Regex: `(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])` }, place(index)),
      ),
      { type: "Lowercase" },
      ...upper.map((word, index) => replace({ String: place(index) }, word)),
      ...punctuation.map((mark) => replace({ String: mark }, ` ${mark} `)),
      replace({ Regex: "\\s+" }, " "),
      { type: "Strip", strip_left: true, strip_right: true },
    ],
    words: true,
  });
}

/** The words of the vocabulary in the order of their ids, each once. */
function vocabularyWords(words: readonly string[]): string[] {
  for (const word of words) {
    if (!/^(?:[A-Za-z]+|[0-9]+|[!-/:-@[-`{-~])$/.test(word)) {
      throw new InvalidOptionError(
        "toy policy: word",
        word,
        "ASCII letters, digits or one mark of punctuation",
      );
    }
  }
  return [...new Set([...ownWords, ...words])];
}

/**
 * Every file of the toy policy's Hugging Face folder but the weights and the model card. The same words give the same
 * bytes.
 *
 * @param words what the tasks read and write; each becomes one token, in this order. Repetitions are dropped.
 * @throws InvalidOptionError for a word that is not letters, digits or one mark of punctuation.
 */
export function toyPolicyFiles(words: readonly string[]): Record<string, Bytes> {
  const all = vocabularyWords(words);
  const ids = qwenTokenIds(byteCount + all.length);
  const text = (content: string): Bytes => new TextEncoder().encode(content);
  const json = (value: object) => text(`${JSON.stringify(value, null, 2)}\n`);
  return {
    "config.json": json(toyModelConfig(words)),
    "generation_config.json": json({
      bos_token_id: ids.bos_token_id,
      eos_token_id: [ids.eos_token_id, ids.bos_token_id],
      pad_token_id: ids.bos_token_id,
    }),
    "preprocessor_config.json": json(preprocessor),
    "tokenizer.json": json(wordTokenizer(all)),
    "tokenizer_config.json": json(tokenizerConfig),
    "chat_template.jinja": text(chatTemplate),
  };
}

/** Untrained weights under the names of the checkpoint, F32. The same seed, the same values. */
export async function toyWeights(words: readonly string[], seed: number): Promise<TensorData[]> {
  const config = parseModelConfig(toyModelConfig(words));
  const weights = randomWeights(config, seed);
  const tensors: TensorData[] = [];
  for (const { name, candidates, shape } of weightSpecs(config)) {
    tensors.push({ name: candidates[0], dtype: "F32", shape, data: await weights.read(name) });
  }
  return tensors;
}

/** The folder in memory, with the weights given. */
export function toyPolicySource(words: readonly string[], weights: readonly TensorData[]): FileSource {
  return memorySource(
    { ...toyPolicyFiles(words), "model.safetensors": writeSafetensors(weights) },
    "toy policy",
  );
}
