import * as complex from "./complex.ts";
import type { Complex } from "./complex.ts";
import { parts, type MathJson } from "./math-json.ts";
import * as exact from "./rational.ts";
import type { Rational } from "./rational.ts";

/** Values of the symbols. */
export type Environment = ReadonlyMap<string, Complex>;

const euler = /* @__PURE__ */ complex.real(Math.E);
const constants: Readonly<Record<string, Complex>> = {
  Pi: /* @__PURE__ */ complex.real(Math.PI),
  e: euler,
  ExponentialE: euler,
  i: complex.imaginaryUnit,
  ImaginaryUnit: complex.imaginaryUnit,
  Half: { re: 0.5, im: 0, error: 0 },
};

/** Deeper expressions are no answers: they count as unreadable. */
const maxDepth = 64;
/** Terms of a sum or product that are added up. */
const maxTerms = 1000;

/** An operator of the expression is not known to this evaluator, or a part of it could not be read. */
export class Unreadable extends Error {}

/** Symbols that have no value of their own. */
export function freeSymbols(node: MathJson, found = new Set<string>()): Set<string> {
  if (typeof node === "string") {
    if (!Object.hasOwn(constants, node) && !isInfinite(node)) found.add(node);
    return found;
  }
  const compound = parts(node);
  if (!compound) return found;
  const { operator, operands } = compound;
  const bound = boundSymbol(operator, operands);
  if (bound === undefined) for (const operand of operands) freeSymbols(operand, found);
  else {
    const inner = freeSymbols(operands[0]);
    inner.delete(bound.name);
    for (const name of inner) found.add(name);
    for (const limit of [bound.from, bound.to]) freeSymbols(limit, found);
  }
  return found;
}

const isInfinite = (symbol: string) => symbol === "PositiveInfinity" || symbol === "NegativeInfinity";

/** The running index of a sum or product, and its limits. */
function boundSymbol(operator: string, operands: readonly MathJson[]) {
  if (operator !== "Sum" && operator !== "Product") return undefined;
  const range = parts(operands[1] ?? 0);
  if (range?.operands.length !== 3 || typeof range.operands[0] !== "string") throw new Unreadable(operator);
  const [name, from, to] = range.operands as [string, MathJson, MathJson];
  return { name, from, to };
}

/** The exact value of what has one: whole numbers, fractions, decimals, and what the four operations make of them. */
export function evaluateExactly(node: MathJson, depth = 0): Rational | null {
  if (depth > maxDepth) throw new Unreadable("too deep");
  if (typeof node === "number") return exact.parseDecimal(String(node));
  if (typeof node === "string") return node === "Half" ? exact.rational(1n, 2n) : null;
  if ("num" in node) return exact.parseDecimal(node.num);
  const compound = parts(node);
  if (!compound) return null;
  const { operator, operands } = compound;
  const values: Rational[] = [];
  for (const operand of operands) {
    const value = evaluateExactly(operand, depth + 1);
    if (!value) return null;
    values.push(value);
  }
  const [a, b] = values;
  const fold = (step: (x: Rational, y: Rational) => Rational | null) =>
    values.slice(1).reduce<Rational | null>((sum, value) => sum && step(sum, value), a);
  switch (values.length > 0 ? operator : "") {
    case "Add":
      return fold(exact.add);
    case "Subtract":
      return fold((x, y) => exact.add(x, exact.negate(y)));
    case "Negate":
      return exact.negate(a);
    case "Multiply":
      return fold(exact.multiply);
    case "InvisibleOperator":
      return isMixedNumber(operands) ? exact.add(a, b) : fold(exact.multiply);
    case "Divide":
    case "Rational":
      return values.length === 2 ? exact.divide(a, b) : null;
    case "Power":
      return values.length === 2 ? exact.power(a, b) : null;
    case "Square":
      return exact.multiply(a, a);
    case "Factorial":
      return exact.factorial(a);
    case "Choose":
    case "Binomial":
      return values.length === 2 ? exact.binomial(a, b) : null;
    case "Abs":
      return a.n < 0n ? exact.negate(a) : a;
    case "Floor":
      return exact.floor(a);
    case "Ceil":
      return exact.negate(exact.floor(exact.negate(a)));
    case "Delimiter":
    case "Sequence":
      return values.length === 1 ? a : null;
    default:
      return null;
  }
}

/** 3½: a whole number right in front of a fraction of whole numbers. */
function isMixedNumber(operands: readonly MathJson[]): boolean {
  const [whole, fraction] = operands;
  const compound = parts(fraction ?? 0);
  return (
    operands.length === 2 &&
    isDigits(whole) &&
    compound?.operator === "Divide" &&
    compound.operands.every(isDigits)
  );
}

const isDigits = (node: MathJson): boolean => typeof node === "number" && Number.isInteger(node) && node >= 0;

/**
 * The value in double precision, not finite where there is none.
 * @throws Unreadable for an operator that is not known here, or an error of the parser.
 */
