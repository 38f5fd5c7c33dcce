/** Estimates of the KL divergence from the reference, one token each. Twin of shaders/lib/kl.wgsl, in float64. */

/** How the KL to the reference is estimated from x = logp − refLogp: k1 is x, abs |x|, k2 x²/2, k3 e^(−x) − 1 + x. */
export type KlType = "k1" | "abs" | "k2" | "k3";

/** All {@link KlType}s. EasyR1 calls them `kl`, `abs`, `mse` and, with clamps, `low_var_kl`. */
export const klTypes: readonly KlType[] = ["k1", "abs", "k2", "k3"];

/** Log-ratios are clamped to ± this before the exponential, as in EasyR1; there is no gradient beyond. */
export const maxLogRatio = 20;
const maxKl = 10;

/**
 * Estimates KL(policy ‖ reference) from one token, x = logp − refLogp: k1 = x, abs = |x|, k2 = x²/2,
 * k3 = e^−x + x − 1; and the estimate's derivative by logp. With `clamp`, k3 is EasyR1's `low_var_kl`: the log-ratio
 * within ±20, the value within ±10, and no gradient beyond.
 *
 * Schulman 2020, "Approximating KL divergence"; EasyR1 `compute_kl`.
 */
export function klEstimate(x: number, type: KlType, clampValues = false): { value: number; slope: number } {
  if (type === "k1") return { value: x, slope: 1 };
  if (type === "abs") return { value: Math.abs(x), slope: Math.sign(x) };
  if (type === "k2") return { value: (x * x) / 2, slope: x };
  const y = clampValues ? clamp(-x, -maxLogRatio, maxLogRatio) : -x;
  const value = Math.expm1(y) - y;
  if (!clampValues) return { value, slope: -Math.expm1(y) };
  const free = y === -x && value <= maxKl;
  return { value: Math.min(value, maxKl), slope: free ? -Math.expm1(y) : 0 };
}

/** `value` within the bounds; NaN stays NaN. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
