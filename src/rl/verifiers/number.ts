import { divide, parseDecimal, toNumber } from "../math/rational.ts";
import { normaliseUnit } from "../math/value.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/** A number as it is found in a text. */
export interface ParsedNumber {
  /** A percentage divided by 100. */
  value: number;
  percent: boolean;
  /** "" without one. "$5" has none: a currency's sign is dropped, its name is not. */
  unit: string;
  /** As it stands in the text. */
  text: string;
}

/** How far a number may be from the gold one. */
export interface NumberOptions {
  /** Allowed difference as a share of the gold answer. */
  relative?: number;
  /** Allowed difference. The larger of the two counts. */
  absolute?: number;
}

/** One number: sign, thousands, decimals, a power of ten, a fraction; and what may stand behind it. */
const pattern =
  /(?<![\p{L}\d_.,])([-+]?)\s?[$€£¥]?\s?(\d{1,3}(?:[, ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:e([-+]?\d{1,3})(?![\p{L}\d]))?(?:\s*\/\s*(\d+(?:\.\d+)?)|\s(\d{1,6})\/(\d{1,6}))?(?:\s?(%|percent\b|pct\b)|\s?((?:square |cubic |sq )?[\p{L}°][\p{L}°^\d/]{0,24}))?/giu;

/** Words behind a number that are a part of it. */
const scales: Readonly<Record<string, number>> = {
  thousand: 1e3,
  million: 1e6,
  billion: 1e9,
  trillion: 1e12,
};

/** Words behind a number that are no unit. */
const noUnit =
  /^(?:and|or|is|are|was|in|on|of|to|so|because|the|a|an|at|which|that|as|x|per|for|from|by|with|plus|minus|times)$/i;

/** Every number in a text, in order. Takes linear time. */
export function findNumbers(text: string): ParsedNumber[] {
  return Array.from(plain(text).matchAll(pattern), (match) => {
    const [all, sign, digits, exponent, below, numerator, denominator, percent, word] = match;
    const mantissa = parseDecimal(
      digits.replaceAll(/[, ]/g, "") + (exponent === undefined ? "" : `e${exponent}`),
    );
    let value = mantissa ? toNumber(mantissa) : NaN;
    const divisor = below === undefined ? null : parseDecimal(below);
    const share = divisor && mantissa ? divide(mantissa, divisor) : null;
    if (below !== undefined) value = share ? toNumber(share) : NaN;
    if (numerator !== undefined) value += Number(numerator) / Number(denominator);
    if (sign === "-") value = -value;
    const scale =
      word !== undefined && Object.hasOwn(scales, word.toLowerCase()) ? scales[word.toLowerCase()] : 1;
    value *= scale;
    const unit =
      scale > 1 || word === undefined || noUnit.test(word) ? "" : normaliseUnit(word.replace("°", "degree "));
    const counted = percent === undefined ? value : value / 100;
    return { value: counted, percent: percent !== undefined, unit, text: (unit === "" && scale === 1 && word !== undefined ? all.slice(0, -word.length) : all).trim() }; // prettier-ignore
  }).filter(({ value }) => Number.isFinite(value));
}

/** The number that a text states: the one behind the last "answer is", else the last one. null without any. */
export function parseNumber(text: string): ParsedNumber | null {
  const said = /^.*\banswer\b(?:[^\d\n]{0,40}?\bis\b|:)/is.exec(text);
  const behind = said ? findNumbers(text.slice(said[0].length)) : [];
  return behind[0] ?? findNumbers(text).at(-1) ?? null;
}

/** LaTeX and typographic spellings as plain ones. */
function plain(text: string): string {
  return text
    .replaceAll(/[−–]/g, "-")
    .replaceAll("%", "% ")
    .replaceAll(/\\(?:boxed|text|mbox|mathrm|textbf)\s*\{([^{}]*)\}/g, " $1 ")
    .replaceAll(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, " $1/$2 ")
    .replaceAll(/(\s\s)\s+/g, "$1") // a long run would take the next pattern quadratic time
    .replaceAll(/\s*(?:\\times|\\cdot|×|\*|(?<=\d\s?)x)\s*10\s?\^\s?\{?([-+]?\d{1,3})\}?/g, "e$1")
    .replaceAll(/\{,\}|,\\!/g, ",")
    .replaceAll(/\\%/g, "%")
    .replaceAll(/\^\\?\{?\\circ\}?|\^\{\\circ\}/g, "°")
    .replaceAll(/\\[,;:! ]|[{}$\\]|\*\*/g, (mark) => (mark === "$" ? "" : " "));
}

/**
 * 1 when the response's number is the gold answer's within the tolerance. 50% is 0.5 and not 50; units that differ are
 * wrong, and none is compared where one side goes without. Nothing is converted: 1 m is not 100 cm.
 */
export function verifyNumber(
  { response, answer }: VerifierInput,
  { relative = 1e-6, absolute = 1e-9 }: NumberOptions = {},
): Verdict {
  const gold = parseNumber(answer);
  if (!gold) return undecided(`the gold answer ${answer.trim() || "(none)"} is no number`);
  const found = parseNumber(response);
  if (!found) return wrong(null, "no number in the answer");
  if (gold.unit !== "" && found.unit !== "" && gold.unit !== found.unit)
    return wrong(found.text, `${found.text} has another unit than ${gold.text}`);
  const difference = Math.abs(found.value - gold.value);
  const allowed = Math.max(absolute, relative * Math.abs(gold.value));
  return difference <= allowed
    ? right(found.text, `${found.text} is ${gold.text} within ${allowed}`)
    : wrong(found.text, `${found.text} differs from ${gold.text} by ${difference}, allowed ${allowed}`);
}
