import * as complex from "./complex.ts";
import type { Complex } from "./complex.ts";
import { evaluate, evaluateExactly, freeSymbols, Unreadable } from "./evaluate.ts";
import type { MathJson } from "./math-json.ts";
import { roundTo, toNumber, type Rational } from "./rational.ts";
import { contains, probes, realValue, regionOf, sameRegion, type Region } from "./region.ts";
import { normaliseWords, type Group, type Relation, type Scalar, type Value } from "./value.ts";

/** Decimals that count where a number is written with a decimal point. */
const roundedDecimals = 6;

/** Values that unknowns are given, in turn; not near anything that is special to a function. */
const samples = [0.7310585, 1.3247179, -0.6180339, 2.2360679, -1.7320508, 0.2614972, 3.3598856, -2.5029078];
/** So many of the points must have a value on both sides. */
const enoughPoints = 3;

/** Whether a prediction is the gold answer. Not symmetric: an interval may answer an inequality, not the reverse. */
export function isSame(gold: Value, predicted: Value): boolean {
  if (gold.kind === "relation" || predicted.kind === "relation") return sameWithRelation(gold, predicted);
  if (gold.kind === "text" || predicted.kind === "text") return sameText(gold, predicted);
  if (gold.kind === "scalar" && predicted.kind === "scalar") return sameScalar(gold, predicted);
  const one = onlyItem(gold) ?? onlyItem(predicted);
  if (one) return isSame(onlyItem(gold) ?? gold, onlyItem(predicted) ?? predicted);
  if (gold.kind === "matrix" && predicted.kind === "matrix") return sameMatrix(gold.rows, predicted.rows);
  if (gold.kind === "group" && predicted.kind === "group" && sameGroup(gold, predicted)) return true;
  if (gold.kind === "group" && gold.items.some(({ kind }) => kind === "relation")) {
    const region = regionOf(predicted);
    return region !== null && satisfies(gold, region);
  }
  return sameRegions(gold, predicted);
}

/** {4} is 4; {∅} is not ∅. */
function onlyItem(value: Value): Value | undefined {
  if (value.kind !== "group" || value.items.length !== 1 || !isUnordered(value)) return undefined;
  const [item] = value.items;
  return item.kind === "group" && isUnordered(item) ? undefined : item;
}

function sameText(gold: Value, predicted: Value): boolean {
  if (gold.kind !== "text" || predicted.kind !== "text") {
    const [a, b] = [gold, predicted].map((value) => (value.kind === "text" ? value.product : value));
    return a?.kind === "scalar" && b?.kind === "scalar" && sameScalar(a, b);
  }
  if (normaliseWords(gold.text) === normaliseWords(predicted.text)) return true;
  return Boolean(gold.product && predicted.product && sameScalar(gold.product, predicted.product));
}

function sameMatrix(a: readonly (readonly Value[])[], b: readonly (readonly Value[])[]): boolean {
  return (
    a.length === b.length &&
    a.every((row, i) => row.length === b[i].length && row.every((entry, j) => isSame(entry, b[i][j])))
  );
}

