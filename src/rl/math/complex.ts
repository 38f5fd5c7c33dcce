/** Complex numbers in double precision, each with a bound of its error, so that "is it zero" has an answer. */
export interface Complex {
  re: number;
  im: number;
  /** Bound of the absolute error, to first order. */
  error: number;
}

const epsilon = 2 ** -52;

/** A result, with the error it inherits and that of its own rounding. */
function made(re: number, im: number, inherited: number): Complex {
  return { re, im, error: inherited + epsilon * Math.hypot(re, im) };
}

export const real = (re: number): Complex => made(re, 0, 0);
export const nan: Complex = { re: NaN, im: NaN, error: NaN };
export const imaginaryUnit: Complex = { re: 0, im: 1, error: 0 };
export const size = ({ re, im }: Complex) => Math.hypot(re, im);
export const isFinite = ({ re, im }: Complex) => Number.isFinite(re) && Number.isFinite(im);
/** Real but for rounding. */
export const isReal = ({ im, error }: Complex) => Math.abs(im) <= 64 * error;

export const add = (a: Complex, b: Complex) => made(a.re + b.re, a.im + b.im, a.error + b.error);
export const negate = ({ re, im, error }: Complex): Complex => ({ re: -re, im: -im, error });

export function multiply(a: Complex, b: Complex): Complex {
  const error = size(a) * b.error + size(b) * a.error;
  return made(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, error);
}

export function divide(a: Complex, b: Complex): Complex {
  const square = b.re ** 2 + b.im ** 2;
  const re = (a.re * b.re + a.im * b.im) / square;
  const im = (a.im * b.re - a.re * b.im) / square;
  return made(re, im, (a.error + Math.hypot(re, im) * b.error) / Math.sqrt(square));
}

/** A function of one argument; its error is what becomes of the argument's. */
export function lift(f: (re: number, im: number) => [re: number, im: number]): (z: Complex) => Complex {
  return ({ re, im, error }) => {
    const [x, y] = f(re, im);
    const [x2, y2] = f(re + error, im);
    const moved = Math.hypot(x2 - x, y2 - y);
    return made(x, y, 2 * (Number.isFinite(moved) ? moved : 0));
  };
}

type Pair = [re: number, im: number];
const plus = ([a, b]: Pair, [c, d]: Pair): Pair => [a + c, b + d];
const times = ([a, b]: Pair, [c, d]: Pair): Pair => [a * c - b * d, a * d + b * c];
const over = ([a, b]: Pair, [c, d]: Pair): Pair => {
  const square = c * c + d * d;
  return [(a * c + b * d) / square, (b * c - a * d) / square];
};
const half = ([a, b]: Pair): Pair => [a / 2, b / 2];
const turned = ([a, b]: Pair): Pair => [-b, a]; // times i
const turnedBack = ([a, b]: Pair): Pair => [b, -a]; // divided by i

const expOf = (re: number, im: number): Pair =>
  im === 0 ? [Math.exp(re), 0] : [Math.exp(re) * Math.cos(im), Math.exp(re) * Math.sin(im)];
const lnOf = (re: number, im: number): Pair => [Math.log(Math.hypot(re, im)), Math.atan2(im, re)];
function sqrtOf(re: number, im: number): Pair {
  if (im === 0) return re >= 0 ? [Math.sqrt(re), 0] : [0, Math.sqrt(-re)];
  const modulus = Math.hypot(re, im);
  const root = Math.sqrt((modulus + Math.abs(re)) / 2);
  const other = Math.abs(im) / (2 * root);
  const [x, y] = re >= 0 ? [root, other] : [other, root];
  return [x, im < 0 ? -y : y];
}
const sinOf = (re: number, im: number): Pair => [Math.sin(re) * Math.cosh(im), Math.cos(re) * Math.sinh(im)];
const cosOf = (re: number, im: number): Pair => [Math.cos(re) * Math.cosh(im), -Math.sin(re) * Math.sinh(im)];
const sinhOf = (re: number, im: number): Pair => turnedBack(sinOf(-im, re));
const coshOf = (re: number, im: number): Pair => cosOf(-im, re);

/** −i·ln(iz + √(1 − z²)), which is real on the real axis between −1 and 1. */
function asinOf(re: number, im: number): Pair {
  if (im === 0 && Math.abs(re) <= 1) return [Math.asin(re), 0];
  const z: Pair = [re, im];
  const root = sqrtOf(...plus([1, 0], times([-1, 0], times(z, z))));
  return turnedBack(lnOf(...plus(turned(z), root)));
}
function acosOf(re: number, im: number): Pair {
  if (im === 0 && Math.abs(re) <= 1) return [Math.acos(re), 0];
  const [x, y] = asinOf(re, im);
  return [Math.PI / 2 - x, -y];
}
/** (i/2)·(ln(1 − iz) − ln(1 + iz)) */
function atanOf(re: number, im: number): Pair {
  if (im === 0) return [Math.atan(re), 0];
  const [x, y] = turned([re, im]);
  const [a, b] = [lnOf(1 - x, -y), lnOf(1 + x, y)];
  return half(turned([a[0] - b[0], a[1] - b[1]]));
}
const reciprocal = (f: (re: number, im: number) => Pair) => (re: number, im: number) =>
  over([1, 0], f(re, im));
