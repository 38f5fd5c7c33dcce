import { undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/** Corners in pixels, or in whatever the gold answer is in: left, top, right, bottom. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** How boxes are compared. */
export interface IouOptions {
  /** From this IoU on the answer is right. */
  threshold?: number;
  /** The score is the IoU itself, 0 below the threshold (give 0 for the plain IoU). */
  graded?: boolean;
}

/** A number that is no part of a name such as bbox_2d or x1. */
const number = /(?<![\p{L}\d_.])[-−]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,2})?/gu;

/**
 * The boxes that a text names, [x1, y1, x2, y2] each: JSON (an array, arrays of arrays, objects with a "bbox_2d", "bbox"
 * or "box", or with x1, y1, x2, y2), `<box>(x1,y1),(x2,y2)</box>`, `<|box_start|>…<|box_end|>`, `[[x1, y1], [x2, y2]]`, or
 * four numbers in any other brackets or none. Width and height in place of the second corner cannot be told from it and
 * are not read.
 */
export function parseBoxes(text: string): Box[] {
  const fenced = /```(?:json)?\s*([^`]*)```/.exec(text)?.[1] ?? text;
  const begin = fenced.search(/[[{]/);
  const end = Math.max(fenced.lastIndexOf("]"), fenced.lastIndexOf("}"));
  if (begin >= 0 && end > begin) {
    try {
      const boxes = boxesIn(JSON.parse(fenced.slice(begin, end + 1)));
      if (boxes.length > 0) return boxes;
    } catch {
      // not JSON: read the numbers
    }
  }
  return boxesOfText(fenced);
}

/** Numbers bracket by bracket: groups of four are boxes, two groups of two after each other one box. */
function boxesOfText(text: string): Box[] {
  const groups = (text.match(/[[(]([^[\]()]*)[\])]/g) ?? [])
    .map(numbersIn)
    .filter(({ length }) => length > 0);
  const flat: number[] = groups.every(({ length }) => length === 2 || length === 4) ? groups.flat() : [];
  const numbers = flat.length > 0 ? flat : numbersIn(text);
  if (numbers.length === 0 || numbers.length % 4 !== 0) return [];
  return Array.from({ length: numbers.length / 4 }, (_, index): Box => {
    const [x1, y1, x2, y2] = numbers.slice(4 * index, 4 * index + 4);
    return [x1, y1, x2, y2];
  });
}

const numbersIn = (text: string) => (text.match(number) ?? []).map((one) => Number(one.replace("−", "-")));

function boxesIn(value: unknown, depth = 0): Box[] {
  if (depth > 4 || typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) {
    const flat: unknown[] = value.every((item) => Array.isArray(item) && item.length === 2) && value.length === 2 ? value.flat() : value; // prettier-ignore
    const box = asBox(flat);
    if (box) return [box];
    return value.flatMap((item) => boxesIn(item, depth + 1));
  }
  const record = value as Record<string, unknown>;
  const corners = ["x1", "y1", "x2", "y2"].map((name) => record[name]);
  const box = asBox(corners);
  if (box) return [box];
  for (const name of ["bbox_2d", "bbox", "box_2d", "box"])
    if (Object.hasOwn(record, name)) return boxesIn(record[name], depth + 1);
  return Object.values(record).flatMap((item) => boxesIn(item, depth + 1));
}

function asBox(values: readonly unknown[]): Box | undefined {
  const numbers = values.filter((value) => typeof value === "number");
  if (values.length !== 4 || numbers.length !== 4) return undefined;
  const [x1, y1, x2, y2] = numbers;
  return [x1, y1, x2, y2];
}

const area = ([x1, y1, x2, y2]: Box) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);

/** Area of what two boxes share, as a share of what they cover together; 0 for a box without an area. */
export function iou(a: Box, b: Box): number {
  const shared = area([
    Math.max(a[0], b[0]),
    Math.max(a[1], b[1]),
    Math.min(a[2], b[2]),
    Math.min(a[3], b[3]),
  ]);
  const together = area(a) + area(b) - shared;
  return together > 0 ? shared / together : 0;
}

/**
 * 1 when the response's box and the gold one have an IoU of at least 0.5. With several boxes: pairs are made from the best
 * IoU down, and their mean over the larger of the two numbers of boxes counts, so that a box too many costs something.
 */
export function verifyIou(
  { response, answer }: VerifierInput,
  { threshold = 0.5, graded = false }: IouOptions = {},
): Verdict {
  const gold = parseBoxes(answer);
  if (gold.length === 0 || gold.some((box) => area(box) === 0))
    return undecided(`the gold answer ${answer.trim() || "(none)"} is no box with an area`);
  const found = parseBoxes(response);
  if (found.length === 0) return wrong(null, "no box in the answer: expected four numbers");
  const value = matched(gold, found) / Math.max(gold.length, found.length);
  const extracted = JSON.stringify(found.length === 1 ? found[0] : found);
  const reached = value >= threshold && value > 0;
  const score = graded ? (reached ? value : 0) : reached ? 1 : 0;
  const boxes = gold.length > 1 || found.length > 1 ? ` over ${found.length} boxes of ${gold.length}` : "";
  return {
    score,
    extracted,
    why: `IoU ${value.toFixed(3)}${boxes}, ${reached ? "at least" : "below"} ${threshold}`,
  };
}

/** Sum of IoUs of pairs, each box in one pair at most. */
function matched(gold: readonly Box[], found: readonly Box[]): number {
  const pairs = gold.flatMap((a, i) => found.map((b, j) => ({ i, j, value: iou(a, b) })));
  pairs.sort((a, b) => b.value - a.value || a.i - b.i || a.j - b.j);
  const taken = { gold: new Set<number>(), found: new Set<number>() };
  let sum = 0;
  for (const { i, j, value } of pairs) {
    if (taken.gold.has(i) || taken.found.has(j)) continue;
    taken.gold.add(i);
    taken.found.add(j);
    sum += value;
  }
  return sum;
}