function sameGroup(gold: Group, predicted: Group): boolean {
  const inOrder = (a: readonly Value[], b: readonly Value[]) =>
    a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  const [a, b] = [carryNames(flat(gold)), carryNames(flat(predicted))];
  if (isUnordered(gold) && isUnordered(predicted)) return sameSet(withoutRepeats(a), withoutRepeats(b));
  // An ordered pair may be given without its brackets, or as the set that an open interval's ends are written like.
  if (isUnordered(gold) || isUnordered(predicted)) {
    const ordered = isUnordered(gold) ? predicted : gold;
    return /^(?:\(\(|<>)$/.test(ordered.brackets) && inOrder(a, b);
  }
  // Angle brackets, and any about what can be no interval, are those of a tuple.
  const isTuple = ({ brackets, items }: Group) => brackets === "<>" || !mayBeInterval(items);
  const tuples = isTuple(gold) || isTuple(predicted);
  const alike = gold.brackets === predicted.brackets || (tuples && [gold, predicted].every((one) => isTuple(one) || one.brackets === "((")); // prettier-ignore
  return alike && inOrder(a, b);
}

/** Two items of which the first is not known to be the larger. */
function mayBeInterval(items: readonly Value[]): boolean {
  const [from, to] = items.map((item) => (item.kind === "scalar" ? realValue(item) : null));
  return items.length === 2 && (from === null || to === null || from < to);
}

const isUnordered = ({ brackets }: Group) => brackets === "bare" || brackets === "\\{\\{";

/** {1 ± √5, −2} and "x = 1 or 2": what is in a set within a set belongs to the outer one. */
function flat(group: Group): Value[] {
  if (!isUnordered(group)) return group.items;
  return group.items.flatMap((item) => {
    if (item.kind === "group" && isUnordered(item) && item.items.length > 0) return flat(item);
    if (item.kind === "relation" && item.assignment) {
      const last = item.operands[item.operands.length - 1];
      if (last.kind === "group" && isUnordered(last))
        return flat(last).map((value): Value => ({
          ...item,
          operands: [item.operands[0], value],
          signs: ["="],
        }));
    }
    return [item];
  });
}

/** "n = 1, 2, 3": the name goes for all. */
function carryNames(items: readonly Value[]): Value[] {
  const [first] = items;
  if (first?.kind !== "relation" || !first.assignment) return [...items];
  return items.map((item): Value => item.kind === "scalar" || (item.kind === "group" && !isUnordered(item)) ? { ...first, operands: [first.operands[0], item], signs: ["="] } : item); // prettier-ignore
}

function withoutRepeats(items: readonly Value[]): Value[] {
  const kept: Value[] = [];
  for (const item of items) if (!kept.some((other) => isSame(other, item))) kept.push(item);
  return kept;
}

function sameSet(a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((item) => {
    const at = left.findIndex((other) => isSame(item, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function sameRegions(gold: Value, predicted: Value): boolean {
  const [a, b] = [regionOf(gold), regionOf(predicted)];
  if (a && b) return sameRegion(a, b, near);
  // With unknowns in the ends: the same, written in the same order.
  return (
    gold.kind === "region" &&
    predicted.kind === "region" &&
    gold.sign === predicted.sign &&
    isSame(gold.left, predicted.left) &&
    isSame(gold.right, predicted.right)
  );
}

const near = (x: number, y: number) =>
  x === y ||
  Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y)) ||
  Number(x.toFixed(6)) === Number(y.toFixed(6));

function sameWithRelation(gold: Value, predicted: Value): boolean {
  if (gold.kind === "relation" && predicted.kind === "relation") return sameRelation(gold, predicted);
  if (gold.kind === "relation") {
    const value = assignedValue(gold);
    if (value) return isSame(value, predicted);
    const region = regionOf(predicted);
    return isInequality(gold) && region !== null && satisfies(gold, region);
  }
  // An inequality is no answer to a question for a number or an interval.
  const value = predicted.kind === "relation" ? assignedValue(predicted) : undefined;
  return value !== undefined && isSame(gold, value);
}

/** What an assignment assigns: the last of a chain. */
function assignedValue({ assignment, operands }: Relation): Value | undefined {
  return assignment ? operands[operands.length - 1] : undefined;
}

const isInequality = ({ signs }: Relation) => signs.every((sign) => "<>≤≥≠".includes(sign));

function sameRelation(gold: Relation, predicted: Relation): boolean {
  if (isInequality(gold) && isInequality(predicted)) return sameInequality(gold, predicted);
  if (isInequality(gold)) {
    const region = regionOf(predicted);
    return region !== null && satisfies(gold, region);
  }
  if (isInequality(predicted)) return false;
  const [a, b] = [assignedValue(gold), assignedValue(predicted)];
  if (a && b && gold.name === predicted.name && isSame(a, b)) return true;
  const equations = [gold, predicted].map(differenceOf);
  return equations.every((node) => node !== null) && proportion(equations[0], equations[1]) !== null;
}

/** Left side minus right side of an equation. */
function differenceOf({ signs, operands }: Relation): MathJson | null {
  const [first, last] = [operands[0], operands[operands.length - 1]];
  if (!signs.every((sign) => sign === "=")) return null;
  if (first.kind !== "scalar" || last.kind !== "scalar") return null;
  return ["Add", first.node, ["Negate", last.node]];
}

interface Condition {
  /** Above zero, or not below it, or not zero. */
  difference: MathJson;
  sign: ">" | "≥" | "≠";
}

/** An inequality or a chain of them. null: there is a side that is no expression. */
function conditionsOf({ operands, signs }: Relation): Condition[] | null {
  const conditions: Condition[] = [];
  for (const [index, sign] of signs.entries()) {
    const [left, right] = operands.slice(index, index + 2);
    if (left.kind !== "scalar" || right.kind !== "scalar") return null;
    const smaller = sign === "<" || sign === "≤";
    const [big, small] = smaller ? [right.node, left.node] : [left.node, right.node];
    const strict = sign === "<" || sign === ">" ? ">" : "≥";
    conditions.push({ difference: ["Add", big, ["Negate", small]], sign: sign === "≠" ? "≠" : strict });
  }
  return conditions;
}

/** Flipped, negated and scaled inequalities are the same; the parts of a chain may come in any order. */
function sameInequality(gold: Relation, predicted: Relation): boolean {
  const [a, b] = [conditionsOf(gold), conditionsOf(predicted)];
  if (!a || !b || a.length !== b.length) return false;
  const left = [...b];
  return a.every((condition) => {
    const at = left.findIndex((other) => {
      if (condition.sign !== other.sign) return false;
      const factor = proportion(condition.difference, other.difference);
      return factor !== null && (condition.sign === "≠" || factor > 0);
    });
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Whether exactly the numbers of a region satisfy an inequality (several: all of them, or one of alternatives). */
function satisfies(gold: Relation | Group, region: Region): boolean {
  const relations = gold.kind === "relation" ? [gold] : gold.items;
  const bounded = gold.kind === "relation" ? boundsOf(gold) : null;
  if (bounded && sameRegion(bounded, region, near)) return true;
  const conditions: Condition[][] = [];
  for (const relation of relations) {
    const found = relation.kind === "relation" && isInequality(relation) ? conditionsOf(relation) : null;
    if (!found) return false;
    conditions.push(found);
  }
  const every = gold.kind === "relation" || !gold.alternatives;
  const differences = conditions.flat().map(({ difference }) => difference);
  const [unknown, ...others] = symbolsOf(...differences);
  if (unknown === undefined || others.length > 0) return false;
  const holds = ({ difference, sign }: Condition, x: number): boolean => {
    const { re, error } = evaluate(difference, new Map([[unknown, complex.real(x)]]));
    const zero = Math.abs(re) <= 64 * error;
    return sign === ">" ? re > 0 && !zero : sign === "≥" ? re > 0 || zero : !zero;
  };
  try {
    return probes(region).every((x) => {
      const each = conditions.map((all) => all.every((condition) => holds(condition, x)));
      return contains(region, x) === (every ? each.every(Boolean) : each.some(Boolean));
    });
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
}

/** "0 < f(x) < 1": the numbers between which what is asked for lies, whatever it is. */
function boundsOf({ operands, signs }: Relation): Region | null {
  if (operands.length !== 3 || signs.includes("≠")) return null;
  const [left, , right] = operands.map((operand) => (operand.kind === "scalar" ? realValue(operand) : null));
  if (left === null || right === null) return null;
  const rising = signs.every((sign) => sign === "<" || sign === "≤");
  if (!rising && !signs.every((sign) => sign === ">" || sign === "≥")) return null;
  const closed = signs.map((sign) => sign === "≤" || sign === "≥");
  return rising
    ? [{ from: left, to: right, fromClosed: closed[0], toClosed: closed[1] }]
    : [{ from: right, to: left, fromClosed: closed[1], toClosed: closed[0] }];
}

/** The same number, or the same expression of unknowns. Units that differ are not the same; one may go without. */
export function sameScalar(gold: Scalar, predicted: Scalar): boolean {
  if (gold.unit !== "" && predicted.unit !== "" && gold.unit !== predicted.unit) return false;
  const [a, b] = [evaluateExactly(gold.node), evaluateExactly(predicted.node)];
  const rounded = gold.decimal || predicted.decimal;
  if (a && b) return rounded ? sameRounded(a, b) : a.n === b.n && a.d === b.d;
  const symbols = symbolsOf(gold.node, predicted.node);
  if (symbols.length > 0) return sameFunction(gold.node, predicted.node, symbols);
  const [x, y] = [evaluate(gold.node, new Map()), evaluate(predicted.node, new Map())];
  if (!complex.isFinite(x) || !complex.isFinite(y)) return x.re === y.re && !Number.isNaN(x.re); // two infinities
  if (!rounded) return complex.same(x, y);
  const near6 = (p: number, q: number) =>
    Number(p.toFixed(roundedDecimals)) === Number(q.toFixed(roundedDecimals));
  return near6(x.re, y.re) && near6(x.im, y.im);
}

/** To six decimals; numbers that are zero to six decimals, to six digits. */
function sameRounded(a: Rational, b: Rational): boolean {
  const [x, y] = [roundTo(a, roundedDecimals), roundTo(b, roundedDecimals)];
  if (x !== y) return false;
  if (x !== 0n) return true;
  const [p, q] = [toNumber(a), toNumber(b)];
  return Math.abs(p - q) <= 1e-6 * Math.max(Math.abs(p), Math.abs(q));
}

function symbolsOf(...nodes: readonly MathJson[]): string[] {
  const found = new Set<string>();
  for (const node of nodes) freeSymbols(node, found);
  return [...found].sort();
}

function valuesAt(point: number, symbols: readonly string[]): Map<string, Complex> {
  return new Map(
    symbols.map((symbol, index) => [
      symbol,
      complex.real(samples[(point + 3 * index) % samples.length] * (1 + index / 16)),
    ]),
  );
}

function sameFunction(a: MathJson, b: MathJson, symbols: readonly string[]): boolean {
  let agreed = 0;
  for (let point = 0; point < samples.length; point++) {
    const values = valuesAt(point, symbols);
    const [x, y] = [evaluate(a, values), evaluate(b, values)];
    if (!complex.isFinite(x) && !complex.isFinite(y)) continue;
    if (!complex.same(x, y)) return false;
    agreed++;
  }
  return agreed >= enoughPoints;
}

/** The constant that the first function is of the second; null when it is none, or zero. */
function proportion(a: MathJson, b: MathJson): number | null {
  const symbols = symbolsOf(a, b);
  if (symbols.length === 0) return null;
  let factor: Complex | undefined;
  let agreed = 0;
  try {
    for (let point = 0; point < samples.length; point++) {
      const values = valuesAt(point, symbols);
      const ratio = complex.divide(evaluate(a, values), evaluate(b, values));
      if (!complex.isFinite(ratio)) continue;
      factor ??= ratio;
      if (!complex.same(factor, ratio)) return null;
      agreed++;
    }
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
  return factor && agreed >= enoughPoints && complex.isReal(factor) && factor.re !== 0 ? factor.re : null;
}
