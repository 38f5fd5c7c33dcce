/** Embedding lookup in float64: the definition shaders/embedding.wgsl is held to. */

/** y[t] = w[ids[t]] for w [V, C]; zeros where ids[t] ≥ V. Returns y [T, C]. */
export function embeddingForward(ids: Uint32Array, w: Float64Array, C: number): Float64Array {
  const V = w.length / C;
  const y = new Float64Array(ids.length * C);
  ids.forEach((id, t) => {
    if (id < V) for (let c = 0; c < C; c++) y[t * C + c] = w[id * C + c];
  });
  return y;
}

/** dw[id] = Σ over the tokens with that id of dy[t]. Returns dw [V, C]. */
export function embeddingBackward(ids: Uint32Array, dy: Float64Array, V: number, C: number): Float64Array {
  const dw = new Float64Array(V * C);
  ids.forEach((id, t) => {
    if (id < V) for (let c = 0; c < C; c++) dw[id * C + c] += dy[t * C + c];
  });
  return dw;
}
