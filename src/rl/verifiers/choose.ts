import { optionsOf } from "./multiple-choice.ts";
import { findNumbers } from "./number.ts";
import type { VerifierInput, VerifierKind } from "./verdict.ts";

/** Everything that may verify an answer: the rules by kind, the model judge, and EasyR1's own two rewards. */
export const verifierNames = [
  "multiple-choice",
  "fill-in-blank",
  "number",
  "math",
  "yes-no",
  "iou",
  "set",
  "model-judge",
  "easyr1-r1v",
  "easyr1-math",
] as const satisfies readonly VerifierName[];
/** One of {@link verifierNames}. */
export type VerifierName = VerifierKind | "model-judge" | "easyr1-r1v" | "easyr1-math";

/**
 * What words of a `reward` or `category` column mean. The literal values of WeThink's data are not published: these are
 * keywords, and whatever has none of them is shown as it is.
 */
const keywords: readonly (readonly [VerifierName, RegExp])[] = [
  ["easyr1-r1v", /^easy ?r1 r1v$/],
  ["easyr1-math", /^easy ?r1 math$/],
  ["multiple-choice", /\bmulti(?:ple)? ?choices?\b|\bmcq?s?\b|\bchoices?\b|\bsingle choice\b|\boption(?: match)?\b|\bletter\b/],
  ["iou", /\biou\b|\bb?box(?:es)?\b|\bbounding\b|\bgrounding\b|\bdetection\b|\blocali[sz]ation\b/],
  ["yes-no", /\byes ?(?:or |\/ ?)?no\b|\bbinary\b|\bboolean\b|\btrue ?(?:or |\/ ?)?false\b|\bjudge?ment question\b/],
  ["model-judge", /\bjudge\b|\bmodel\b|\bllm\b|\bdes(?:c\w*)?\b|\bopen ?(?:end\w*)?\b|\bfree ?form\b|\bgenerative\b|\bcaption\w*\b|\brubric\b/],
  ["set", /\bsets?\b|\blists?\b|\bmulti ?label\b|\bf1\b/],
  ["math", /\bmath\w*\b|\blatex\b|\bexpressions?\b|\bequations?\b|\bsymbolic\b/],
  ["number", /\bnum(?:ber|eric|erical)?s?\b|\bdigits?\b|\bcount(?:ing)?\b|\bintegers?\b|\bfloats?\b/],
  ["fill-in-blank", /\bfill\w*\b|\bfib\b|\bblanks?\b|\bcloze\b|\bexact(?: ?match)?\b|\bstring\b|\bshort answer\b|\brule\b/],
]; // prettier-ignore

/** Which verifier was chosen for a record, and why. */
export interface VerifierChoice {
  verifier: VerifierName;
  /** Which column decided, or what the answer looks like; values that were not understood are named. */
  why: string;
  /** Values of the columns in which no keyword was found, as they are. */
  unknown: string[];
}

/** What a word or phrase names, whatever its case and with hyphens, underscores or spaces; undefined: nothing known. */
export function verifierNamed(value: string): VerifierName | undefined {
  const words = value
    .normalize("NFKC")
    .replaceAll(/([a-z\d])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .replaceAll(/[-_\s]+/g, " ")
    .trim();
  const exact = verifierNames.find((name) => name.replaceAll("-", " ") === words);
  return exact ?? keywords.find(([, pattern]) => pattern.test(words))?.[0];
}

/**
 * Chooses by the record: its `reward` where it names a verifier, else its `category`, else the form of the gold answer:
 * a letter of the options (or their text) is a choice, "yes" and "no" themselves, four numbers in brackets a box, a
 * number a number, signs of mathematics mathematics, up to five words a blank to fill, more a description. Values
 * that name nothing known are kept and shown, never taken for something.
 */
export function chooseVerifier(
  record: Partial<VerifierInput> & { reward?: string; category?: string },
): VerifierChoice {
  const unknown: string[] = [];
  for (const column of ["reward", "category"] as const) {
    const value: unknown = record[column];
    if (typeof value !== "string" || value.trim() === "") continue;
    const verifier = verifierNamed(value);
    if (verifier) return { verifier, why: `by ${column} “${value}”${shown(unknown)}`, unknown };
    unknown.push(`${column} “${value}”`);
  }
  const { verifier, form } = byForm(record);
  return { verifier, why: `the answer looks like ${form}${shown(unknown)}`, unknown };
}

const shown = (unknown: readonly string[]) =>
  unknown.length > 0 ? ` (unknown ${unknown.join(" and ")})` : "";

function byForm(record: Partial<VerifierInput>): { verifier: VerifierName; form: string } {
  const answer = typeof record.answer === "string" ? record.answer.trim() : "";
  const options = optionsOf(record);
  const lower = answer.toLowerCase();
  if (Object.keys(options).length > 0) {
    const letter = /^\(?([A-Za-z])\)?[.:)]?(?:\s|$)/.exec(answer)?.[1].toUpperCase();
    const text = Object.values(options).some((option) => option.trim().toLowerCase() === lower);
    if (text || (letter !== undefined && Object.hasOwn(options, letter)))
      return { verifier: "multiple-choice", form: "one of the options" };
  }
  if (/^(?:yes|no)[.!]?$/.test(lower)) return { verifier: "yes-no", form: "yes or no" };
  if (/^\(?[A-H]\)?\.?$/.test(answer)) return { verifier: "multiple-choice", form: "an option's letter" };
  if (/bbox|<box>|box_start/.test(lower) || /^\[\s*-?[\d.]+(?:\s*,\s*-?[\d.]+){3}\s*\]$/.test(answer))
    return { verifier: "iou", form: "a box" };
  const [number, ...others] = findNumbers(answer);
  if (number && others.length === 0 && /^[-+−]?[$€£¥]?[\d.,]+(?:\s?[%\p{L}°]{1,12})?$/u.test(answer))
    return { verifier: "number", form: "a number" };
  if (/\\[a-zA-Z]+|\$.+\$|[=^]|\d\s*[+*/]\s*\d/.test(answer))
    return { verifier: "math", form: "mathematics" };
  const words = answer.split(/\s+/).length;
  return words <= 5 ? { verifier: "fill-in-blank", form: "a few words" } : { verifier: "model-judge", form: "a description" }; // prettier-ignore
}
