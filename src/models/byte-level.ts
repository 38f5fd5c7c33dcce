/** Parts of a `tokenizer.json` for the policies that the kit makes itself: byte-level BPE, as its reader wants it. */

/** The special tokens of Qwen2.5-VL that its prompts and its config name. */
export const qwenSpecialTokens = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|vision_start|>",
  "<|vision_end|>",
  "<|image_pad|>",
  "<|video_pad|>",
] as const;

/** The ids in a `config.json` that name special tokens, when these stand from `first` on in the vocabulary. */
export function qwenTokenIds(first: number): Record<string, number> {
  const idOf = (token: (typeof qwenSpecialTokens)[number]) => first + qwenSpecialTokens.indexOf(token);
  return {
    bos_token_id: idOf("<|endoftext|>"),
    eos_token_id: idOf("<|im_end|>"),
    image_token_id: idOf("<|image_pad|>"),
    video_token_id: idOf("<|video_pad|>"),
    vision_start_token_id: idOf("<|vision_start|>"),
    vision_end_token_id: idOf("<|vision_end|>"),
  };
}

/** Byte-level BPE writes a space inside a token as this letter. */
export const spaceLetter = "Ġ";

/** Tokens of {@link byteVocabulary}. */
export const byteCount = 256;

/** The bytes as byte-level BPE spells them, each under its own value: with these no text is unknown. */
export function byteVocabulary(): Record<string, number> {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  const vocabulary: Record<string, number> = {};
  let moved = byteCount;
  for (let byte = 0; byte < byteCount; byte++) {
    vocabulary[String.fromCodePoint(printable(byte) ? byte : moved++)] = byte;
  }
  return vocabulary;
}

/** What differs between the tokenizers made here. */
export interface ByteLevelTokenizer {
  vocabulary: Record<string, number>;
  /** Pairs of tokens that become one, the first first. */
  merges: readonly (readonly [string, string])[];
  /** Found in the text before anything else, with the ids behind the vocabulary's. */
  added: readonly { content: string; special: boolean }[];
  /** Applied in this order to the text between added tokens. */
  normalizers: readonly object[];
  /** Cuts text into words (GPT-2's pattern), each with the space before it, before BPE looks at it. */
  words: boolean;
}

/** The content of `tokenizer.json`. */
export function byteLevelTokenizer(parts: ByteLevelTokenizer): object {
  const { vocabulary, merges, added, normalizers, words } = parts;
  const first = Object.keys(vocabulary).length;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map(({ content, special }, index) => ({
      id: first + index,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    })),
    normalizer: normalizers.length > 0 ? { type: "Sequence", normalizers } : null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: words, trim_offsets: true, use_regex: words },
    post_processor: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: words,
      vocab: vocabulary,
      merges,
    },
  };
}