const ofReciprocal = (f: (re: number, im: number) => Pair) => (re: number, im: number) =>
  f(...over([1, 0], [re, im]));
/** A function of real numbers alone. */
const realOnly = (f: (x: number) => number) => (re: number, im: number): Pair => im === 0 ? [f(re), 0] : [NaN, NaN]; // prettier-ignore

/** Functions of one argument, by their MathJSON names. */
export const functions: Readonly<Record<string, (z: Complex) => Complex>> = /* @__PURE__ */ lifted({
  Exp: expOf,
  Ln: lnOf,
  Sqrt: sqrtOf,
  Sin: sinOf,
  Cos: cosOf,
  Tan: (re: number, im: number) => over(sinOf(re, im), cosOf(re, im)),
  Cot: (re: number, im: number) => over(cosOf(re, im), sinOf(re, im)),
  Sec: /* @__PURE__ */ reciprocal(cosOf),
  Csc: /* @__PURE__ */ reciprocal(sinOf),
  Sinh: sinhOf,
  Cosh: coshOf,
  Tanh: (re: number, im: number) => over(sinhOf(re, im), coshOf(re, im)),
  Coth: (re: number, im: number) => over(coshOf(re, im), sinhOf(re, im)),
  Sech: /* @__PURE__ */ reciprocal(coshOf),
  Csch: /* @__PURE__ */ reciprocal(sinhOf),
  Arcsin: asinOf,
  Arccos: acosOf,
  Arctan: atanOf,
  Arccot: /* @__PURE__ */ ofReciprocal(atanOf),
  Arcsec: /* @__PURE__ */ ofReciprocal(acosOf),
  Arccsc: /* @__PURE__ */ ofReciprocal(asinOf),
  Arsinh: /* @__PURE__ */ realOnly(Math.asinh),
  Arcosh: /* @__PURE__ */ realOnly(Math.acosh),
  Artanh: /* @__PURE__ */ realOnly(Math.atanh),
  Floor: /* @__PURE__ */ realOnly(Math.floor),
  Ceil: /* @__PURE__ */ realOnly(Math.ceil),
  Round: /* @__PURE__ */ realOnly(Math.round),
  Abs: (re: number, im: number): Pair => [Math.hypot(re, im), 0],
  Sign: /* @__PURE__ */ realOnly(Math.sign),
  Conjugate: (re: number, im: number): Pair => [re, -im],
  Real: (re: number): Pair => [re, 0],
  Imaginary: (_re: number, im: number): Pair => [im, 0],
});

function lifted(
  table: Readonly<Record<string, (re: number, im: number) => Pair>>,
): Record<string, (z: Complex) => Complex> {
  return Object.fromEntries(Object.entries(table).map(([name, f]) => [name, lift(f)]));
}

/**
 * A power. The odd root of a negative real number is the real one, as in school: (−8)^(1/3) = −2.
 * @param oddRoot the exponent is p/q with an odd q above 1, and this p.
 */
export function power(base: Complex, exponent: Complex, oddRoot?: { numerator: bigint }): Complex {
  if (size(base) === 0) return exponent.re > 0 ? real(0) : nan;
  if (oddRoot && base.im === 0 && base.re < 0) {
    const positive = power(negate(base), exponent);
    return oddRoot.numerator % 2n === 0n ? positive : negate(positive);
  }
  if (base.im === 0 && exponent.im === 0 && (base.re > 0 || Number.isInteger(exponent.re))) {
    const value = Math.pow(base.re, exponent.re);
    const relative =
      Math.abs(exponent.re) * (base.error / Math.abs(base.re)) +
      Math.abs(Math.log(Math.abs(base.re))) * exponent.error;
    return made(value, 0, Math.abs(value) * relative);
  }
  if (exponent.im === 0 && Number.isInteger(exponent.re) && Math.abs(exponent.re) <= 64) {
    let result = real(1);
    for (let i = 0; i < Math.abs(exponent.re); i++) result = multiply(result, base);
    return exponent.re < 0 ? divide(real(1), result) : result;
  }
  return functions.Exp(multiply(exponent, functions.Ln(base)));
}

/**
 * Whether two results are the same number, as far as their errors let one tell. Errors beyond a millionth tell nothing: a
 * pole or a difference of huge numbers must not equal whatever it is held against.
 */
export function same(a: Complex, b: Complex): boolean {
  if (!isFinite(a) || !isFinite(b)) return false;
  const bound = 1e-6 * Math.max(1, size(a), size(b));
  return Math.hypot(a.re - b.re, a.im - b.im) <= Math.min(64 * (a.error + b.error), bound);
}
