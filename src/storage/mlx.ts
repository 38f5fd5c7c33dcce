/**
 * MLX's quantized checkpoints: of a quantized module, NAME.weight holds words U32 [N, K·bits/32] of unsigned integers q
 * along K, low first, NAME.scales s and NAME.biases b are floats [N, K/group], and w = s·q + b. What is quantized, and
 * how, stands under `quantization` in config.json.
 */
import * as v from "valibot";
import { CorruptFileError, UnsupportedModelError } from "../util/errors.ts";
import { narrowHalf, widenHalf } from "./dtype.ts";

/** How a module's weight is quantized. */
export interface QuantizedAs {
  bits: 4 | 8;
  /** Values along K that share a scale and a bias. */
  group: 32 | 64;
}

/** How a checkpoint is quantized. */
export interface Quantization extends QuantizedAs {
  /** Modules (tensor names in the file without `.weight`) of their own kind; false: not quantized. */
  modules: ReadonlyMap<string, QuantizedAs | false>;
}

/** A quantized matrix [N, K] in the layout of a q4 or q8 weight on the GPU (src/kernels/weight.ts). */
export interface PackedMatrix extends QuantizedAs {
  N: number;
  K: number;
  /** [N, K·bits/32] */
  data: Uint32Array;
  /** [N, K/group]: half floats s (low) and b (high). */
  scales: Uint32Array;
}

const supportedBits: readonly number[] = [4, 8];
const supportedGroups: readonly number[] = [32, 64];

const integer = v.pipe(v.number(), v.integer(), v.minValue(1));
const Entry = v.object({ group_size: integer, bits: integer, mode: v.nullish(v.string(), "affine") });

/**
 * Understands the `quantization` entry of a config.json: `{group_size, bits}`, and by module the same or false.
 * @throws CorruptFileError for an entry of another form, UnsupportedModelError for other bits, groups or modes than
 *   affine ones of 4 or 8 bits in groups of 32 or 64.
 */
export function parseQuantization(json: unknown): Quantization {
  const whole = quantizedAs(json, "quantization");
  const modules = new Map<string, QuantizedAs | false>();
  for (const [name, value] of Object.entries(json as Record<string, unknown>)) {
    if (value === false) modules.set(name, false);
    else if (typeof value === "object") modules.set(name, quantizedAs(value, `quantization of ${name}`));
  }
  return { ...whole, modules };
}

function quantizedAs(json: unknown, what: string): QuantizedAs {
  const parsed = v.safeParse(Entry, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new CorruptFileError(
      `config.json: ${what}: ${v.getDotPath(issue) ?? "content"}: ${issue.message}; expected {group_size, bits}`,
    );
  }
  const { group_size: group, bits, mode } = parsed.output;
  if (!(mode === "affine" && isBits(bits) && isGroup(group))) {
    throw new UnsupportedModelError(
      `config.json: ${what}: got ${mode}, ${bits} bits in groups of ${group}; supported: affine, ` +
        `${supportedBits.join(" or ")} bits in groups of ${supportedGroups.join(" or ")}`,
    );
  }
  return { bits, group };
}

function isBits(bits: number): bits is 4 | 8 {
  return supportedBits.includes(bits);
}

function isGroup(group: number): group is 32 | 64 {
  return supportedGroups.includes(group);
}

/** The `quantization` entry that {@link parseQuantization} understands. */
export function quantizationEntry({ bits, group, modules }: Quantization): Record<string, unknown> {
  const entry = (as: QuantizedAs) => ({ group_size: as.group, bits: as.bits });
  return {
    ...entry({ bits, group }),
    ...Object.fromEntries([...modules].map(([name, as]) => [name, as && entry(as)])),
  };
}

/**
 * Scales and biases, one word of two half floats for each pair; undefined where a value is not a half float (those of
 * bfloat16 and float32 files need not be).
 */
export function joinScales(scales: Float32Array, biases: Float32Array): Uint32Array | undefined {
  const [s, b] = [narrowHalf(scales), narrowHalf(biases)];
  const exact = (halves: Uint16Array<ArrayBuffer>, values: Float32Array) =>
    widenHalf(halves).every((value, i) => value === values[i]);
  if (!exact(s, scales) || !exact(b, biases)) return undefined;
  return Uint32Array.from(s, (half, i) => (half | (b[i] << 16)) >>> 0);
}

/** Half floats s and b of each word. */
export function splitScales(words: Uint32Array): { scales: Uint16Array; biases: Uint16Array } {
  return {
    scales: Uint16Array.from(words, (word) => word & 0xffff),
    biases: Uint16Array.from(words, (word) => word >>> 16),
  };
}

/** The values s·q + b of words, each rounded once to f32. `scales` and `biases` have one value per group. */
export function dequantizeWords(
  data: Uint32Array,
  scales: Float32Array,
  biases: Float32Array,
  { bits, group }: QuantizedAs,
): Float32Array<ArrayBuffer> {
  const perWord = 32 / bits;
  const mask = 2 ** bits - 1;
  const values = new Float32Array(data.length * perWord);
  for (let i = 0; i < values.length; i++) {
    // Rows are whole groups, so groups follow one another through the whole matrix.
    const g = Math.floor(i / group);
    const q = (data[Math.floor(i / perWord)] >>> ((i % perWord) * bits)) & mask;
    values[i] = scales[g] * q + biases[g];
  }
  return values;
}

/** The values of a packed matrix [N·K], each rounded once to f32. */
export function dequantizeMatrix(packed: PackedMatrix): Float32Array<ArrayBuffer> {
  const { scales, biases } = splitScales(packed.scales);
  return dequantizeWords(packed.data, widenHalf(scales), widenHalf(biases), packed);
}

/** Rows [begin, begin + count) of a packed matrix. */
export function packedRows(packed: PackedMatrix, begin: number, count: number): PackedMatrix {
  const { N, data, scales } = packed;
  const rows = (words: Uint32Array) =>
    words.subarray((begin * words.length) / N, ((begin + count) * words.length) / N);
  return { ...packed, N: count, data: rows(data), scales: rows(scales) };
}
