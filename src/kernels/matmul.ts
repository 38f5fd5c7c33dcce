import type { Recorder } from "../gpu/recorder.ts";
import { capacity, shards } from "../gpu/tensor.ts";
import type { Scalar, Tensor } from "../gpu/tensor.ts";
import { isWide } from "./adapter.ts";
import {
  backwardWKernel,
  backwardXKernel,
  biasBackward,
  forwardKernel,
  matrix,
  sharingOf,
} from "./matmul-kernels.ts";
import { weightPieces } from "./weight.ts";
import type { Weight } from "./weight.ts";

export interface MatmulArguments {
  /** [T, K], f32 or f16. */
  x: Tensor;
  /** [N, K] in any format. */
  w: Weight;
  /** [T, N], f32 or f16. Other tensors may not share its buffer. */
  y: Tensor;
  /** f32 [N]. */
  bias?: Tensor;
  /** [T, N], f32 or f16: the residual stream that y continues. */
  add?: Tensor;
  alpha?: number | Scalar;
  /** Adds to what y holds instead of overwriting it. */
  accumulate?: boolean;
}

/**
 * Records y (=|+=) alpha·x·wᵀ + bias + add. Axes behind a tensor's first are taken as one. Each y is one sum over
 * ascending k, in the same order for every T and format-independent tile: rows computed one at a time and rows computed
 * together come out bit for bit the same.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmul(
  rec: Recorder,
  { x, w, y, bias, add, alpha = 1, accumulate = false }: MatmulArguments,
): void {
  const kernel = forwardKernel(w, sharingOf(rec), false);
  const tensors = {
    x: matrix(rec, x, w.K, "matmul"),
    y: matrix(rec, y, w.N, "matmul"),
    add: add && matrix(rec, add, w.N, "matmul"),
    bias,
  };
  const flags = {
    ACCUMULATE: Number(accumulate),
    HAS_BIAS: Number(bias !== undefined),
    HAS_ADD: Number(add !== undefined),
    WIDE: isWide(rec),
  };
  for (const { data, scales, ...piece } of weightPieces(w)) {
    const params = { ...piece, ...flags, group: w.group, alpha };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  }
}

export interface MatmulBackwardXArguments {
  /** [T, N], f32 or f16. */
  dy: Tensor;
  /** [N, K] in any format. */
  w: Weight;
  /** [T, K], f32 or f16. */
  dx: Tensor;
  alpha?: number | Scalar;
  accumulate?: boolean;
}

/**
 * Records dx (=|+=) alpha·dy·w.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmulBackwardX(
  rec: Recorder,
  { dy, w, dx, alpha = 1, accumulate = false }: MatmulBackwardXArguments,
): void {
  const kernel = backwardXKernel(w, sharingOf(rec), false);
  const tensors = {
    dy: matrix(rec, dy, w.N, "matmul backward"),
    dx: matrix(rec, dx, w.K, "matmul backward"),
  };
  weightPieces(w).forEach(({ data, scales, ...piece }, index) => {
    const params = { ...piece, group: w.group, alpha, ACCUMULATE: Number(accumulate || index > 0) };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  });
}

export interface MatmulBackwardWArguments {
  /** [T, N], f32 or f16. */
  dy: Tensor;
  /** [T, K], f32 or f16. */
  x: Tensor;
  /** f32 [N, K]. */
  dw: Tensor;
  alpha?: number | Scalar;
  accumulate?: boolean;
}

/**
 * Records dw (=|+=) alpha·dyᵀ·x, summed over ascending t.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmulBackwardW(
  rec: Recorder,
  { dy, x, dw, alpha = 1, accumulate = false }: MatmulBackwardWArguments,
): void {
  const [N, K] = dw.shape.map(capacity);
  const kernel = backwardWKernel(N, K, sharingOf(rec));
  const tensors = { dy: matrix(rec, dy, N, "matmul backward"), x: matrix(rec, x, K, "matmul backward") };
  for (const { begin, tensor } of shards(dw)) {
    rec.run(kernel, { ...tensors, dw: tensor }, { begin, alpha, ACCUMULATE: Number(accumulate) });
  }
}

/** Records db (=|+=) Σ_t dy[t]. dy [T, N] f32 or f16, db f32 [N]. */
export function emitBiasBackward(
  rec: Recorder,
  { dy, db, accumulate = false }: { dy: Tensor; db: Tensor; accumulate?: boolean },
): void {
  const tensors = { dy: matrix(rec, dy, capacity(db.shape[0]), "bias backward"), db };
  rec.run(biasBackward, tensors, { accumulate: Number(accumulate) });
}
