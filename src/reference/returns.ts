/**
 * Rewards of tokens and REINFORCE++'s advantages in float64: the definition shaders/returns.wgsl is held to. Written
 * from the sums themselves; sources in rl/returns.ts.
 */

export interface ReturnsInputs {
  /** [S]; NaN: excluded. */
  rewards: Float64Array;
  /** [S] tokens of each completion. */
  lengths: readonly number[];
  /** [N]; absent: no KL. */
  logp?: Float64Array;
  refLogp?: Float64Array;
  klCoef: number;
  klType: "k1" | "k2" | "k3" | "abs";
}

/** tokens [N], scores [S], mean KL of each completion [S]. Excluded: NaN. */
export function tokenRewardsForward({ rewards, lengths, logp, refLogp, klCoef, klType }: ReturnsInputs): {
  tokens: Float64Array;
  scores: Float64Array;
  kl: Float64Array;
} {
  const estimate = (t: number) => (logp && refLogp ? klOf(logp[t] - refLogp[t], klType) : 0);
  const groups = split(lengths);
  return {
    tokens: Float64Array.from(
      groups.flatMap((tokens, s) =>
        tokens.map((t, i) => (i === tokens.length - 1 ? rewards[s] : 0 * rewards[s]) - klCoef * estimate(t)),
      ),
    ),
    scores: rewards.map((reward, s) => reward - klCoef * sum(groups[s].map(estimate))),
    kl: Float64Array.from(groups, (tokens) => sum(tokens.map(estimate)) / Math.max(tokens.length, 1)),
  };
}

/** returns[t] = Σ_k gamma^k tokens[t + k], then (returns − mean) / √(variance + eps) over those that are not NaN; [N]. */
export function returnAdvantagesForward(
  tokens: Float64Array,
  { lengths, gamma, eps }: { lengths: readonly number[]; gamma: number; eps: number },
): Float64Array {
  const returns = split(lengths).flatMap((group) =>
    group.map((_, i) => sum(group.slice(i).map((t, k) => gamma ** k * tokens[t]))),
  );
  const valid = returns.filter((value) => !Number.isNaN(value));
  const mean = sum(valid) / valid.length;
  const variance = sum(valid.map((value) => (value - mean) ** 2)) / Math.max(valid.length - 1, 1);
  return Float64Array.from(returns, (value) =>
    Number.isNaN(value) || valid.every((other) => other === value)
      ? 0
      : (value - mean) / Math.sqrt(variance + eps),
  );
}

/** Numbers of each completion's tokens. */
function split(lengths: readonly number[]): number[][] {
  let begin = 0;
  return lengths.map((length) => {
    begin += length;
    return Array.from({ length }, (_, i) => begin - length + i);
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function klOf(x: number, type: ReturnsInputs["klType"]): number {
  if (type === "k1") return x;
  if (type === "abs") return Math.abs(x);
  return type === "k2" ? x ** 2 / 2 : Math.expm1(-x) + x;
}
