/**
 * Elementwise activations in float64: the definition shaders/gelu.wgsl is held to.
 * Hendrycks & Gimpel 2016, arXiv:1606.08415 (exact, tanh and sigmoid forms of GELU, and SiLU).
 */

/**
 * "gelu": x Φ(x), Φ the normal distribution function. "gelu_tanh": x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).
 * "quick_gelu": x σ(1.702 x). "silu": x σ(x).
 */
export type ActivationKind = "gelu" | "gelu_tanh" | "quick_gelu" | "silu";

export const QUICK_GELU_SLOPE = 1.702;
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** y = f(x), elementwise. */
export function activationForward(kind: ActivationKind, x: Float64Array): Float64Array {
  return x.map((value) => value * gate(kind, value).value);
}

/** dx = dy · f′(x): every kind is x · g(x), so f′ = g + x · g′. */
export function activationBackward(kind: ActivationKind, x: Float64Array, dy: Float64Array): Float64Array {
  return x.map((value, i) => {
    const g = gate(kind, value);
    return dy[i] * (g.value + value * g.slope);
  });
}

/** The g of f(x) = x · g(x), and its derivative. */
function gate(kind: ActivationKind, x: number): { value: number; slope: number } {
  switch (kind) {
    case "gelu":
      return { value: normalDistribution(x), slope: Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) };
    case "gelu_tanh": {
      const t = Math.tanh(SQRT_2_OVER_PI * (x + CUBIC * x ** 3));
      return { value: 0.5 * (1 + t), slope: 0.5 * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x) };
    }
    case "quick_gelu":
      return logistic(x, QUICK_GELU_SLOPE);
    case "silu":
      return logistic(x, 1);
  }
}

function logistic(x: number, slope: number): { value: number; slope: number } {
  const s = 1 / (1 + Math.exp(-slope * x));
  return { value: s, slope: slope * s * (1 - s) };
}

/** Φ(x) = (1 + erf(x / √2)) / 2. */
function normalDistribution(x: number): number {
  return x < 0 ? 0.5 * erfc(-x / Math.SQRT2) : 1 - 0.5 * erfc(x / Math.SQRT2);
}

/**
 * erfc for z ≥ 0 to about 1e-15: the Maclaurin series of erf (Abramowitz & Stegun 7.1.6, all terms positive) below 2.5,
 * the continued fraction (7.1.14) from there on, where it converges quickly.
 */
function erfc(z: number): number {
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * z * z) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
  }
  let fraction = z;
  for (let n = 120; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
}
