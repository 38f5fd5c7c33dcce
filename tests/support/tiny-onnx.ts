/** An ONNX model that is written here byte by byte, to be run by the real runtime. Format: onnx.proto3, IR version 8. */

/** Field `number` of a protocol buffers message: a varint, or bytes with their length. */
function field(number: number, value: number | Uint8Array | string): number[] {
  if (typeof value === "number") return [...varint(number << 3), ...varint(value)];
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

const message = (...fields: number[][]) => Uint8Array.from(fields.flat());

const float = 1;
const int64 = 7;

/** A value of shape [1, name] (a dimension of any size), or [1, 1]. */
function valueInfo(name: string, type: number, dimension: string | 1): Uint8Array {
  const last = typeof dimension === "string" ? field(2, dimension) : field(1, dimension);
  const shape = message(field(1, message(field(1, 1))), field(1, message(last)));
  const tensor = message(field(1, type), field(2, shape));
  return message(field(1, name), field(2, message(field(1, tensor))));
}

function node(op: string, inputs: string[], output: string, attributes: number[][] = []): Uint8Array {
  return message(...inputs.map((input) => field(1, input)), field(2, output), field(4, op), ...attributes);
}

/** logits [1, 1] = the sum of input_ids where token_type_ids is 1: of the second text, and the mark behind it. */
export function sumOfSecondText(): Uint8Array {
  const toFloat = field(5, message(field(1, "to"), field(3, float), field(20, 2)));
  const graph = message(
    field(1, node("Mul", ["input_ids", "token_type_ids"], "second")),
    field(1, node("Cast", ["second"], "numbers", [toFloat])),
    field(1, node("ReduceSum", ["numbers"], "logits")),
    field(2, "sum of the second text"),
    field(11, valueInfo("input_ids", int64, "tokens")),
    field(11, valueInfo("token_type_ids", int64, "tokens")),
    field(12, valueInfo("logits", float, 1)),
  );
  return message(field(1, 8), field(7, graph), field(8, message(field(1, ""), field(2, 13))));
}

/** A tokenizer.json: words to ids, [CLS] first [SEP] second [SEP], types 0 and 1, as BERT has them. */
export function pairTokenizer(words: readonly string[]): object {
  const special = ["[UNK]", "[CLS]", "[SEP]"];
  const vocab = Object.fromEntries([...special, ...words].map((word, id) => [word, id]));
  return {
    version: "1.0",
    added_tokens: special.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "[CLS]", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: {
        "[CLS]": { id: "[CLS]", ids: [1], tokens: ["[CLS]"] },
        "[SEP]": { id: "[SEP]", ids: [2], tokens: ["[SEP]"] },
      },
    },
    decoder: null,
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab },
  };
}
