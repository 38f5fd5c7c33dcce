import { isSame } from "../math/compare.ts";
import { Unreadable } from "../math/evaluate.ts";
import { findAnswer } from "../math/find-answer.ts";
import { Reader } from "../math/structure.ts";
import { tokenize } from "../math/tokens.ts";
import type { Value } from "../math/value.ts";
import type { MathEngine } from "../math/math-json.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/**
 * Whether the response's mathematics is the gold answer's, with the verdicts of Math-Verify (5d148cf) but for its traps.
 * The answer is looked for by `findAnswer` (src/rl/math); cut it out of its tags before.
 *
 * - Numbers are exact; where one is written with a decimal point both are rounded to six decimals.
 * - Percent is a hundredth: 50% is 0.5, never 50. Units are dropped, unless both sides have one and they differ; nothing
 *   is converted. Degrees are dropped outside of trigonometric functions.
 * - Expressions of unknowns are the same when they agree at eight points, negative ones among them, to rounding.
 * - Sets have no order, (a, b) is a pair or an open interval, which may also be written {a, b}. Unions of intervals are
 *   compared as sets of numbers. Inequalities may be flipped, negated and scaled; an interval may answer an inequality, an
 *   inequality no interval. x = 5 answers 5 and the reverse; an equation that only relates unknowns has no value, but may
 *   be scaled and rearranged. ± is a set of two. Matrices are compared entry by entry.
 * - Words are compared without regard to case.
 *
 * Unlike Math-Verify: units are compared; x + y = 5 is not 5; i is the imaginary unit everywhere; repeating decimals are
 * fractions; sin 30° is 0.5; numbers below a millionth are compared to six digits.
 *
 * Not supported, and so only right when the text is the same: sums and products of matrices, integrals, limits,
 * derivatives, recursions and unknown functions' laws, conditions behind an answer ("for k ∈ ℤ"), equations in more than
 * one solution, congruences, conversion of units and of number bases, systems given as lists of lists, numbers in words,
 * expressions of over 400 tokens or 20 nested brackets.
 *
 * @param engine reads LaTeX: {@link loadMathEngine}.
 */
export function verifyMath({ response, answer }: VerifierInput, engine: MathEngine): Verdict {
  const gold = findAnswer(answer);
  if (!gold) return undecided("the gold answer is empty");
  const found = findAnswer(response);
  if (!found) return wrong(null, "no expression and no number in the answer");
  const extracted = found.pieces.join(", ");
  const reader = new Reader(engine);
  const goldText = gold.pieces.join(", ");
  if (canonicalText(goldText) === canonicalText(extracted))
    return right(extracted, `${found.how}: the same text as the gold answer`);
  const goldValues = readings(gold.pieces).flatMap((pieces) => readPieces(reader, pieces) ?? []);
  const values = readings(found.pieces).flatMap((pieces) => readPieces(reader, pieces) ?? []);
  if (goldValues.length === 0)
    return wrong(extracted, "the gold answer is no mathematics, and the texts differ");
  if (values.length === 0) return wrong(extracted, `${found.how} is no mathematics, and the texts differ`);
  return goldValues.some((one) => values.some((other) => compare(one, other)))
    ? right(extracted, `${found.how} equals the gold answer ${goldText}`)
    : wrong(extracted, `${found.how} differs from the gold answer ${goldText}`);
}

/** "1,5" is two numbers, or one with a decimal comma. */
function readings(pieces: readonly string[]): string[][] {
  const [only] = pieces;
  const comma = pieces.length === 1 ? /^(\s*[-+−]?\d+),(\d+)(?=[^\d,]*$)/.exec(only) : null;
  if (!comma) return [[...pieces]];
  return [[...pieces], [`${comma[1]}.${comma[2]}${only.slice(comma[0].length)}`]];
}

function compare(gold: Value, value: Value): boolean {
  try {
    return isSame(gold, value);
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
}

/** null: it is no mathematics. */
function readPieces(reader: Reader, pieces: readonly string[]): Value | null {
  try {
    const values = pieces.map((piece) => {
      const tokens = tokenize(piece);
      if (!tokens) throw new Unreadable("too long");
      return reader.read(tokens);
    });
    return values.length === 1 ? values[0] : { kind: "group", brackets: "bare", items: values };
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

/** The same text is the same answer, whatever it says. */
function canonicalText(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\\(?:left|right|,|;|!|displaystyle)(?![a-z])/g, "")
    .replaceAll(/\\[dt]frac/g, "\\frac")
    .replaceAll(/\\(?:text|mbox|mathrm|mathbf|textbf|textnormal)\s*\{([^{}]*)\}/g, " $1 ")
    .replaceAll(/\s+/g, " ") // first: the next pattern takes quadratic time in a run of white space
    .replaceAll(/(?<![\p{L}\d\s])\s|\s(?![\p{L}\d\s])/gu, "")
    .trim()
    .replace(/^\((\p{L}+)\)$/u, "$1");
}
