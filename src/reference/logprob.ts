/** Log-probability and entropy of tokens in float64: the definition shaders/logprob.wgsl is held to. */

/** A target that makes its row all zeros. */
export const ignoredTarget = 0xffffffff;

export interface LogprobInputs {
  /** [T, C] */
  x: Float64Array;
  /** [V, C] */
  head: Float64Array;
  /** [T]; {@link ignoredTarget} for a row to leave out. */
  targets: Uint32Array;
  T: number;
  C: number;
  V: number;
  temperature: number;
  /** Vocabulary entries outside the softmax. */
  banned?: ReadonlySet<number>;
}

/** logp[t] = log softmax(x · headᵀ / τ)[target], entropy of the same distribution, lse its log-normaliser; all [T]. */
export function logprobForward(inputs: LogprobInputs): {
  logp: Float64Array;
  entropy: Float64Array;
  lse: Float64Array;
} {
  const { targets, T, V } = inputs;
  const logp = new Float64Array(T);
  const entropy = new Float64Array(T);
  const lse = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    if (targets[t] === ignoredTarget) continue;
    const z = rowLogits(inputs, t);
    const peak = z.reduce((top, value) => Math.max(top, value), -Infinity);
    lse[t] = peak + Math.log(z.reduce((sum, value) => sum + Math.exp(value - peak), 0));
    logp[t] = z[targets[t]] - lse[t];
    for (let v = 0; v < V; v++) {
      const logP = z[v] - lse[t];
      if (logP > -Infinity) entropy[t] -= Math.exp(logP) * logP;
    }
  }
  return { logp, entropy, lse };
}

/** Gradients of Σ_t (dlogp · logp + dentropy · entropy) by x [T, C] and head [V, C]. */
export function logprobBackward(
  inputs: LogprobInputs,
  { dlogp, dentropy }: { dlogp: Float64Array; dentropy?: Float64Array },
): { dx: Float64Array; dhead: Float64Array } {
  const { x, head, targets, T, C, V, temperature } = inputs;
  const { entropy, lse } = logprobForward(inputs);
  const dx = new Float64Array(T * C);
  const dhead = new Float64Array(V * C);
  for (let t = 0; t < T; t++) {
    if (targets[t] === ignoredTarget) continue;
    const z = rowLogits(inputs, t);
    for (let v = 0; v < V; v++) {
      const logP = z[v] - lse[t];
      if (logP === -Infinity) continue;
      const p = Math.exp(logP);
      let dz = dlogp[t] * ((v === targets[t] ? 1 : 0) - p);
      if (dentropy) dz -= dentropy[t] * p * (logP + entropy[t]);
      dz /= temperature;
      for (let c = 0; c < C; c++) {
        dx[t * C + c] += dz * head[v * C + c];
        dhead[v * C + c] += dz * x[t * C + c];
      }
    }
  }
  return { dx, dhead };
}

function rowLogits({ x, head, C, V, temperature, banned }: LogprobInputs, t: number): Float64Array {
  return Float64Array.from({ length: V }, (_, v) => {
    if (banned?.has(v)) return -Infinity;
    let z = 0;
    for (let c = 0; c < C; c++) z += x[t * C + c] * head[v * C + c];
    return z / temperature;
  });
}
