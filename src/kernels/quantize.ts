import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Device } from "../gpu/device.ts";
import { Recorder } from "../gpu/recorder.ts";
import { capacity, elementCount } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import { allocateWeight, weightPieces } from "./weight.ts";
import type { Weight, WeightSpec } from "./weight.ts";
import half from "../../shaders/lib/half.wgsl?raw";
import source from "../../shaders/quantize.wgsl?raw";

/** How a checkpoint's values lie in a tensor: f32, or halves or bfloat16 packed two per u32, low first. */
export type SourceEncoding = "f32" | "f16" | "bf16";

const encodings: Record<SourceEncoding, number> = { f32: 0, f16: 1, bf16: 2 };
const entries: Record<Weight["format"], string> = {
  f32: "floats",
  f16: "halves",
  q8: "affine",
  q4: "affine",
};
const remembered = new Map<string, Kernel>();

function kernel(format: Weight["format"], encoding: SourceEncoding): Kernel {
  const key = `${format} ${encoding}`;
  let made = remembered.get(key);
  if (!made) {
    const entry = entries[format];
    made = defineKernel({
      name: "quantize",
      wgsl: [half, source],
      entry,
      tensors: {
        x: ["source_words"],
        data: ["rows", "words"],
        ...(entry === "affine" && { scales: ["scale_rows", "groups"] }),
      },
      workgroups: ({ count, words, K, group }) =>
        rows(Math.ceil((count * (entry === "affine" ? Math.ceil(K / group) : words)) / 64)),
      variants: [{ BITS: format === "q8" ? 8 : 4, ENCODING: encodings[encoding] }],
    });
    remembered.set(key, made);
  }
  return made;
}

export interface QuantizeArguments {
  /** Row-major values of rows [begin, begin + count): f32 [count·K], or u32 [⌈count·K/2⌉]. */
  x: Tensor;
  encoding: SourceEncoding;
  w: Weight;
  /** First row of `w` to write. Default 0. */
  begin?: number;
  /** Rows to write. Default: all from `begin`. */
  count?: number;
}

/**
 * Records the conversion of values into rows of a weight of any format, as shaders/quantize.wgsl says; the CPU twin with
 * the same bits is src/reference/quantize.ts. Values are finite.
 * @throws ShapeError when x does not hold the rows, or they are not rows of w.
 */
export function emitQuantize(
  rec: Recorder,
  { x, encoding, w, begin = 0, count = w.N - begin }: QuantizeArguments,
): void {
  const values = elementCount(x.shape) * (encoding === "f32" ? 1 : 2);
  if (values < count * w.K)
    throw new ShapeError(`quantize ${x.name}: values`, values, `${count} rows of ${w.K}`);
  if (begin < 0 || begin + count > w.N) {
    throw new ShapeError(`quantize ${w.data.name}: rows`, `${begin} to ${begin + count}`, `rows of ${w.N}`);
  }
  const flat = rec.view(x, [elementCount(x.shape)]);
  for (const { data, scales, ...piece } of weightPieces(w, begin, begin + count)) {
    const { count, data_row, scales_row } = piece;
    const words = capacity(data.shape[1]);
    const params = {
      K: w.K,
      group: w.group,
      first: (piece.begin - begin) * w.K,
      count,
      data_row,
      scales_row,
      words,
    };
    rec.run(kernel(w.format, encoding), { x: flat, data, ...(scales && { scales }) }, params);
  }
}

/** Bytes of source values that {@link createWeight} has on the GPU at a time. */
const uploadBytes = 64 * 2 ** 20;

/**
 * A weight from row-major f32 values [N·K], converted on the GPU: halves round to the nearest (ties to even), q8 and q4
 * as src/reference/quantize.ts says.
 * @throws ShapeError when the number of values is not N·K.
 */
export async function createWeight(
  device: Device,
  name: string,
  spec: WeightSpec,
  values: Float32Array,
): Promise<Weight> {
  const { N, K } = spec;
  if (values.length !== N * K) throw new ShapeError(`weight ${name}: values`, values.length, N * K);
  const weight = allocateWeight(device, name, spec);
  if (spec.format === "f32") {
    device.write(weight.data, values);
    return weight;
  }
  const perRun = Math.max(1, Math.floor(Math.min(uploadBytes, device.info.maxBindingBytes) / (K * 4)));
  for (let begin = 0; begin < N; begin += perRun) {
    const count = Math.min(perRun, N - begin);
    const rec = new Recorder(device, `quantize ${name}`);
    const x = rec.input("x", [count * K], "f32");
    emitQuantize(rec, { x, encoding: "f32", w: weight, begin, count });
    const program = await rec.build();
    program.write(x, values.subarray(begin * K, (begin + count) * K));
    program.run();
    await device.idle();
    program.destroy();
  }
  return weight;
}
