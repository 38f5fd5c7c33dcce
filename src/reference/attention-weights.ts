/** Where chosen rows of an attention look, in float64: the definition shaders/attention-weights.wgsl is held to. */
import { visibleKeys } from "./attention.ts";
import type { AttentionInputs } from "./attention.ts";

/**
 * w[s, n] = mean over heads of softmax(scale · q·k) at query row queries[s] and key row keys[n], the softmax being over
 * the keys that the query sees; 0 for a key it does not see, and for a query in no segment. Returns w [S, N].
 */
export function attentionWeights(
  { q, k, segments, scale, H, KV, D }: Omit<AttentionInputs, "v">,
  queries: ArrayLike<number>,
  keys: ArrayLike<number>,
): Float64Array {
  const S = queries.length;
  const N = keys.length;
  const w = new Float64Array(S * N);
  for (let s = 0; s < S; s++) {
    const t = queries[s];
    const segment = segments.find(({ queryBegin, queryEnd }) => t >= queryBegin && t < queryEnd);
    if (!segment) continue;
    const seen = visibleKeys(segment, t);
    for (let h = 0; h < H; h++) {
      const g = Math.floor(h / (H / KV));
      const scores = seen.map((j) => {
        let dot = 0;
        for (let d = 0; d < D; d++) dot += q[(t * H + h) * D + d] * k[(j * KV + g) * D + d];
        return scale * dot;
      });
      const highest = Math.max(...scores);
      const exponentials = scores.map((score) => Math.exp(score - highest));
      const sum = exponentials.reduce((total, e) => total + e, 0);
      for (let n = 0; n < N; n++) {
        const at = seen.indexOf(keys[n]);
        if (at >= 0) w[s * N + n] += exponentials[at] / sum / H;
      }
    }
  }
  return w;
}
