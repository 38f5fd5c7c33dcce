/** LayerNorm in float64: the definition shaders/layer-norm.wgsl is held to. Ba, Kiros & Hinton 2016, arXiv:1607.06450. */

/** x [T, C], w and b [C]. */
export interface LayerNormInputs {
  x: Float64Array;
  w: Float64Array;
  b: Float64Array;
  eps: number;
  T: number;
  C: number;
}

/**
 * y = (x − mean) · rstd · w + b with rstd[t] = 1 / √(variance_c x[t,c] + eps), the variance over C and not C − 1.
 * Returns y [T, C], mean [T] and rstd [T].
 */
export function layerNormForward({ x, w, b, eps, T, C }: LayerNormInputs): {
  y: Float64Array;
  mean: Float64Array;
  rstd: Float64Array;
} {
  const y = new Float64Array(T * C);
  const mean = new Float64Array(T);
  const rstd = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < C; c++) mean[t] += x[t * C + c] / C;
    let squares = 0;
    for (let c = 0; c < C; c++) squares += (x[t * C + c] - mean[t]) ** 2;
    rstd[t] = 1 / Math.sqrt(squares / C + eps);
    for (let c = 0; c < C; c++) y[t * C + c] = (x[t * C + c] - mean[t]) * rstd[t] * w[c] + b[c];
  }
  return { y, mean, rstd };
}

/** x, dy [T, C], w [C], mean and rstd [T]; `add` [T, C] is a gradient that dx starts from. */
export interface LayerNormGradientInputs {
  x: Float64Array;
  w: Float64Array;
  mean: Float64Array;
  rstd: Float64Array;
  dy: Float64Array;
  add?: Float64Array;
  T: number;
  C: number;
}

/**
 * With n = (x − mean) · rstd and u = w · dy: dx = (add +) rstd · (u − mean_c(u) − n · mean_c(u · n)),
 * dw = Σ_t dy · n, db = Σ_t dy. Returns dx [T, C], dw [C] and db [C].
 */
export function layerNormBackward({ x, w, mean, rstd, dy, add, T, C }: LayerNormGradientInputs): {
  dx: Float64Array;
  dw: Float64Array;
  db: Float64Array;
} {
  const dx = new Float64Array(T * C);
  const dw = new Float64Array(C);
  const db = new Float64Array(C);
  for (let t = 0; t < T; t++) {
    const normal = (c: number) => (x[t * C + c] - mean[t]) * rstd[t];
    let sum = 0; // Σ_c u
    let dot = 0; // Σ_c u·n
    for (let c = 0; c < C; c++) {
      const u = w[c] * dy[t * C + c];
      sum += u;
      dot += u * normal(c);
    }
    for (let c = 0; c < C; c++) {
      const i = t * C + c;
      dx[i] = (add ? add[i] : 0) + rstd[t] * (w[c] * dy[i] - sum / C - (normal(c) * dot) / C);
      dw[c] += dy[i] * normal(c);
      db[c] += dy[i];
    }
  }
  return { dx, dw, db };
}