export function evaluate(node: MathJson, environment: Environment, depth = 0): Complex {
  if (depth > maxDepth) throw new Unreadable("too deep");
  if (typeof node === "number") return complex.real(node);
  if (typeof node === "string") {
    const value = environment.get(node) ?? (Object.hasOwn(constants, node) ? constants[node] : undefined);
    if (isInfinite(node)) return complex.real(node === "PositiveInfinity" ? Infinity : -Infinity);
    if (!value) throw new Unreadable(node);
    return value;
  }
  if ("num" in node) return complex.real(Number(node.num));
  const compound = parts(node);
  if (!compound) throw new Unreadable("an operator that is an expression");
  const { operator, operands } = compound;
  const bound = boundSymbol(operator, operands);
  if (bound) return evaluateSeries(operator, operands[0], bound, environment, depth);
  if (operator === "Apply") return evaluateInverse(operands, environment, depth);
  if (operator === "InvisibleOperator" && parts(operands[0] ?? 0) === null && operands[0] === "Exp")
    return complex.functions.Exp(productOf(operands.slice(1), environment, depth));
  const values = operands.map((operand) => evaluate(operand, environment, depth + 1));
  const [a, b] = values;
  if (values.length === 0) throw new Unreadable(operator);
  switch (operator) {
    case "Add":
      return values.reduce(complex.add);
    case "Subtract":
      return values.slice(1).reduce((sum, value) => complex.add(sum, complex.negate(value)), a);
    case "Negate":
      return complex.negate(a);
    case "Multiply":
      return values.reduce(complex.multiply);
    case "InvisibleOperator":
      return isMixedNumber(operands) ? complex.add(a, b) : values.reduce(complex.multiply);
    case "Square":
      return complex.multiply(a, a);
    case "Degrees":
      return complex.multiply(a, complex.real(Math.PI / 180));
    case "Factorial":
    case "Lb":
    case "Lg":
    case "Delimiter":
    case "Sequence":
    case "Max":
    case "Min":
      return evaluateSpecial(operator, values);
    case "Log":
      return logarithm(a, values.length > 1 ? b : complex.real(10));
  }
  if (values.length === 1 && Object.hasOwn(complex.functions, operator))
    return complex.functions[operator](a);
  if (values.length !== 2) throw new Unreadable(operator);
  switch (operator) {
    case "Divide":
    case "Rational":
      return complex.divide(a, b);
    case "Power":
      return complex.power(a, b, oddRootOf(operands[1]));
    case "Root":
      return complex.power(a, complex.divide(complex.real(1), b), oddRootOf(["Divide", 1, operands[1]]));
    case "Mod":
      return complex.real(a.re - b.re * Math.floor(a.re / b.re));
    case "Complex":
      return complex.add(a, complex.multiply(b, complex.imaginaryUnit));
    default:
      throw new Unreadable(operator);
  }
}

function evaluateSpecial(operator: string, values: readonly Complex[]): Complex {
  const [a] = values;
  if (operator === "Max" || operator === "Min") {
    if (!values.every(complex.isReal)) return complex.nan;
    const best = values.map(({ re }) => re);
    return complex.real(operator === "Max" ? Math.max(...best) : Math.min(...best));
  }
  if (values.length !== 1) throw new Unreadable(operator);
  if (operator === "Lb") return logarithm(a, complex.real(2));
  if (operator === "Lg") return logarithm(a, complex.real(10));
  if (operator !== "Factorial") return a;
  if (a.im !== 0 || !Number.isInteger(a.re) || a.re < 0 || a.re > 170) throw new Unreadable(operator);
  let product = 1;
  for (let factor = 2; factor <= a.re; factor++) product *= factor;
  return complex.real(product);
}

const logarithm = (a: Complex, base: Complex) =>
  complex.divide(complex.functions.Ln(a), complex.functions.Ln(base));

function productOf(nodes: readonly MathJson[], environment: Environment, depth: number): Complex {
  if (nodes.length === 0) throw new Unreadable("Exp");
  return nodes.map((node) => evaluate(node, environment, depth + 1)).reduce(complex.multiply);
}

/** sin⁻¹ x is the arc sine. */
function evaluateInverse(operands: readonly MathJson[], environment: Environment, depth: number): Complex {
  const inverse = parts(operands[0] ?? 0);
  const name = inverse?.operands[0];
  const arc = typeof name === "string" ? `Arc${name.toLowerCase()}` : "";
  if (
    inverse?.operator !== "InverseFunction" ||
    operands.length !== 2 ||
    !Object.hasOwn(complex.functions, arc)
  )
    throw new Unreadable("Apply");
  return complex.functions[arc](evaluate(operands[1], environment, depth + 1));
}

function evaluateSeries(
  operator: string,
  term: MathJson,
  { name, from, to }: { name: string; from: MathJson; to: MathJson },
  environment: Environment,
  depth: number,
): Complex {
  const first = evaluateExactly(from);
  const last = evaluateExactly(to);
  // A sum of sums takes the product of their lengths.
  if (hasSeries(term) || first?.d !== 1n || last?.d !== 1n || last.n - first.n > BigInt(maxTerms))
    throw new Unreadable(operator);
  let result = complex.real(operator === "Sum" ? 0 : 1);
  for (let k = first.n; k <= last.n; k++) {
    const inner = new Map(environment).set(name, complex.real(Number(k)));
    const value = evaluate(term, inner, depth + 1);
    result = operator === "Sum" ? complex.add(result, value) : complex.multiply(result, value);
  }
  return result;
}

function hasSeries(node: MathJson): boolean {
  const compound = parts(node);
  if (!compound) return false;
  return compound.operator === "Sum" || compound.operator === "Product" || compound.operands.some(hasSeries);
}

/** Of an exponent p/q with an odd q above 1. */
function oddRootOf(exponent: MathJson): { numerator: bigint } | undefined {
  const value = evaluateExactly(exponent);
  return value && value.d > 1n && value.d % 2n === 1n ? { numerator: value.n } : undefined;
}
