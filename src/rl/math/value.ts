import type { MathJson } from "./math-json.ts";

/** What an answer turned out to be. */
export type Value =
  | Scalar
  /** Words; `product`: also the product of its letters. */
  | { kind: "text"; text: string; product?: Scalar }
  | Group
  /** Of intervals and sets. */
  | { kind: "region"; sign: "∪" | "∩" | "∖"; left: Value; right: Value }
  | { kind: "reals" }
  | Relation
  | { kind: "matrix"; rows: Value[][] };

export interface Scalar {
  kind: "scalar";
  node: MathJson;
  /** A number in it is written with a decimal point: compared by rounding. */
  decimal: boolean;
  /** As {@link normaliseUnit} writes it; "" without one. */
  unit: string;
}

export interface Group {
  kind: "group";
  /** "bare": no brackets, commas alone. */
  brackets: "bare" | "\\{\\{" | "((" | "([" | "[(" | "[[" | "<>";
  items: Value[];
  /** Bare items joined by "or". */
  alternatives?: boolean;
}

export interface Relation {
  kind: "relation";
  operands: Value[];
  /** Between the operands: = ≈ < > ≤ ≥ ≠ ∈. */
  signs: string[];
  /** The first operand as it is written, without what is in its brackets: "x", "f", "S_ABC:S". */
  name: string;
  /** The first operand names what the last is the value of: x = 5, f(x) = x², (p, q) = (3, 2). */
  assignment: boolean;
}

const unitSynonyms: Readonly<Record<string, string>> = /* @__PURE__ */ synonymsOf([
  "cm centimeter centimetre",
  "mm millimeter millimetre",
  "km kilometer kilometre",
  "m meter metre",
  "in inch inches",
  "ft foot feet",
  "yd yard",
  "mi mile",
  "g gram gramme",
  "kg kilogram kilogramme",
  "mg milligram",
  "lb pound lbs",
  "s sec second secs",
  "min minute mins",
  "h hr hour hrs",
  "ml milliliter millilitre",
  "l liter litre L",
  "degree deg degrees",
  "dollar dollars usd",
  "cent cents",
  "n newton N",
  "j joule J",
  "w watt W",
  "v volt V",
  "mph miles/h mi/h",
  "kph kmh km/h",
  "unit units",
  "person people",
]);

/** Every name of a unit, and the name that stands for all. */
function synonymsOf(lines: readonly string[]): Record<string, string> {
  const entries = lines
    .map((line) => line.split(" "))
    .flatMap((names) => names.map((name) => [name, names[0]] as const));
  return Object.fromEntries(entries);
}

/** "square centimeters" as "cm^2", "meters per second" as "m/s"; unknown words lower-case and in the singular. */
export function normaliseUnit(text: string): string {
  const words = text
    .replaceAll(/\bper\b|÷/gi, "/")
    .replaceAll(/\b(?:square|sq)\.?\s+(\p{L}+)/giu, "$1^2")
    .replaceAll(/\bcubic\s+(\p{L}+)/giu, "$1^3")
    .replaceAll(/(\p{L})\s+squared\b/giu, "$1^2")
    .replaceAll(/(\p{L})\s+cubed\b/giu, "$1^3")
    .replaceAll(/[{}.,*\s\\]+/g, " ")
    .split(/([\s/^]+|\d+)/);
  const names = words.map((word) => {
    if (!/\p{L}/u.test(word)) return word;
    const lower = word.length > 1 ? word.toLowerCase() : word;
    const singular =
      lower.length > 2 && lower.endsWith("s") && !lower.endsWith("ss") ? lower.slice(0, -1) : lower;
    return unitSynonyms[lower] ?? unitSynonyms[singular] ?? singular;
  });
  return names.join("").replaceAll(/\s*([/^])\s*/g, "$1").replaceAll(/\s+/g, " ").trim(); // prettier-ignore
}

/** Words as they are compared: case, brackets around them, punctuation and white space do not count. */
export function normaliseWords(text: string): string {
  const plain = text.normalize("NFKC").toLowerCase().replaceAll(/[\s\\{}$]+/g, " ").trim(); // prettier-ignore
  const bare = plain.endsWith(".") ? plain.slice(0, -1).trim() : plain;
  return /^\([^()]*\)$/.test(bare) ? bare.slice(1, -1).trim() : bare;
}
