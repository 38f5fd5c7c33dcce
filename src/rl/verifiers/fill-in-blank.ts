import type { MathEngine } from "../math/math-json.ts";
import { normaliseAnswer } from "../reward.ts";
import { verifyMath } from "./math.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/**
 * Text as it is compared: compatibility forms folded, lower case, quotes, emphasis, a leading article and punctuation at
 * the ends dropped, hyphens between letters and white space one space. What carries a value stays: the sign of -5, the
 * point of .5, the factorial of 5!. Takes linear time.
 */
export function normaliseText(text: string): string {
  const bare = text.replaceAll(/\\text\{([^{}]*)\}/g, "$1").replaceAll(/\*\*|__|[$`“”„«»"]/g, "");
  const boxed = /^\s*\\boxed\{([^{}]*)\}\s*$/.exec(bare)?.[1] ?? bare;
  const lead = normaliseAnswer(boxed)
    .replaceAll(/(?<=\p{L})[-‐‑_]+(?=\p{L})|\s+/gu, " ")
    .replaceAll(/[‐‑−]/g, "-")
    .replace(/^(?:[\s,;:!?'()[\]]|\.(?!\d))+/, "");
  return withoutEnd(lead).replace(/^(?:the|an?) (?=\S)/, "");
}

const endings = " .,;:!?'()[]";

/** Without punctuation at the end, but for a number's factorial. A pattern bound to the end takes quadratic time. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && endings.includes(text[end - 1])) end--;
  if (end > 0 && /\d/.test(text[end - 1])) while (text[end] === "!") end++;
  return text.slice(0, end);
}

/**
 * 1 when the response is the gold answer: the same normalised text or, with an engine, the same mathematics ("1/2" fills a
 * blank of "0.5"). Without an engine texts alone are compared.
 */
export function verifyFillInBlank(input: VerifierInput, { math }: { math?: MathEngine } = {}): Verdict {
  const gold = normaliseText(input.answer);
  if (input.answer.trim() === "") return undecided("the gold answer is empty");
  const said = input.response.trim();
  if (said === "") return wrong(null, "the answer is empty");
  // A gold answer of signs alone has no normalised text.
  const same = gold === "" ? said === input.answer.trim() : normaliseText(said) === gold;
  if (same) return right(said, "the text is the gold answer's");
  if (math && isMathematics(input.answer)) {
    const verdict = verifyMath(input, math);
    if (verdict.score === 1) return { ...verdict, why: `as mathematics: ${verdict.why}` };
  }
  return wrong(said, `the text differs from ${input.answer.trim()}${math ? ", as mathematics too" : ""}`);
}

/** Words alone are compared as text: "no" must not be read as a product of letters. */
const isMathematics = (answer: string) => /[\d\\=^+]/.test(answer);
