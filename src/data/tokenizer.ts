import { Tokenizer as BpeTokenizer } from "@huggingface/tokenizers";
import { readJson, type FileSource, type ReadOptions } from "../storage/source.ts";
import { CorruptFileError, UnsupportedModelError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";

/** How tokens become text. */
export interface DecodeOptions {
  /** Leave out special tokens such as `<|im_end|>`. Default false. */
  skipSpecial?: boolean;
}

/** Text of a growing completion. `push` returns what a token adds; `flush` what was held back. */
export interface Detokenizer {
  /**
   * The text that is now certain. A character whose bytes are spread over several tokens appears with the last of
   * them. All pushed texts and the flush together equal `decode` of the ids.
   */
  push(id: number): string;
  /** Ends the text: an incomplete character becomes U+FFFD. */
  flush(): string;
}

/** A byte-level BPE tokenizer, as all Qwen models have it. */
export class Tokenizer {
  readonly #bpe: BpeTokenizer;
  /** Bytes of every token, filled as tokens are met. */
  readonly #bytes = new Map<number, Uint8Array | null>();
  readonly #added: Map<number, { content: string; special: boolean }>;
  /** Ids of special tokens. */
  readonly specialIds: ReadonlySet<number>;
  /** The largest id + 1. A model's embedding may have more rows; ids beyond decode to nothing. */
  readonly vocabSize: number;

  private constructor(bpe: BpeTokenizer) {
    this.#bpe = bpe;
    this.#added = bpe.get_added_tokens_decoder();
    this.specialIds = new Set([...this.#added].filter(([, token]) => token.special).map(([id]) => id));
    let largest = -1;
    for (const id of bpe.get_vocab(true).values()) largest = Math.max(largest, id);
    for (const id of this.#added.keys()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
  }

  /**
   * From the content of `tokenizer.json` and, where there is one, `tokenizer_config.json`.
   * @throws CorruptFileError when it is not a tokenizer, UnsupportedModelError when it is not a byte-level BPE.
   */
  static fromJson(tokenizerJson: unknown, tokenizerConfig: unknown = {}): Tokenizer {
    if (!isRecord(tokenizerJson) || !isRecord(tokenizerJson.model)) {
      throw new CorruptFileError("tokenizer.json: got no model, expected a tokenizer");
    }
    const { model, decoder } = tokenizerJson;
    const kind = `${nameOf(model.type ?? "BPE")} with ${isRecord(decoder) ? nameOf(decoder.type) : "no"} decoder`;
    if (kind !== "BPE with ByteLevel decoder") {
      throw new UnsupportedModelError(`tokenizer.json: got ${kind}; supported: BPE with ByteLevel decoder`);
    }
    try {
      return new Tokenizer(new BpeTokenizer(tokenizerJson, isRecord(tokenizerConfig) ? tokenizerConfig : {}));
    } catch (cause) {
      throw new CorruptFileError(`tokenizer.json: ${String(cause)}`, { cause });
    }
  }

  /** Token ids of a text. Special tokens written in it are recognised; none are added. */
  encode(text: string): number[] {
    return text === "" ? [] : this.#bpe.encode(text, { add_special_tokens: false }).ids;
  }

  /** The text of token ids; bytes that are not UTF-8 become U+FFFD, ids outside the vocabulary nothing. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string {
    const stream = this.stream(options);
    let text = "";
    for (const id of ids) text += stream.push(id);
    return text + stream.flush();
  }

  /** Starts the text of one completion. */
  stream({ skipSpecial = false }: DecodeOptions = {}): Detokenizer {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (id) => {
        const bytes = skipSpecial && this.specialIds.has(id) ? null : this.#bytesOf(id);
        return bytes ? decoder.decode(bytes, { stream: true }) : "";
      },
      flush: () => decoder.decode(),
    };
  }

  /** The id of a token, e.g. `<|im_end|>`, or null. */
  idOf(token: string): number | null {
    return this.#bpe.token_to_id(token) ?? null;
  }

  /** A token as the vocabulary spells it (bytes of normal tokens in GPT-2's printable alphabet), or null. */
  tokenOf(id: number): string | null {
    return this.#bpe.id_to_token(id) ?? null;
  }

  #bytesOf(id: number): Uint8Array | null {
    let bytes = this.#bytes.get(id);
    if (bytes !== undefined) return bytes;
    const added = this.#added.get(id)?.content;
    const token = this.tokenOf(id);
    if (added !== undefined) bytes = new TextEncoder().encode(added);
    else
      bytes =
        token === null ? null : Uint8Array.from([...token], (letter) => BYTE_OF_LETTER.get(letter) ?? 0x3f);
    this.#bytes.set(id, bytes);
    return bytes;
  }
}

/** Reads `tokenizer.json` and, where there is one, `tokenizer_config.json`. */
export async function readTokenizer(source: FileSource, options?: ReadOptions): Promise<Tokenizer> {
  const hasConfig = await source.exists("tokenizer_config.json", options);
  return Tokenizer.fromJson(
    await readJson(source, "tokenizer.json", options),
    hasConfig ? await readJson(source, "tokenizer_config.json", options) : undefined,
  );
}

/**
 * Byte-level BPE writes each byte as one printable character (Radford et al. 2019, GPT-2): printable Latin-1 bytes stand
 * for themselves, the others take, in order, the characters from U+0100 on.
 */
const BYTE_OF_LETTER: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    letters.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return letters;
})();

function nameOf(value: unknown): string {
  return typeof value === "string" ? value : "unnamed";
}
