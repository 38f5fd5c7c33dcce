/** Gather and scatter of rows: the definition shaders/rows.wgsl is held to. Each is the other's backward. */

/** y[t] = src[index[t]] for src [M, C]; zeros where index[t] ≥ M. Returns y [T, C]. */
export function gatherRows(src: Float64Array, index: Uint32Array, C: number): Float64Array {
  const M = src.length / C;
  const y = new Float64Array(index.length * C);
  index.forEach((m, t) => {
    if (m < M) y.set(src.subarray(m * C, (m + 1) * C), t * C);
  });
  return y;
}

/** y[index[m]] = src[m] into a copy of y [T, C]; skipped where index[m] ≥ T. Indices below T are unique. */
export function scatterRows(src: Float64Array, index: Uint32Array, y: Float64Array, C: number): Float64Array {
  const T = y.length / C;
  const out = Float64Array.from(y);
  index.forEach((t, m) => {
    if (t < T) out.set(src.subarray(m * C, (m + 1) * C), t * C);
  });
  return out;
}
