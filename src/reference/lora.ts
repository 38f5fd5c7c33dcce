import { matmulBackward, matmulForward } from "./matmul.ts";

export interface LoraShape {
  T: number;
  N: number;
  K: number;
  R: number;
  scale: number;
}

export interface LoraInputs extends LoraShape {
  /** [T, K] */
  x: Float64Array;
  /** [N, K] */
  w: Float64Array;
  /** [R, K] */
  a: Float64Array;
  /** [N, R] */
  b: Float64Array;
  /** [N] */
  bias?: Float64Array;
  /** [T, N] */
  add?: Float64Array;
}

/** z = x·aᵀ [T, R],  y = x·wᵀ + bias + add + scale · z·bᵀ [T, N]. */
export function loraForward({ x, w, a, b, bias, add, T, N, K, R, scale }: LoraInputs): {
  y: Float64Array;
  z: Float64Array;
} {
  const z = matmulForward({ x, w: a, T, N: R, K });
  const base = matmulForward({ x, w, bias, add, T, N, K });
  const y = matmulForward({ x: z, w: b, add: base, alpha: scale, T, N, K: R });
  return { y, z };
}

/** dz = scale · dy·b,  db = scale · dyᵀ·z,  da = dzᵀ·x,  dx = dy·w + dz·a. w is frozen. */
export function loraBackward({
  x,
  z,
  w,
  a,
  b,
  dy,
  T,
  N,
  K,
  R,
  scale,
}: Omit<LoraInputs, "bias" | "add"> & { z: Float64Array; dy: Float64Array }): {
  dx: Float64Array;
  da: Float64Array;
  db: Float64Array;
} {
  const { dx: dz, dw: db } = matmulBackward({ x: z, w: b, dy, alpha: scale, T, N, K: R });
  const { dx: through, dw: da } = matmulBackward({ x, w: a, dy: dz, T, N: R, K });
  const dx = matmulBackward({ x, w, dy, T, N, K }).dx.map((value, i) => value + through[i]);
  return { dx, da, db };
}
