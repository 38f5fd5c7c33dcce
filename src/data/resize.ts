import { ShapeError } from "../util/errors.ts";

/** An 8-bit RGB image, rows from the top, [height, width, 3]. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Pillow keeps 8-bit resampling weights in fixed point with 32 − 8 − 2 fractional bits. */
const PRECISION_BITS = 22;

/**
 * Bicubic resampling with antialiasing, equal to Pillow's `Image.resize(size, BICUBIC)` to the bit: Keys' kernel with
 * a = −0.5 (IEEE TASSP 29(6), 1981), widened by the scale when shrinking, rows first and then columns, each pass in
 * fixed point and rounded to 8 bits. A canvas resamples otherwise, and a policy's features would shift.
 * @throws ShapeError for sizes that are not positive integers, or data unlike its size.
 */
export function resizeBicubic(image: RgbImage, width: number, height: number): RgbImage {
  checkImage(image);
  for (const extent of [width, height]) {
    if (!Number.isInteger(extent) || extent < 1)
      throw new ShapeError("resize", [height, width], "positive integers");
  }
  const wide = image.width === width ? image : resampleRows(image, width);
  return wide.height === height ? wide : resampleColumns(wide, height);
}

/** @throws ShapeError unless data holds width · height RGB pixels. */
export function checkImage({ width, height, data }: RgbImage): void {
  const valid = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (valid && data.length === width * height * 3) return;
  throw new ShapeError(
    `image of ${width} × ${height}: bytes`,
    data.length,
    `${width * height * 3} (RGB), at least one pixel`,
  );
}

interface Taps {
  /** First source index of each target. */
  begins: Int32Array;
  counts: Int32Array;
  /** `stride` fixed-point weights per target. */
  weights: Int32Array;
  stride: number;
}

function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function taps(from: number, to: number): Taps {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const begins = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  const row = new Float64Array(stride);
  for (let target = 0; target < to; target++) {
    const center = (target + 0.5) * scale;
    const begin = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), from) - begin;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      row[i] = bicubic((i + begin - center + 0.5) * (1 / widening));
      sum += row[i];
    }
    for (let i = 0; i < count; i++) {
      const weight = (row[i] / sum) * (1 << PRECISION_BITS);
      weights[target * stride + i] = Math.trunc(weight + (weight < 0 ? -0.5 : 0.5));
    }
    begins[target] = begin;
    counts[target] = count;
  }
  return { begins, counts, weights, stride };
}

/** Fixed point to 8 bits. */
function clip8(value: number): number {
  return Math.min(Math.max(value >> PRECISION_BITS, 0), 255);
}

const HALF = 1 << (PRECISION_BITS - 1);

function resampleRows({ width, height, data }: RgbImage, to: number): RgbImage {
  const { begins, counts, weights, stride } = taps(width, to);
  const out = new Uint8Array(to * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      let [r, g, b] = [HALF, HALF, HALF];
      for (let i = 0, at = (y * width + begins[x]) * 3; i < counts[x]; i++, at += 3) {
        const weight = weights[x * stride + i];
        r += data[at] * weight;
        g += data[at + 1] * weight;
        b += data[at + 2] * weight;
      }
      const at = (y * to + x) * 3;
      out[at] = clip8(r);
      out[at + 1] = clip8(g);
      out[at + 2] = clip8(b);
    }
  }
  return { width: to, height, data: out };
}

function resampleColumns({ width, height, data }: RgbImage, to: number): RgbImage {
  const { begins, counts, weights, stride } = taps(height, to);
  const row = width * 3;
  const out = new Uint8Array(row * to);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < row; x++) {
      let sum = HALF;
      for (let i = 0, at = begins[y] * row + x; i < counts[y]; i++, at += row) {
        sum += data[at] * weights[y * stride + i];
      }
      out[y * row + x] = clip8(sum);
    }
  }
  return { width, height: to, data: out };
}
