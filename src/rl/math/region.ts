import * as complex from "./complex.ts";
import { evaluate, Unreadable } from "./evaluate.ts";
import type { Scalar, Value } from "./value.ts";

/** Of real numbers: intervals in order, none touching the next. */
export type Region = readonly Interval[];

export interface Interval {
  from: number;
  to: number;
  /** Whether the ends belong to it. */
  fromClosed: boolean;
  toClosed: boolean;
}

const everything: Interval = { from: -Infinity, to: Infinity, fromClosed: false, toClosed: false };

/** The set of real numbers that intervals, sets and what joins them stand for. null: it is none, or has unknowns. */
export function regionOf(value: Value): Region | null {
  switch (value.kind) {
    case "reals":
      return [everything];
    case "region": {
      const left = regionOf(value.left);
      const right = regionOf(value.right);
      if (!left || !right) return null;
      if (value.sign === "∪") return union([...left, ...right]);
      return intersection(left, value.sign === "∩" ? right : complement(right));
    }
    case "relation":
      return value.signs.length === 1 && value.signs[0] === "∈" ? regionOf(value.operands[1]) : null;
    case "group": {
      const ends = value.items.map((item) => (item.kind === "scalar" ? realValue(item) : null));
      if (!ends.every((end) => end !== null)) return null;
      if (value.brackets === "\\{\\{") return union(ends.map(point));
      if (value.brackets === "bare" || value.brackets === "<>" || ends.length !== 2) return null;
      const [from, to] = ends;
      const closed = (index: number, end: number) =>
        value.brackets[index] === "[" && Math.abs(end) !== Infinity;
      return from <= to ? union([{ from, to, fromClosed: closed(0, from), toClosed: closed(1, to) }]) : null;
    }
    default:
      return null;
  }
}

const point = (at: number): Interval => ({ from: at, to: at, fromClosed: true, toClosed: true });

/** A number without unknowns, infinite ones included. */
export function realValue({ node }: Scalar): number | null {
  try {
    const value = evaluate(node, new Map());
    return Number.isNaN(value.re) || (Number.isFinite(value.re) && !complex.isReal(value)) ? null : value.re;
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

function union(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals
    .filter(({ from, to, fromClosed, toClosed }) => from < to || (from === to && fromClosed && toClosed))
    .sort((a, b) => a.from - b.from || Number(b.fromClosed) - Number(a.fromClosed));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    const touches =
      last && (next.from < last.to || (next.from === last.to && (next.fromClosed || last.toClosed)));
    if (!last || !touches) merged.push({ ...next });
    else if (next.to > last.to || (next.to === last.to && next.toClosed)) {
      last.to = next.to;
      last.toClosed = next.toClosed;
    }
  }
  return merged;
}

function complement(region: Region): Interval[] {
  const gaps: Interval[] = [];
  let from = -Infinity;
  let fromClosed = false;
  for (const interval of region) {
    gaps.push({ from, to: interval.from, fromClosed, toClosed: !interval.fromClosed });
    from = interval.to;
    fromClosed = !interval.toClosed;
  }
  gaps.push({ from, to: Infinity, fromClosed, toClosed: false });
  return union(gaps.map((gap) => ({ ...gap, toClosed: gap.toClosed && gap.to !== Infinity, fromClosed: gap.fromClosed && gap.from !== -Infinity }))); // prettier-ignore
}

function intersection(a: Region, b: Region): Interval[] {
  const pieces = a.flatMap((x) =>
    b.map((y): Interval => {
      const from = Math.max(x.from, y.from);
      const to = Math.min(x.to, y.to);
      return { from, to, fromClosed: contains([x], from) && contains([y], from), toClosed: contains([x], to) && contains([y], to) }; // prettier-ignore
    }),
  );
  return union(pieces);
}

export function contains(region: Region, x: number): boolean {
  return region.some(
    ({ from, to, fromClosed, toClosed }) =>
      (x > from || (x === from && fromClosed)) && (x < to || (x === to && toClosed)),
  );
}

/** @param near whether two ends are the same number. */
export function sameRegion(a: Region, b: Region, near: (x: number, y: number) => boolean): boolean {
  return (
    a.length === b.length &&
    a.every(
      (x, index) =>
        x.fromClosed === b[index].fromClosed &&
        x.toClosed === b[index].toClosed &&
        near(x.from, b[index].from) &&
        near(x.to, b[index].to),
    )
  );
}

/**
 * Numbers at which two conditions on the reals would differ if they were not the same: the region's ends, and numbers at
 * distances from a millionth to a million around each end.
 */
export function probes(region: Region): number[] {
  const ends = region.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite);
  const centres = ends.length > 0 ? ends : [0];
  const around = Array.from({ length: 41 }, (_, index) => 2 ** (index - 20));
  return centres.flatMap((end) => [end, ...around.flatMap((distance) => [end - distance, end + distance])]);
}
