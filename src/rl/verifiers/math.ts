import { isSame } from "../math/compare.ts";
import { Unreadable } from "../math/evaluate.ts";
import { findAnswer } from "../math/find-answer.ts";
import { Reader } from "../math/structure.ts";
import { tokenize } from "../math/tokens.ts";
import type { Value } from "../math/value.ts";
import type { MathEngine } from "./math-engine.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/**
 * Whether the response's mathematics is the gold answer's, as Math-Verify judges it.
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
    .replaceAll(/(?<![\p{L}\d\s])\s+|\s+(?![\p{L}\d\s])/gu, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/^\((\p{L}+)\)$/u, "$1");
}
