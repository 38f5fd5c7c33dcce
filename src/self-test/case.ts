/** What a self-test consists of: a case runs kernels once and gives results beside what the float64 reference says. */
import type { Device, TensorData } from "../gpu/device.ts";
import type { Sizes } from "../gpu/kernel.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Program } from "../gpu/program.ts";
import type { DType, Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import { floatToHalf, halfToFloat } from "../util/half.ts";
import { Rng } from "../util/rng.ts";

export type Floats = "f32" | "f16";

/** One tensor of a case. Errors are |got − expected| / (1 + |expected|). */
export interface Check {
  what: string;
  actual: ArrayLike<number>;
  expected: ArrayLike<number>;
  /** The largest error that is still rounding. */
  tolerance: number;
}

export interface SelfTestCase {
  /** Stem of the kernel in src/kernels. */
  kernel: string;
  /** What of it: "q4 forward". */
  part: string;
  run: (device: Device) => Promise<Check[]>;
}

/**
 * Rounding of a sum of `depth` terms: independent errors grow like its square root. `factor` is for kernels whose
 * terms are larger than their sums, or that take exponentials, which WGSL defines to a few ulp only.
 */
export function tolerance(dtype: Floats, depth = 1, factor = 1): number {
  const sums = 2 ** -20 * Math.sqrt(depth) * factor;
  return dtype === "f32" ? sums : 2 ** -9 + sums;
}

/** Standard normals as a tensor of that dtype holds them, so that GPU and reference start from the same numbers. */
export function normals(count: number, seed: number, dtype: Floats = "f32", scale = 1): Float64Array {
  const rng = new Rng(seed, 0x5e1f);
  const round = dtype === "f32" ? Math.fround : (value: number) => halfToFloat(floatToHalf(value));
  return Float64Array.from({ length: count }, () => round(scale * rng.normal()));
}

/** Integers in [0, below). */
export function integers(count: number, below: number, seed: number): Uint32Array {
  const rng = new Rng(seed, 0x1d);
  return Uint32Array.from({ length: count }, () => rng.below(below));
}

export type Values = TensorData | Float64Array;

/**
 * Records, writes inputs by name, runs once, and reads the outputs named. Float64 input is narrowed to its tensor's dtype.
 * @param prepare writes what is no plain input (a segment table).
 */
export async function runOnce<Name extends string>(
  device: Device,
  record: (rec: Recorder) => Record<Name, Tensor>,
  inputs: Record<string, Values>,
  { values = {}, prepare }: { values?: Sizes; prepare?: (program: Program) => void } = {},
): Promise<Record<Name, Float32Array | Uint32Array | Int32Array>> {
  const rec = new Recorder(device, "self-test");
  const outputs = record(rec);
  const names = Object.keys(outputs) as Name[];
  for (const name of names) rec.output(outputs[name]);
  const program = await rec.build();
  try {
    for (const [name, data] of Object.entries(inputs)) {
      const tensor = rec.inputs.find((input) => input.name === name);
      if (!tensor) throw new ShapeError("self-test: input", name, "an input that was recorded");
      program.write(tensor, data instanceof Float64Array ? narrowed(data, tensor.dtype) : data);
    }
    prepare?.(program);
    program.run(values);
    const read = await device.readAll(names.map((name) => outputs[name]));
    return Object.fromEntries(names.map((name, index) => [name, read[index]])) as Record<Name, Float32Array>;
  } finally {
    program.destroy();
  }
}

function narrowed(data: Float64Array, dtype: DType): TensorData {
  switch (dtype) {
    case "f32":
      return Float32Array.from(data);
    case "f16":
      return Uint16Array.from(data, floatToHalf);
    case "u32":
      return Uint32Array.from(data);
    case "i32":
      return Int32Array.from(data);
  }
}
