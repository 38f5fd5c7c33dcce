/** What the micro-benchmark times: the kernels that answering and training spend their time in, and what calls cost. */
import type { TensorData } from "../gpu/device.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitAttention, packedSegments, planSegments, segmentInputs } from "../kernels/attention.ts";
import { emitAccumulate } from "../kernels/elementwise.ts";
import { emitMatmul } from "../kernels/matmul.ts";
import { denseWeight, weightWidths } from "../kernels/weight.ts";

/** Rates, or the time that one takes. */
export type BenchmarkUnit = "GFLOP/s" | "GB/s" | "µs" | "ms";

/** One thing that is timed. */
export interface BenchmarkCase {
  /** In a few words. */
  name: string;
  unit: BenchmarkUnit;
  /** Smallest first. */
  sizes: readonly number[];
  /** What is measured, with its size. */
  about: (size: number) => string;
  /** What one run comes to: operations, bytes, or how many times. */
  amount: (size: number) => number;
  /** Waiting for the GPU after every run is what is measured. */
  waits?: boolean;
  /** Records one run; returns what its inputs hold, zeros where it says nothing. */
  record: (rec: Recorder, size: number) => (readonly [Tensor, TensorData])[];
}

/** Heads and head width of a small decoder. */
const H = 8;
const D = 64;
/** Layers in a chain, so that their weights are more than a cache holds. */
const layers = 4;
const group = 32;
const dispatches = 256;

/** In the order they run. */
export const benchmarkCases: readonly BenchmarkCase[] = [
  {
    name: "matmul, f32",
    unit: "GFLOP/s",
    sizes: [384, 1024, 2048, 4096],
    about: (size) => `y = x·wᵀ, ${size} × ${size} × ${size}`,
    amount: (size) => 2 * size ** 3,
    record(rec, size) {
      const x = rec.input("x", [size, size], "f32");
      const w = rec.input("w", [size, size], "f32");
      emitMatmul(rec, { x, w: denseWeight(w), y: rec.output(rec.tensor("y", [size, size], "f32")) });
      return [x, w].map((tensor) => [tensor, values(size * size)]);
    },
  },
  {
    name: "decode, 4-bit weights",
    unit: "GB/s",
    sizes: [1024, 4096],
    about: (size) =>
      `one row through ${layers} layers ${size} → ${size}, groups of ${group}: bytes of weights and scales`,
    amount: (size) => layers * size * weightBytes(size),
    record(rec, size) {
      const x = rec.input("x", [1, size], "f32");
      const widths = weightWidths({ format: "q4", K: size, group });
      const written: [Tensor, TensorData][] = [[x, values(size)]];
      let activations = x;
      for (let layer = 0; layer < layers; layer++) {
        const data = rec.input(`w${layer}`, [size, widths.data], "u32");
        const scales = rec.input(`scales${layer}`, [size, widths.scales], "u32");
        const y = rec.output(rec.tensor(`y${layer}`, [1, size], "f32"));
        emitMatmul(rec, { x: activations, w: { format: "q4", N: size, K: size, group, data, scales }, y });
        // s = 2⁻⁹, b = −8·s: weights about zero that keep the activations small.
        const words = new Uint32Array(size * widths.scales).fill(0xa400_1800);
        written.push([data, nibbles(size * widths.data)], [scales, words]);
        activations = y;
      }
      return written;
    },
  },
  {
    name: "attention, causal",
    unit: "GFLOP/s",
    sizes: [192, 1024, 4096],
    about: (size) => `forward, ${size} tokens, ${H} heads of ${D}, f32`,
    amount: (size) => 2 * size * (size + 1) * H * D,
    record(rec, size) {
      const own = (name: string) => rec.input(name, [size, H, D], "f32");
      const inputs = [own("q"), own("k"), own("v")];
      const [q, k, v] = inputs;
      const segments = packedSegments([size], true);
      const table = segmentInputs(rec, { queries: size, segments: segments.length });
      const o = rec.output(rec.like(q, "o"));
      const lse = rec.output(rec.tensor("lse", [size, H], "f32"));
      emitAttention(rec, { q, k, v, segments: table, o, lse, scale: 1 / Math.sqrt(D) });
      return [
        ...inputs.map((tensor) => [tensor, values(size * H * D)] as const),
        [table.table, planSegments(segments, table)],
      ];
    },
  },
  {
    name: "buffer copy",
    unit: "GB/s",
    sizes: [8, 64, 256],
    about: (size) => `${size} MiB from buffer to buffer: bytes read and written`,
    amount: (size) => 2 * size * 2 ** 20,
    record(rec, size) {
      const words = size * 2 ** 18;
      const from = rec.input("from", [words], "u32");
      rec.copy(from, rec.input("to", [words], "u32"));
      // Pages that nobody ever wrote to may all be one page of zeros, and come from a cache.
      return [[from, new Uint32Array(words).fill(0x5eed)]];
    },
  },
  {
    name: "dispatch",
    unit: "µs",
    sizes: [dispatches],
    about: (size) => `each of ${size} tiny dispatches in one submit, every one waiting for the one before`,
    amount: (size) => size,
    record(rec, size) {
      const x = rec.input("x", [64], "f32");
      const y = rec.input("y", [64], "f32");
      for (let i = 0; i < size; i++) emitAccumulate(rec, { x, y });
      return [];
    },
  },
  {
    name: "submit and wait",
    unit: "ms",
    sizes: [1],
    about: () => "one tiny dispatch, until this thread knows that it is done",
    amount: () => 1,
    waits: true,
    record(rec) {
      emitAccumulate(rec, { x: rec.input("x", [64], "f32"), y: rec.input("y", [64], "f32") });
      return [];
    },
  },
];

/** Bytes of one row of a 4-bit weight of `K` columns, with its scales. */
function weightBytes(K: number): number {
  const { data, scales } = weightWidths({ format: "q4", K, group });
  return (data + scales) * 4;
}

/** Small numbers about zero: what they are does not matter, but hardware may be quicker with zeros. */
function values(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (((i * 37) % 101) - 50) / 500);
}

/** Words of eight 4-bit numbers, well mixed (Knuth's multiplicative hash). */
function nibbles(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 0);
}
