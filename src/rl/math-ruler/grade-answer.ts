import { Unreadable } from "../math/evaluate.ts";
import { sameScalar } from "../math/compare.ts";
import { latexToText } from "./latex-to-text.ts";
import { parsePythonExpression } from "./python-expression.ts";

/** Longer answers are compared as texts alone. */
const maxCharacters = 2000;

/**
 * Whether MathRuler (14dadeb), which EasyR1's rewards ask, would call an answer right: equal after the normalisation of
 * the MATH data set, or after PRM800K's, or of equal elements of which SymPy makes the difference 0. Its habits are kept:
 * percent signs and units are dropped, fractions must be reduced, a whole number must be written as one, expressions of
 * more than two letters or with exponents of several digits are not computed.
 */
export function gradeAnswer(given: string, gold: string): boolean {
  if (mathNormalised(gold) === mathNormalised(given)) return true;
  const a = normalised(gold);
  const b = normalised(given);
  if (a === b) return true;
  if (b === "" || a.length > maxCharacters || b.length > maxCharacters) return false;
  const goldElements = elementsOf(a);
  const elements = elementsOf(b);
  const brackets = (text: string) => text[0] + text[text.length - 1];
  if (goldElements.length > 1 && brackets(a) !== brackets(b)) return false;
  if (goldElements.length !== elements.length) return false;
  return goldElements.every((element, index) => sameElement(element, elements[index]));
}

/** The body of the last `\boxed{…}`, trimmed; the word "None" without one or when it does not close. */
export function lastBoxed(text: string): string {
  const begin = text.lastIndexOf("\\boxed{");
  if (begin < 0) return "None";
  let depth = 0;
  for (let index = begin + "\\boxed{".length; index < text.length; index++) {
    if (text[index] === "{") depth++;
    else if (text[index] === "}" && --depth < 0) return text.slice(begin + "\\boxed{".length, index).trim();
  }
  return "None";
}

/** The body of a text that is one `\text{…}`. */
function unwrapText(text: string): string | undefined {
  return /^\\text\{(.+?)\}$/.exec(text)?.[1];
}

/** The normalisation of the MATH data set; a text that it trips over stays as it is. */
function mathNormalised(answer: string): string {
  const trimmed = answer.trim();
  const text = unwrapText(trimmed)?.trim() ?? trimmed;
  return stripped(text) ?? text;
}

function stripped(given: string): string | null {
  let text = given
    .replaceAll("\n", "")
    .replaceAll("\\!", "")
    .replaceAll("\\\\", "\\")
    .replaceAll(/[td]frac/g, "frac")
    .replaceAll(/\\left|\\right/g, "")
    .replaceAll(/\^\{\\circ\}|\^\\circ/g, "")
    .replaceAll("\\$", "");
  const [amount, ...units] = text.split("\\text{ ");
  if (units.length > 1) return null;
  text = amount.replaceAll(/\\%|%/g, "").replaceAll(" .", " 0.").replaceAll("{.", "{0.");
  if (text === "") return text;
  if (text.startsWith(".")) text = `0${text}`;
  const sides = text.split("=");
  if (sides.length === 2 && sides[0].length <= 2) text = sides[1];
  const rooted = withBracedArguments(text, "\\sqrt", 1);
  if (rooted === null) return null;
  const fractions = withBracedArguments(rooted.replaceAll(" ", ""), "\\frac", 2);
  if (fractions === null) return null;
  text = fractions === "0.5" ? "\\frac{1}{2}" : fractions;
  const slash = /^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/.exec(text);
  return slash ? `\\frac{${slash[1]}}{${slash[2]}}` : text;
}

/** \sqrt3 as \sqrt{3}, \frac12 as \frac{1}{2}; null when a command stands at the end. */
function withBracedArguments(text: string, command: string, count: 1 | 2): string | null {
  const [first, ...rest] = text.split(command);
  let result = first;
  for (const piece of rest) {
    if (piece === "") return null;
    result += command;
    if (piece.startsWith("{")) result += piece;
    else if (count === 1) result += `{${piece[0]}}${piece.slice(1)}`;
    else if (piece.length < 2) return text;
    else
      result +=
        piece[1] === "{" ? `{${piece[0]}}${piece.slice(1)}` : `{${piece[0]}}{${piece[1]}}${piece.slice(2)}`;
  }
  return result;
}

