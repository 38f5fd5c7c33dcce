/** Exact fractions, so that 10^20 + 1 is not 10^20. */
export interface Rational {
  n: bigint;
  /** Above 0, without a common divisor. */
  d: bigint;
}

/** Larger results are not computed: an answer must not take the verifier's memory. */
const maxBits = 16_384;
const maxExponent = 8192n;
const maxFactorial = 500n;

function fits({ n, d }: Rational): boolean {
  // A hexadecimal digit is four bits.
  return n.toString(16).length + d.toString(16).length <= maxBits / 4;
}

/** null for a zero denominator, or when it is too large. */
export function rational(n: bigint, d = 1n): Rational | null {
  if (d === 0n) return null;
  const sign = d < 0n ? -1n : 1n;
  const divisor = gcd(n < 0n ? -n : n, d * sign);
  const reduced = { n: (n * sign) / divisor, d: (d * sign) / divisor };
  return fits(reduced) ? reduced : null;
}

function gcd(a: bigint, b: bigint): bigint {
  while (b > 0n) [a, b] = [b, a % b];
  return a === 0n ? 1n : a;
}

export const add = (a: Rational, b: Rational) => rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const multiply = (a: Rational, b: Rational) => rational(a.n * b.n, a.d * b.d);
export const divide = (a: Rational, b: Rational) => rational(a.n * b.d, a.d * b.n);
export const negate = ({ n, d }: Rational): Rational => ({ n: -n, d });

/** To a whole power. */
export function power(base: Rational, exponent: Rational): Rational | null {
  if (exponent.d !== 1n) return null;
  const times = exponent.n < 0n ? -exponent.n : exponent.n;
  const size = Math.max(base.n.toString(2).length, base.d.toString(2).length);
  if (times > maxExponent || size * Number(times) > maxBits) return null;
  if (base.n === 0n && exponent.n <= 0n) return null;
  const raised = { n: base.n ** times, d: base.d ** times };
  return exponent.n < 0n ? rational(raised.d, raised.n) : raised;
}

export function factorial({ n, d }: Rational): Rational | null {
  if (d !== 1n || n < 0n || n > maxFactorial) return null;
  let product = 1n;
  for (let factor = 2n; factor <= n; factor++) product *= factor;
  return { n: product, d: 1n };
}

export function binomial(n: Rational, k: Rational): Rational | null {
  if (n.d !== 1n || k.d !== 1n || k.n < 0n || n.n < k.n || n.n > maxFactorial) return null;
  let result = 1n;
  for (let i = 1n; i <= k.n; i++) result = (result * (n.n - k.n + i)) / i;
  return { n: result, d: 1n };
}

export function floor({ n, d }: Rational): Rational {
  const quotient = n / d;
  return { n: n < 0n && quotient * d !== n ? quotient - 1n : quotient, d: 1n };
}

/** A decimal as it is written: "-12.50", "3e-7". null when it is none. */
export function parseDecimal(text: string): Rational | null {
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?$/.exec(text.trim());
  if (!match || (match[2] === "" && (match[3] ?? "") === "")) return null;
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  if (whole.length + fraction.length > maxBits / 4) return null;
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  const places = Number(exponent) - fraction.length;
  if (Math.abs(places) > maxBits / 4) return null;
  return places >= 0 ? rational(digits * 10n ** BigInt(places)) : rational(digits, 10n ** BigInt(-places));
}

export function toNumber({ n, d }: Rational): number {
  const direct = Number(n) / Number(d);
  if (Number.isFinite(direct) && direct !== 0) return direct;
  if (n === 0n) return 0;
  // Both beyond what a double holds: divide first, keep 60 bits of fraction.
  const shift = BigInt(Math.max(0, d.toString(2).length - n.toString(2).length + 60));
  return Number((n << shift) / d) / 2 ** Number(shift);
}

/** Rounded to so many decimals, half to even; in units of the last decimal. */
export function roundTo({ n, d }: Rational, decimals: number): bigint {
  const scaled = { n: n * 10n ** BigInt(decimals), d };
  const below = floor(scaled).n;
  const twice = 2n * (scaled.n - below * d);
  if (twice === d) return below % 2n === 0n ? below : below + 1n;
  return twice > d ? below + 1n : below;
}
