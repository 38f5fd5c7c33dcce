import { parseDecimal } from "../math/rational.ts";
import { normaliseText } from "./fill-in-blank.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/** How two lists are compared. */
export interface SetOptions {
  /** exact: 1 for the same elements, else 0. f1: the harmonic mean of precision and recall. */
  score?: "exact" | "f1";
}

/**
 * The elements of a list: of a JSON array, of lines with or without bullets, or parted by commas, semicolons and "and".
 * Each is normalised as text, a number by its value; what comes twice counts once.
 */
export function parseSet(text: string): string[] {
  const unboxed = text.replace(/^[^{]*\\boxed\{(.*)\}[^}]*$/s, "$1").trim();
  const list = jsonList(unboxed) ?? plainList(unboxed);
  return [...new Set(list.map(element).filter((one) => one !== ""))];
}

function jsonList(text: string): string[] | null {
  const open = text.replace(/^```(?:json)?\s*/, "");
  const body = open.endsWith("```") ? open.slice(0, -3).trimEnd() : open;
  if (!body.startsWith("[")) return null;
  try {
    const value: unknown = JSON.parse(body);
    const plain = (item: unknown) => (typeof item === "string" ? item : JSON.stringify(item));
    return Array.isArray(value) ? value.map(plain) : null;
  } catch {
    return null; // "[red, blue]" is a list all the same
  }
}

function plainList(text: string): string[] {
  const bare = withoutEnd(text.replace(/^\s*(?:\\left)?(?:\\?\{|\[|\()/, ""));
  const lines = bare.split("\n").filter((line) => line.trim() !== "");
  const items =
    lines.length > 1 ? lines.map((line) => line.replace(/^\s*(?:[-*•]|\d{1,3}[.)])\s+/, "")) : [bare];
  // "1,234" is one number where a list goes on without white space behind the comma only in thousands.
  // One space for each run of them first: patterns that may begin anywhere in a run take quadratic time.
  return items.flatMap((line) =>
    line.replaceAll(/\s+/g, " ").split(/,(?!\d{3}(?!\d))|, |;| (?:and|or|&) | ?\\text\{ ?(?:and|or) ?\} ?/),
  );
}

/** Without the closing bracket of the list, and a full stop behind it. */
function withoutEnd(text: string): string {
  const trimmed = text.trimEnd();
  const bare = trimmed.endsWith(".") ? trimmed.slice(0, -1).trimEnd() : trimmed;
  const [bracket] = /(?:\\right)?(?:\\?\}|\]|\))$/.exec(bare.slice(-10)) ?? [];
  return bracket === undefined ? text : bare.slice(0, -bracket.length);
}

function element(text: string): string {
  const bare = text.trim().replace(/^(?:and|or)\s+/, "");
  const number = parseDecimal(bare.replaceAll(",", "").replace("−", "-"));
  return number ? `${number.n}/${number.d}` : normaliseText(bare);
}

/** 1 when the response lists the gold answer's elements, in any order; part of it with `score: "f1"`. */
export function verifySet(
  { response, answer }: VerifierInput,
  { score = "exact" }: SetOptions = {},
): Verdict {
  const gold = new Set(parseSet(answer));
  if (gold.size === 0) return undecided("the gold answer has no elements");
  const found = parseSet(response);
  if (found.length === 0) return wrong(null, "the answer has no elements");
  const hits = found.filter((one) => gold.has(one)).length;
  const extracted = response.trim();
  if (hits === gold.size && hits === found.length)
    return right(extracted, `all ${hits} elements, and no other`);
  const why = `${hits} of ${gold.size} elements, ${found.length - hits} others`;
  if (score === "exact") return wrong(extracted, why);
  return { score: (2 * hits) / (found.length + gold.size), extracted, why };
}