const units = "degree cm centimeter meter mile second minute hour day week month year foot feet inch yard";

/** PRM800K's normalisation. */
function normalised(given: string): string {
  let text = unwrapText(given) ?? given;
  text = text
    .replaceAll(/\\?[$%]/g, "")
    .replaceAll(" or ", " , ")
    .replaceAll(" and ", " , ")
    .replaceAll("million", "*10^6")
    .replaceAll("billion", "*10^9")
    .replaceAll("trillion", "*10^12");
  for (const unit of units.split(" "))
    text = text.replaceAll(new RegExp(`${unit}(?:es)?s? *(?:\\^[0-9]+)?`, "g"), "");
  text = text.replaceAll(/\^ *\\circ/g, "");
  if (text.startsWith("{") && text.endsWith("}")) text = text.slice(1, -1);
  text = text.replaceAll(/,\\! */g, "");
  text = wholeNumber(text) ?? text;
  if (text.includes("\\")) text = latexAsText(text);
  text = text
    .replaceAll(/- */g, "-")
    .replaceAll(/([0-9]) +([0-9])/g, "$1+$2")
    .replaceAll(/[ {}]/g, "")
    .toLowerCase();
  const whole = wholeNumber(withoutThousands(text));
  return whole ?? text;
}

function latexAsText(text: string): string {
  const fractions = text.replaceAll(/\\[td]frac/g, "\\frac").replaceAll("\\frac", " \\frac");
  try {
    return latexToText(fractions)
      .replaceAll("√", "sqrt")
      .replaceAll("π", "pi")
      .replaceAll("∞", "inf")
      .replaceAll("∪", "U")
      .replaceAll(/[·×]/g, "*")
      .trim();
  } catch {
    return fractions; // too deep
  }
}

/** A number without a fraction, in digits alone: "4.0" and "4e0" are "4". */
function wholeNumber(text: string): string | null {
  if (!/^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d{1,3})?\s*$/i.test(text)) return null;
  const value = Number(text);
  const rounded = Math.round(value);
  return Number.isFinite(value) && Math.abs(value - rounded) <= 1e-7 ? BigInt(rounded).toString() : null;
}

/** Commas between a digit and exactly three digits. */
function withoutThousands(text: string): string {
  let current = text;
  for (;;) {
    const next = current.replaceAll(/(\d),(\d\d\d)(?!\d)/g, "$1$2");
    if (next === current) return current;
    current = next;
  }
}

const isWhole = (text: string) => wholeNumber(withoutThousands(text)) !== null;

/** The elements of a pair or list in one pair of round or square brackets; else the text itself. */
function elementsOf(given: string): string[] {
  const text = withoutThousands(given);
  const inner = text.slice(1, -1);
  const bracketed = text.length > 2 && /^[()[\]].*[()[\]]$/s.test(text) && !/[()[\]]/.test(inner);
  return bracketed ? inner.split(",").map((element) => element.trim()) : [text];
}

function sameElement(gold: string, given: string): boolean {
  const fraction = /^-?[0-9]+.?\/0*[1-9][0-9]*.?$/;
  if (fraction.test(gold) && fraction.test(given)) return gold === given;
  if (isWhole(gold) !== isWhole(given)) return false;
  return differenceIsZero(gold, given);
}

function differenceIsZero(gold: string, given: string): boolean {
  const difference = `(${gold})-(${given})`;
  const letters = new Set(difference.replaceAll(/sqrt|frac/g, "").match(/\p{L}/gu) ?? []);
  if (letters.size > 2 || /\^\{|\^\(|\^[0-9]+\^|\^[0-9][0-9]+/.test(difference)) return false;
  try {
    const [a, b] = [gold, given].map(parsePythonExpression);
    // Decimals as they are written: no rounding.
    const scalar = (node: typeof a) => ({ kind: "scalar", node, decimal: false, unit: "" }) as const;
    return sameScalar(scalar(a), scalar(b));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Unreadable) return false;
    throw error;
  }
}
