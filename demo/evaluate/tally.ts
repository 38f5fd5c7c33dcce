/** Answers counted and filtered. Pure. */
import type { ShownAnswer } from "../../workers/client.ts";

/** How answers came to their verdicts so far. */
export interface Tally {
  rule: number;
  judge: number;
  /** The judge is asked when all are answered. */
  waiting: number;
  /** No rule found an answer, and there is no judge: wrong as it stands. */
  undecided: number;
  /** In no figure: the judge failed, or there is nothing to score by. */
  leftOut: number;
  right: number;
}

export function tally(answers: readonly ShownAnswer[]): Tally {
  const counts: Tally = { rule: 0, judge: 0, waiting: 0, undecided: 0, leftOut: 0, right: 0 };
  for (const { score } of answers) {
    counts[columnOf(score.how)]++;
    if (score.score === 1) counts.right++;
  }
  return counts;
}

function columnOf(how: ShownAnswer["score"]["how"]): Exclude<keyof Tally, "right"> {
  switch (how) {
    case "rule":
    case "approximation":
      return "rule";
    case "judge":
      return "judge";
    case "pending":
      return "waiting";
    case "undecided":
      return "undecided";
    case "judge-failed":
    case "unscored":
      return "leftOut";
  }
}

export const filters = [
  ["all", "all"],
  ["wrong", "wrong"],
  ["right", "right"],
  ["undecided", "undecided"],
  ["left-out", "left out"],
] as const;
/** Which answers are shown. */
export type AnswerFilter = (typeof filters)[number][0];

export function passes({ score: { score, how } }: ShownAnswer, filter: AnswerFilter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "wrong":
      return score !== null && score < 1;
    case "right":
      return score === 1;
    case "undecided":
      return how === "undecided" || how === "pending";
    case "left-out":
      return score === null && how !== "pending";
  }
}

/** A verdict in words. */
export function verdict({ score: { score, how } }: ShownAnswer): string {
  if (how === "pending") return "waits for the judge";
  if (how === "judge-failed") return "left out: the judge failed";
  if (how === "unscored" || score === null) return "left out: nothing to score by";
  if (how === "undecided") return "undecided, counted as wrong";
  const by = { rule: "by rule", judge: "by the judge", approximation: "by a rule in the judge's place" };
  const said = score === 1 ? "right" : score === 0 ? "wrong" : `${Math.round(score * 100)}%`;
  return `${said}, ${by[how]}`;
}
