/**
 * Drawing a token, in float64 and by sorting: the definition shaders/sampling.wgsl is held to. Bans, repetition
 * penalty (Keskar et al. 2019, arXiv:1909.05858), temperature, top-k (Fan et al. 2018, arXiv:1805.04833), top-p
 * (Holtzman et al. 2019, arXiv:1904.09751), min-p (Nguyen et al. 2024, arXiv:2407.01082), in the order of Hugging
 * Face's processors, then an inverse CDF.
 */
import { uniformAt } from "../util/rng.ts";
import type { Seed } from "../util/rng.ts";

/** Part of the order of the CDF: lane l owns tokens l, l + lanes, … */
const lanes = 256;

export interface SampleInputs {
  /** [V] */
  logits: ArrayLike<number>;
  seed: Seed;
  sequence: number;
  position: number;
  /** 0: greedy. */
  temperature: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  banned?: ReadonlySet<number>;
  seen?: ReadonlySet<number>;
}

export interface Sampled {
  /** 0xffffffff: nothing can be drawn. */
  token: number;
  logp: number;
  /**
   * How near the decision was, as a share of the kept weight: the draw to a border of the CDF, top-p's and min-p's
   * bounds to the nearest sum or weight, and with a penalty the least gap of logits that decided. Another rounding may
   * only change a token whose margin is of its size.
   */
  margin: number;
}

/** Draws one token and gives its log-probability; see {@link SampleInputs}. */
export function sampleForward(inputs: SampleInputs): Sampled {
  const { logits, seed, sequence, position, banned, seen } = inputs;
  const { temperature, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = inputs;
  const tau = temperature > 0 ? temperature : 1;
  const allowed: number[] = [];
  for (let v = 0; v < logits.length; v++) {
    if (Number.isNaN(logits[v]) || logits[v] === Infinity) {
      if (!banned?.has(v)) return { token: 0xffffffff, logp: NaN, margin: Infinity };
    } else if (!banned?.has(v) && logits[v] > -Infinity) allowed.push(v);
  }
  if (allowed.length === 0) return { token: 0xffffffff, logp: NaN, margin: Infinity };

  const penalised = (v: number) => {
    if (!seen?.has(v)) return logits[v];
    return logits[v] > 0 ? logits[v] / repetitionPenalty : logits[v] * repetitionPenalty;
  };
  const order = [...allowed].sort((a, b) => penalised(b) - penalised(a) || a - b);
  const top = penalised(order[0]);
  const weight = (v: number) => Math.exp((penalised(v) - top) / tau);
  const peak = allowed.reduce((most, v) => Math.max(most, logits[v]), -Infinity);
  const normaliser = allowed.reduce((sum, v) => sum + Math.exp((logits[v] - peak) / tau), 0);
  const result = (token: number, margin: number): Sampled => ({
    token,
    logp: (logits[token] - peak) / tau - Math.log(normaliser),
    margin,
  });
  const gapAfter = (count: number) =>
    repetitionPenalty !== 1 && count < order.length
      ? penalised(order[count - 1]) - penalised(order[count])
      : Infinity;
  if (!(temperature > 0)) return result(order[0], gapAfter(1));

  let margin = Infinity;
  // `count` tokens of `order` are kept; those tied with the last are too.
  const withTies = (count: number) => {
    let end = Math.min(count, order.length);
    while (end < order.length && penalised(order[end]) === penalised(order[end - 1])) end++;
    return end;
  };
  let count = topK > 0 ? withTies(topK) : order.length;
  margin = Math.min(margin, gapAfter(count));
  if (topP < 1) {
    const kept = order.slice(0, count);
    const total = kept.reduce((sum, v) => sum + weight(v), 0);
    let above = 0;
    let end = 0;
    while (end < kept.length && (end === 0 || above < topP * total)) {
      const next = Math.min(withTies(end + 1), kept.length);
      for (; end < next; end++) above += weight(kept[end]);
      margin = Math.min(margin, Math.abs(above - topP * total) / total);
    }
    count = end;
  }
  const kept = order.slice(0, count).filter((v) => {
    if (minP > 0) margin = Math.min(margin, Math.abs(weight(v) - minP));
    return weight(v) >= minP;
  });
  const cdf = kept.sort((a, b) => (a % lanes) - (b % lanes) || a - b);
  const total = cdf.reduce((sum, v) => sum + weight(v), 0);
  const draw = uniformAt(seed, sequence, position) * total;
  let sum = 0;
  for (const v of cdf) {
    sum += weight(v);
    margin = Math.min(margin, Math.abs(sum - draw) / total);
    if (sum > draw) return result(v, margin);
  }
  return result(cdf[cdf.length - 1], margin);
}
