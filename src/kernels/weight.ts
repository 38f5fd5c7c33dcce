import type { Device } from "../gpu/device.ts";
import { capacity, shards } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";

/** How a weight is stored. q8 and q4 hold unsigned integers with a scale and a bias per group of values. */
export type WeightFormat = "f32" | "f16" | "q8" | "q4";

export interface WeightSpec {
  format: WeightFormat;
  /** Rows: outputs of the layer. */
  N: number;
  /** Columns: inputs of the layer. */
  K: number;
  /** Values along K that share a scale and a bias. Default 32. Nothing to the floating-point formats. */
  group?: 32 | 64;
}

/**
 * A matrix w [N, K], N-major. With Kp = K rounded up to whole groups:
 * f32: data f32 [N, K]. f16: data u32 [N, ⌈K/2⌉], two half floats per word, low first.
 * q8: data u32 [N, Kp/4], bytes low first. q4: data u32 [N, Kp/8], element k at bit 4·(k mod 8) of word ⌊k/8⌋.
 * q8, q4: scales u32 [N, Kp/group], half floats s (low half) and b (high half); w = s·q + b. The words are those of
 * MLX's affine quantization, with its scales and biases interleaved. Above the binding limit, data and scales are in
 * shards of rows.
 */
export interface Weight {
  readonly format: WeightFormat;
  readonly N: number;
  readonly K: number;
  readonly group: 32 | 64;
  readonly data: Tensor;
  readonly scales?: Tensor;
}

/** Columns of u32 (f32: of f32) in a row of `data`, and in a row of `scales` (0 without scales). */
export function weightWidths({ format, K, group = 32 }: Omit<WeightSpec, "N">): {
  data: number;
  scales: number;
} {
  const groups = Math.ceil(K / group);
  switch (format) {
    case "f32":
      return { data: K, scales: 0 };
    case "f16":
      return { data: Math.ceil(K / 2), scales: 0 };
    case "q8":
      return { data: (groups * group) / 4, scales: groups };
    case "q4":
      return { data: (groups * group) / 8, scales: groups };
  }
}

/** A persistent weight whose contents are zero: something is about to be written or quantized into it. */
export function allocateWeight(device: Device, name: string, spec: WeightSpec): Weight {
  const { format, N, K, group = 32 } = spec;
  if (!(Number.isInteger(N) && N > 0 && Number.isInteger(K) && K > 0)) {
    throw new ShapeError(`weight ${name}: rows and columns`, [N, K], "positive integers");
  }
  const widths = weightWidths(spec);
  const data = device.tensor(name, [N, widths.data], format === "f32" ? "f32" : "u32");
  const scales = widths.scales > 0 ? device.tensor(`${name}.scales`, [N, widths.scales], "u32") : undefined;
  return { format, N, K, group, data, scales };
}

/** The weight that an f32 matrix [N, K] is, without a copy: a trainable parameter, an adapter. */
export function denseWeight(matrix: Tensor): Weight {
  const [N, K, ...rest] = matrix.shape;
  if (matrix.dtype !== "f32" || typeof N !== "number" || typeof K !== "number" || rest.length > 0) {
    throw new ShapeError(
      `dense weight ${matrix.name}`,
      `${matrix.dtype} of rank ${matrix.shape.length}`,
      "f32 [N, K]",
    );
  }
  return { format: "f32", N, K, group: 32, data: matrix };
}

/**
 * A weight from words already in its layout (see {@link Weight}); `scales` for q8 and q4 only.
 * @throws ShapeError when a length does not fit.
 */
export function weightFromPacked(
  device: Device,
  name: string,
  spec: WeightSpec,
  words: { data: Uint32Array | Float32Array; scales?: Uint32Array },
): Weight {
  const widths = weightWidths(spec);
  if (words.data.length !== spec.N * widths.data) {
    throw new ShapeError(
      `weight ${name}: words of ${spec.format} data`,
      words.data.length,
      spec.N * widths.data,
    );
  }
  if ((words.scales?.length ?? 0) !== spec.N * widths.scales) {
    throw new ShapeError(
      `weight ${name}: words of scales`,
      words.scales?.length ?? 0,
      spec.N * widths.scales,
    );
  }
  const weight = allocateWeight(device, name, spec);
  device.write(weight.data, words.data);
  if (weight.scales && words.scales) device.write(weight.scales, words.scales);
  return weight;
}

export function freeWeight(device: Device, { data, scales }: Weight): void {
  device.freeTensor(data);
  if (scales) device.freeTensor(scales);
}

/** Rows [begin, begin + count) of a weight: where they start in one buffer of data and one of scales. */
export interface WeightPiece {
  begin: number;
  count: number;
  data: Tensor;
  data_row: number;
  scales: Tensor | undefined;
  scales_row: number;
}

/** The rows [from, to) of a weight, cut wherever its data or its scales go on in another buffer. */
export function weightPieces(w: Weight, from = 0, to = w.N): WeightPiece[] {
  const pieces: WeightPiece[] = [];
  for (const data of shards(w.data)) {
    for (const scales of w.scales ? shards(w.scales) : [undefined]) {
      const rowsEnd = (shard: { begin: number; tensor: Tensor }) =>
        shard.begin + capacity(shard.tensor.shape[0]);
      const begin = Math.max(from, data.begin, scales?.begin ?? 0);
      const end = Math.min(to, rowsEnd(data), scales ? rowsEnd(scales) : to);
      if (begin >= end) continue;
      pieces.push({
        begin,
        count: end - begin,
        data: data.tensor,
        data_row: begin - data.begin,
        scales: scales?.tensor,
        scales_row: scales ? begin - scales.begin : 0,
      });
    }
  }
  return pieces;
}
