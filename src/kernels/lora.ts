import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { Scalar, Tensor } from "../gpu/tensor.ts";
import { isWide } from "./adapter.ts";
import { backwardXKernel, forwardKernel, matrix, sharingOf } from "./matmul-kernels.ts";
import { emitMatmul, emitMatmulBackwardW, emitMatmulBackwardX } from "./matmul.ts";
import { denseWeight, weightPieces } from "./weight.ts";
import type { Weight } from "./weight.ts";

export interface LoraArguments {
  /** [T, K], f32 or f16. */
  x: Tensor;
  /** [N, K] in any format. */
  w: Weight;
  /** f32 [N]. */
  bias?: Tensor;
  /** [T, N]: the residual stream that y continues. */
  add?: Tensor;
  /** f32 [R, K]. */
  a: Tensor;
  /** f32 [N, R]. */
  b: Tensor;
  /** f32 [T, R]: receives x·aᵀ, which the backward needs. */
  z: Tensor;
  /** [T, N], f32 or f16. */
  y: Tensor;
  scale: number | Scalar;
}

/** The fused kernels load four values of the rank at a time. */
const fusable = (R: number): boolean => R % 4 === 0;

/**
 * Records z = x·aᵀ and y = x·wᵀ + bias + add + scale·z·bᵀ. With R a multiple of 4 that is two dispatches, y written
 * once; b = 0 then gives exactly what emitMatmul gives.
 * @throws ShapeError when shapes do not fit.
 */
export function emitLora(rec: Recorder, { x, w, bias, add, a, b, z, y, scale }: LoraArguments): void {
  emitMatmul(rec, { x, w: denseWeight(a), y: z });
  if (!fusable(capacity(a.shape[0]))) {
    emitMatmul(rec, { x, w, y, bias, add });
    emitMatmul(rec, { x: z, w: denseWeight(b), y, alpha: scale, accumulate: true });
    return;
  }
  const kernel = forwardKernel(w, sharingOf(rec), true);
  const tensors = {
    x: matrix(rec, x, w.K, "lora"),
    y: matrix(rec, y, w.N, "lora"),
    add: add && matrix(rec, add, w.N, "lora"),
    bias,
    z,
    b,
  };
  const flags = {
    ACCUMULATE: 0,
    HAS_BIAS: Number(bias !== undefined),
    HAS_ADD: Number(add !== undefined),
    WIDE: isWide(rec),
  };
  for (const { data, scales, ...piece } of weightPieces(w)) {
    const params = { ...piece, ...flags, group: w.group, alpha: 1, scale };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  }
}

export interface LoraBackwardArguments {
  /** [T, N], f32 or f16. */
  dy: Tensor;
  /** [T, K]. */
  x: Tensor;
  /** f32 [T, R], as the forward left it. */
  z: Tensor;
  w: Weight;
  a: Tensor;
  b: Tensor;
  /** [T, K], f32 or f16. */
  dx: Tensor;
  /** f32 [R, K]: adds up. */
  da: Tensor;
  /** f32 [N, R]: adds up. */
  db: Tensor;
  scale: number | Scalar;
  /** Adds to dx instead of overwriting it. */
  accumulateX?: boolean;
}

/**
 * Records dz = scale·dy·b, db += scale·dyᵀ·z, da += dzᵀ·x and dx (=|+=) dy·w + dz·a, the last in one dispatch where R
 * and K are multiples of 4. The frozen w gets no gradient.
 * @throws ShapeError when shapes do not fit.
 */
export function emitLoraBackward(
  rec: Recorder,
  { dy, x, z, w, a, b, dx, da, db, scale, accumulateX = false }: LoraBackwardArguments,
): void {
  const dz = rec.like(z, `d ${z.name}`);
  emitMatmulBackwardX(rec, { dy, w: denseWeight(b), dx: dz, alpha: scale });
  emitMatmulBackwardW(rec, { dy, x: z, dw: db, alpha: scale, accumulate: true });
  emitMatmulBackwardW(rec, { dy: dz, x, dw: da, accumulate: true });
  if (!fusable(capacity(a.shape[0])) || w.K % 4 !== 0) {
    emitMatmulBackwardX(rec, { dy, w, dx, accumulate: accumulateX });
    emitMatmulBackwardX(rec, { dy: dz, w: denseWeight(a), dx, accumulate: true });
    return;
  }
  const kernel = backwardXKernel(w, sharingOf(rec), true);
  const tensors = {
    dy: matrix(rec, dy, w.N, "lora backward"),
    dx: matrix(rec, dx, w.K, "lora backward"),
    dz,
    a,
  };
  weightPieces(w).forEach(({ data, scales, ...piece }, index) => {
    const ACCUMULATE = Number(accumulateX || index > 0);
    const params = { ...piece, group: w.group, alpha: 1, ACCUMULATE, with_update: Number(index === 0) };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  });
}
