/** RMSNorm in float64: the definition shaders/rms-norm.wgsl is held to. Zhang & Sennrich 2019, arXiv:1910.07467. */

/** x [T, C], w [C]. */
export interface RmsNormInputs {
  x: Float64Array;
  w: Float64Array;
  eps: number;
  T: number;
  C: number;
}

/** y = x · rstd · w with rstd[t] = 1 / √(mean_c x[t,c]² + eps). Returns y [T, C] and rstd [T]. */
export function rmsNormForward({ x, w, eps, T, C }: RmsNormInputs): { y: Float64Array; rstd: Float64Array } {
  const y = new Float64Array(T * C);
  const rstd = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    let squares = 0;
    for (let c = 0; c < C; c++) squares += x[t * C + c] ** 2;
    rstd[t] = 1 / Math.sqrt(squares / C + eps);
    for (let c = 0; c < C; c++) y[t * C + c] = x[t * C + c] * rstd[t] * w[c];
  }
  return { y, rstd };
}

/** x, dy [T, C], w [C], rstd [T]; `add` [T, C] is a gradient that dx starts from. */
export interface RmsNormGradientInputs {
  x: Float64Array;
  w: Float64Array;
  rstd: Float64Array;
  dy: Float64Array;
  add?: Float64Array;
  T: number;
  C: number;
}

/** With u = w · dy: dx = (add +) r · u − x · r³ · mean_c(u · x), dw = Σ_t dy · x · r. Returns dx [T, C] and dw [C]. */
export function rmsNormBackward({ x, w, rstd, dy, add, T, C }: RmsNormGradientInputs): {
  dx: Float64Array;
  dw: Float64Array;
} {
  const dx = new Float64Array(T * C);
  const dw = new Float64Array(C);
  for (let t = 0; t < T; t++) {
    const r = rstd[t];
    let dot = 0; // Σ_c u·x with u = w·dy
    for (let c = 0; c < C; c++) dot += w[c] * dy[t * C + c] * x[t * C + c];
    for (let c = 0; c < C; c++) {
      const i = t * C + c;
      dx[i] = (add ? add[i] : 0) + (r * w[c] * dy[i] - (x[i] * r ** 3 * dot) / C);
      dw[c] += dy[i] * x[i] * r;
    }
  }
  return { dx, dw };
}
