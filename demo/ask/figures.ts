/** Figures of drawn samples. */

export interface LogProbs {
  total: number;
  /** Per token; NaN without tokens. */
  mean: number;
}

/** @param logps natural logarithms of the tokens' probabilities. */
export function sumLogProbs(logps: readonly number[]): LogProbs {
  const total = logps.reduce((sum, logp) => sum + logp, 0);
  return { total, mean: total / logps.length };
}

/** How often each answer was given, the most frequent first; on a tie, the one that came first. */
export function tally(answers: readonly string[]): { answer: string; count: number }[] {
  const counts = new Map<string, { answer: string; count: number }>();
  for (const answer of answers) {
    const key = answer.trim().toLowerCase();
    const entry = counts.get(key);
    if (entry) entry.count++;
    else counts.set(key, { answer: answer.trim(), count: 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}

/**
 * Where one token looks, or all of them on average.
 * @param weights [tokens, patches].
 * @param token null: the mean over the tokens.
 * @returns [patches].
 */
export function attentionOf(weights: Float32Array, patches: number, token: number | null): Float32Array {
  if (token !== null) return weights.slice(token * patches, (token + 1) * patches);
  const tokens = weights.length / patches;
  const mean = new Float32Array(patches);
  for (let index = 0; index < weights.length; index++) mean[index % patches] += weights[index] / tokens;
  return mean;
}
