import { gradeAnswer, lastBoxed } from "./math-ruler/grade-answer.ts";

/** What EasyR1's reward functions return. */
export interface EasyR1Score {
  /** The training reward. */
  overall: number;
  /** 0 or 1. */
  format: number;
  /** 0 or 1. */
  accuracy: number;
}

/** Weights of EasyR1's rewards. */
export interface EasyR1Options {
  /** Share of the format in the overall reward. */
  formatWeight?: number;
}

/** Python's str.strip and \s take these as white space beyond what JavaScript does. */
const space = "[\\s\\u001c-\\u001f\\u0085]";
const betweenBlocks = /* @__PURE__ */ new RegExp(`</think>${space}*<answer>`, "g");

/**
 * 1 when the text is, from its first to its last character, a think block, white space and an answer block. As in EasyR1
 * at b44b311, further blocks in between and empty ones pass; a newline behind the last tag does not.
 */
export function easyR1R1vFormat(response: string): number {
  if (!response.startsWith("<think>") || !response.endsWith("</answer>")) return 0;
  // Some answer block opens right behind some </think>, and ends at the end.
  const last = response.length - "</answer>".length;
  for (const { index, 0: tags } of response.matchAll(betweenBlocks))
    if (index >= "<think>".length && index + tags.length <= last) return 1;
  return 0;
}

/**
 * EasyR1's examples/reward_function/r1v.py (b44b311): format {@link easyR1R1vFormat}, accuracy MathRuler's on the first
 * answer block. A block of several lines is not found there, and then the whole response is graded.
 */
export function easyR1R1v(
  response: string,
  gold: string,
  { formatWeight = 0.5 }: EasyR1Options = {},
): EasyR1Score {
  const accuracy = gradeAnswer(easyR1R1vAnswer(response), trim(gold)) ? 1 : 0;
  return overall(easyR1R1vFormat(response), accuracy, formatWeight);
}

/** What that reward grades. */
export function easyR1R1vAnswer(response: string): string {
  for (
    let begin = response.indexOf("<answer>");
    begin >= 0;
    begin = response.indexOf("<answer>", begin + 1)
  ) {
    const line = response.indexOf("\n", begin);
    const end = response.indexOf("</answer>", begin);
    if (end < 0) break;
    if (line < 0 || end < line) return trim(response.slice(begin + "<answer>".length, end));
  }
  return trim(response);
}

const trim = (text: string) =>
  text.replace(new RegExp(`^${space}+`), "").replace(new RegExp(`(?<!${space})${space}+$`), "");

/** 1 when the text begins with a think block and has a box behind one; several think blocks pass. */
export function easyR1MathFormat(response: string): number {
  return boxedThinking(withoutSpaceAtTags(response)) ? 1 : 0;
}

function boxedThinking(text: string): boolean {
  if (!text.startsWith("<think>")) return false;
  const thinkEnd = text.indexOf("</think>", "<think>".length);
  return thinkEnd >= 0 && anyClosedBox(text, thinkEnd + "</think>".length);
}

/** A box opens behind `from` and a brace closes somewhere behind that. */
function anyClosedBox(text: string, from: number): boolean {
  const opening = text.indexOf("\\boxed{", from);
  return opening >= 0 && text.includes("}", opening + "\\boxed{".length);
}

/** White space around <, > and / goes first. */
function withoutSpaceAtTags(text: string): string {
  return text.replaceAll(new RegExp(`(?<!${space})${space}+(?=[<>/])`, "g"), "").replaceAll(new RegExp(`([<>/])${space}+`, "g"), "$1"); // prettier-ignore
}

/** EasyR1's examples/reward_function/math.py (b44b311): MathRuler on the last box. */
export function easyR1Math(
  response: string,
  gold: string,
  { formatWeight = 0.1 }: EasyR1Options = {},
): EasyR1Score {
  const text = withoutSpaceAtTags(response);
  return overall(boxedThinking(text) ? 1 : 0, gradeAnswer(lastBoxed(text), gold) ? 1 : 0, formatWeight);
}

function overall(format: number, accuracy: number, formatWeight: number): EasyR1Score {
  return { overall: (1 - formatWeight) * accuracy + formatWeight * format, format, accuracy };
}
