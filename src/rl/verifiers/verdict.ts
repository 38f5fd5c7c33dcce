import { parseThinkAnswer } from "../reward.ts";

/** The kinds of answer that a rule can verify. */
export const verifierKinds = [
  "multiple-choice",
  "fill-in-blank",
  "number",
  "math",
  "yes-no",
  "iou",
  "set",
] as const;
/** One of {@link verifierKinds}. */
export type VerifierKind = (typeof verifierKinds)[number];

/** What a verifier is given: texts, no tags. */
export interface VerifierInput {
  /** The answer block's body, or the whole text: see {@link extractAnswer}. */
  response: string;
  /** The gold answer. */
  answer: string;
  /** The question, where its text holds the options. */
  problem?: string;
  /** Options by letter, or in the order of A, B, C … */
  options?: Readonly<Record<string, string>> | readonly string[];
}

/** What a verifier says of a response. */
export interface Verdict {
  /** 0 to 1. null: nothing can be said, as the gold answer is of no use; the sample is left out. */
  score: number | null;
  /** What was taken to be the response's answer; null when nothing was found. */
  extracted: string | null;
  /** One sentence for people. */
  why: string;
}

export const right = (extracted: string, why: string): Verdict => ({ score: 1, extracted, why });
export const wrong = (extracted: string | null, why: string): Verdict => ({ score: 0, extracted, why });
/** The gold answer cannot be used: no verdict, in place of a wrong one. */
export const undecided = (why: string): Verdict => ({ score: null, extracted: null, why });

/** "strict" takes exactly one answer block and nothing else; "lenient" makes the best of what is there. */
export type AnswerReading = "strict" | "lenient";

/** The part of a response that a verifier reads. */
export interface ExtractedAnswer {
  /** null: there is no answer to verify. */
  text: string | null;
  /** The answer block's body; what stands behind the last closing think tag; all of the text. */
  from: "answer-block" | "behind-think" | "whole-text" | "none";
  why: string;
}

/**
 * Cuts the answer out, before any verifier reads it: a number inside the reasoning must never count.
 *
 * | answer blocks                       | lenient                                                 | strict    |
 * | ----------------------------------- | ------------------------------------------------------- | --------- |
 * | one                                 | its body                                                | its body  |
 * | several                             | the body of the last                                    | no answer |
 * | none, or all of them in a think block | what is behind the last `</think>`, else the whole text | no answer |
 *
 * An opening tag without its closing tag (a response that was cut off) is no block: the tag itself is dropped. A think
 * block that never ends, and no answer block, is no answer.
 */
export function extractAnswer(text: string, reading: AnswerReading = "lenient"): ExtractedAnswer {
  const { answer } = parseThinkAnswer(text);
  const count = text.split("</answer>").length - 1;
  const thinkEnd = text.lastIndexOf("</think>");
  const lastEnd = text.lastIndexOf("</answer>");
  const begin = text.indexOf("<think>");
  const isThought = begin >= 0 && begin < text.lastIndexOf("<answer>", lastEnd) && lastEnd < thinkEnd;
  if (answer !== null && !isThought && (reading === "lenient" || count === 1)) {
    const why = count === 1 ? "the answer block" : `the last of ${count} answer blocks`;
    return { text: answer, from: "answer-block", why };
  }
  if (reading === "strict")
    return { text: null, from: "none", why: `got ${count} answer blocks, the strict reading expects one behind the reasoning` }; // prettier-ignore
  if (thinkEnd < 0 && begin >= 0) return { text: null, from: "none", why: "the reasoning does not end" };
  const rest = text.slice(thinkEnd < 0 ? 0 : thinkEnd + "</think>".length).replaceAll(/<\/?answer>/g, " ");
  const why = thinkEnd < 0 ? "no tags: the whole text" : "no answer block: what is behind the reasoning";
  return { text: rest.trim(), from: thinkEnd < 0 ? "whole-text" : "behind-think", why };
}
