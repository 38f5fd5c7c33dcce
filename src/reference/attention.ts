/** Attention of packed segments in float64: the definition shaders/attention*.wgsl are held to. */

/** Ranges of rows as in src/kernels/attention-segments.ts. */
export interface ReferenceSegment {
  queryBegin: number;
  queryEnd: number;
  causal: boolean;
  prefixBegin: number;
  prefixEnd: number;
  keyBegin: number;
  keyEnd: number;
}

/** q [T, H, D], k and v [Tk, KV, D]; query head h reads kv head ⌊h / (H/KV)⌋. */
export interface AttentionInputs {
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  segments: readonly ReferenceSegment[];
  scale: number;
  H: number;
  KV: number;
  D: number;
}

/** Key rows that a query row of the segment sees: the prefix, and the own range, up to the query's place if causal. */
export function visibleKeys(segment: ReferenceSegment, query: number): number[] {
  const { queryBegin, queryEnd, causal, prefixBegin, prefixEnd, keyBegin, keyEnd } = segment;
  const last = causal ? keyEnd - (queryEnd - queryBegin) + (query - queryBegin) : keyEnd - 1;
  const keys: number[] = [];
  for (let key = prefixBegin; key < prefixEnd; key++) keys.push(key);
  for (let key = keyBegin; key <= last; key++) keys.push(key);
  return keys;
}

/**
 * o[t,h] = Σ_j p_j v[j], p = softmax(scale · q·k) over the visible keys, and lse[t,h] = log Σ_j exp(scale · q·k).
 * A row without visible keys has o = 0 and lse = -∞. Returns o [T, H, D], lse [T, H].
 */
export function attentionForward(inputs: AttentionInputs): { o: Float64Array; lse: Float64Array } {
  const { q, v, segments, H, KV, D } = inputs;
  const o = new Float64Array(q.length);
  const lse = new Float64Array(q.length / D).fill(-Infinity);
  forEachRow(segments, H, KV, (row, head, keys) => {
    const scores = keys.map((key) => score(inputs, row, key * KV + head));
    const highest = Math.max(...scores);
    const sum = scores.reduce((total, s) => total + Math.exp(s - highest), 0);
    lse[row] = highest + Math.log(sum);
    keys.forEach((key, index) => {
      const p = Math.exp(scores[index] - lse[row]);
      for (let d = 0; d < D; d++) o[row * D + d] += p * v[(key * KV + head) * D + d];
    });
  });
  return { o, lse };
}

/**
 * From do [T, H, D] and the forward's o, lse: with δ = do·o and ds = p (do·v − δ) scale,
 * dq = Σ_j ds k_j, dk_j = Σ ds q, dv_j = Σ p do, the last two over every query row and head that sees key j.
 */
export function attentionBackward(
  inputs: AttentionInputs & { o: Float64Array; lse: Float64Array; do: Float64Array },
): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  const { q, k, v, o, lse, do: dO, segments, scale, H, KV, D } = inputs;
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  forEachRow(segments, H, KV, (row, head, keys) => {
    let delta = 0;
    for (let d = 0; d < D; d++) delta += dO[row * D + d] * o[row * D + d];
    for (const key of keys) {
      const at = key * KV + head;
      const p = Math.exp(score(inputs, row, at) - lse[row]);
      let dp = 0;
      for (let d = 0; d < D; d++) dp += dO[row * D + d] * v[at * D + d];
      const ds = p * (dp - delta) * scale;
      for (let d = 0; d < D; d++) {
        dq[row * D + d] += ds * k[at * D + d];
        dk[at * D + d] += ds * q[row * D + d];
        dv[at * D + d] += p * dO[row * D + d];
      }
    }
  });
  return { dq, dk, dv };
}

/** Visits (query row · H + head, kv head, visible keys) of every row that sees a key. */
function forEachRow(
  segments: readonly ReferenceSegment[],
  H: number,
  KV: number,
  visit: (row: number, kvHead: number, keys: number[]) => void,
): void {
  for (const segment of segments) {
    for (let t = segment.queryBegin; t < segment.queryEnd; t++) {
      const keys = visibleKeys(segment, t);
      if (keys.length === 0) continue;
      for (let h = 0; h < H; h++) visit(t * H + h, Math.floor(h / (H / KV)), keys);
    }
  }
}

/** scale · q[row]·k[at], both rows of D. */
function score({ q, k, scale, D }: AttentionInputs, row: number, at: number): number {
  let dot = 0;
  for (let d = 0; d < D; d++) dot += q[row * D + d] * k[at * D + d];
  return scale * dot;
}
