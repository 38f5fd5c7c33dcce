/**
 * Affine quantization as shaders/quantize.wgsl does it, to the bit: f32 steps where the shader takes them, exact
 * arithmetic where it is exact. Layouts: src/kernels/weight.ts.
 */
import { floatToHalf, halfToFloat } from "../util/half.ts";

export interface QuantizedMatrix {
  /** u32 [N, Kp·bits/32], low first; Kp is K rounded up to whole groups. */
  data: Uint32Array;
  /** u32 [N, Kp/group]: half floats s (low) and b (high). */
  scales: Uint32Array;
}

export interface QuantizedShape {
  N: number;
  K: number;
  group: number;
  bits: 4 | 8;
}

/** The half nearest to the value; saturates at 65504 instead of overflowing. */
export function nearestHalf(value: number): number {
  const half = floatToHalf(value);
  return (half & 0x7fff) === 0x7c00 ? half - 1 : half;
}

/** The next half up: bit patterns of halves are ordered like their magnitudes. */
function halfUp(half: number): number {
  if (half === 0x8000) return 0x0001;
  return half & 0x8000 ? half - 1 : Math.min(half + 1, 0x7bff);
}

function halfDown(half: number): number {
  if (half === 0) return 0x8001;
  return half & 0x8000 ? Math.min(half + 1, 0xfbff) : half - 1;
}

/** The largest half ≤ value. */
function halfBelow(value: number): number {
  const half = nearestHalf(value);
  const below = halfToFloat(half) > value ? halfDown(half) : half;
  return below === 0x8000 && value >= 0 ? 0 : below;
}

/** The smallest half ≥ value ≥ 0. */
function halfAbove(value: number): number {
  const half = nearestHalf(value);
  return halfToFloat(half) < value ? halfUp(half) : half;
}

/** Scale and bias of a group, as half bits. b ≤ min, b + (2^bits − 1)·s ≥ max up to an f32 rounding. */
export function groupScale(values: ArrayLike<number>, bits: number): { s: number; b: number } {
  let low = values[0];
  let high = values[0];
  for (let k = 1; k < values.length; k++) {
    low = Math.min(low, values[k]);
    high = Math.max(high, values[k]);
  }
  const b = halfBelow(low);
  const range = Math.fround(high - halfToFloat(b));
  const s = halfAbove(Math.fround(range * Math.fround(1 / (2 ** bits - 1))));
  return { s, b };
}

/** The level whose value is nearest to `value`, the lower of two as near. */
function nearestLevel(value: number, s: number, b: number, top: number): number {
  const d = Math.fround(value - b);
  const near = Math.min(Math.max(Math.round(d / s), 0), top);
  let best = Math.max(near - 1, 0);
  for (let q = best + 1; q <= Math.min(near + 1, top); q++) {
    if (Math.abs(Math.fround(d - s * q)) < Math.abs(Math.fround(d - s * best))) best = q;
  }
  return best;
}

/** Quantizes row-major f32 values [N·K]. Then |dequantized − value| ≤ s/2 of its group, up to f32 rounding. */
export function quantize(values: ArrayLike<number>, { N, K, group, bits }: QuantizedShape): QuantizedMatrix {
  const groups = Math.ceil(K / group);
  const perWord = 32 / bits;
  const words = (groups * group) / perWord;
  const data = new Uint32Array(N * words);
  const scales = new Uint32Array(N * groups);
  for (let n = 0; n < N; n++) {
    for (let g = 0; g < groups; g++) {
      const end = Math.min((g + 1) * group, K);
      const members = Array.from({ length: end - g * group }, (_, i) =>
        Math.fround(values[n * K + g * group + i]),
      );
      const { s, b } = groupScale(members, bits);
      scales[n * groups + g] = (s | (b << 16)) >>> 0;
      if (s === 0) continue;
      members.forEach((value, i) => {
        const q = nearestLevel(value, halfToFloat(s), halfToFloat(b), 2 ** bits - 1);
        const k = g * group + i;
        data[n * words + Math.floor(k / perWord)] |= q << ((k % perWord) * bits);
      });
    }
  }
  return { data, scales };
}

/** The values w = s·q + b [N·K] that the words stand for, without rounding. */
export function dequantize(
  { data, scales }: QuantizedMatrix,
  { N, K, group, bits }: QuantizedShape,
): Float64Array {
  const groups = Math.ceil(K / group);
  const perWord = 32 / bits;
  const words = (groups * group) / perWord;
  const values = new Float64Array(N * K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const word = data[n * words + Math.floor(k / perWord)];
      const q = (word >>> ((k % perWord) * bits)) & (2 ** bits - 1);
      const scale = scales[n * groups + Math.floor(k / group)];
      values[n * K + k] = halfToFloat(scale & 0xffff) * q + halfToFloat(scale >>> 16);
    }
  }
  return values;
}

/** Values [N·K] rounded to halves, two per word, ⌈K/2⌉ words a row. */
export function packHalves(values: ArrayLike<number>, { N, K }: { N: number; K: number }): Uint32Array {
  const words = Math.ceil(K / 2);
  const data = new Uint32Array(N * words);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      data[n * words + Math.floor(k / 2)] |= nearestHalf(Math.fround(values[n * K + k])) << ((k % 2) * 16);
    }
  }
  return data;
}
