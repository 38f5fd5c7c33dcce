export interface MatmulShape {
  T: number;
  N: number;
  K: number;
}

/** y[t, n] = alpha · Σ_k x[t, k] · w[n, k] + bias[n] + add[t, n].  x [T, K], w [N, K], bias [N], add and y [T, N]. */
export function matmulForward({
  x,
  w,
  bias,
  add,
  alpha = 1,
  T,
  N,
  K,
}: MatmulShape & {
  x: ArrayLike<number>;
  w: ArrayLike<number>;
  bias?: ArrayLike<number>;
  add?: ArrayLike<number>;
  alpha?: number;
}): Float64Array {
  const y = new Float64Array(T * N);
  for (let t = 0; t < T; t++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += x[t * K + k] * w[n * K + k];
      y[t * N + n] = alpha * sum + (bias?.[n] ?? 0) + (add?.[t * N + n] ?? 0);
    }
  }
  return y;
}

/** dx = alpha · dy·w [T, K],  dw = alpha · dyᵀ·x [N, K],  dbias = Σ_t dy[t] [N]. d(add) is dy itself. */
export function matmulBackward({
  x,
  w,
  dy,
  alpha = 1,
  T,
  N,
  K,
}: MatmulShape & {
  x: ArrayLike<number>;
  w: ArrayLike<number>;
  dy: ArrayLike<number>;
  alpha?: number;
}): { dx: Float64Array; dw: Float64Array; dbias: Float64Array } {
  const dx = new Float64Array(T * K);
  const dw = new Float64Array(N * K);
  const dbias = new Float64Array(N);
  for (let t = 0; t < T; t++) {
    for (let n = 0; n < N; n++) {
      const d = dy[t * N + n];
      dbias[n] += d;
      for (let k = 0; k < K; k++) {
        dx[t * K + k] += alpha * d * w[n * K + k];
        dw[n * K + k] += alpha * d * x[t * K + k];
      }
    }
  }
  return { dx, dw, dbias };
}
