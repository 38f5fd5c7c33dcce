import { extractYesNo } from "../../rl/verifiers/yes-no.ts";
import type { Benchmark, EvalRow, ScoringKind } from "./benchmark.ts";
import { figureIndex } from "./units.ts";

const judged: readonly ScoringKind[] = ["mmvet", "logicvista", "mathverse"];
const ruled: readonly ScoringKind[] = ["exact", "ocrbench", "ocrbench-v2"];

/** Names of the headlines that are not "Accuracy". */
export const headlines: Readonly<Partial<Record<ScoringKind, string>>> = {
  "circular-choice": "Accuracy over rotations",
  "yes-no-figures": "Mean of aAcc, fAcc, qAcc",
  ocrbench: "Final Score",
  "ocrbench-v2": "English overall",
  dynamath: "Average",
  wemath: "Score (Strict)",
  mmvet: "Overall",
};

/** A benchmark of the user's own: nothing is published about it. */
export function ownBenchmark(name: string, scoring: ScoringKind): Benchmark {
  return {
    name,
    title: name,
    files: [],
    scoring,
    headline: headlines[scoring] ?? "Accuracy",
    judge: judged.includes(scoring) ? "all" : ruled.includes(scoring) ? "none" : "undecided",
    systemPrompt: true,
    published: [],
    notes: [],
  };
}

/** Columns that only one layout has, the more telling first. */
const marks: readonly (readonly [ScoringKind, readonly string[]])[] = [
  ["dynamath", ["qid", "varid", "answer_type"]],
  ["mathvista", ["question_type", "answer_type", "answer_option"]],
  ["wemath", ["ID", "key", "A"]],
  ["mathverse", ["question_for_eval"]],
  ["ocrbench-v2", ["eval", "bbox", "content"]],
];

/** Names of tables whose later rows are rotations. */
const circularNames = /mmbench|ccbench|circular|mmcr/i;

/** Rotations of a question are this far apart. */
const rotationStep = 1_000_000;

/**
 * The way of scoring that a table's columns and its first rows speak for: one of a known benchmark's layouts, a choice
 * where there are options (circular where an index is that of a rotation, or VLMEvalKit would call it so by its name), yes or no where all answers are, else the same
 * text.
 */
export function detectScoring(
  header: readonly string[],
  firstRows: readonly EvalRow[],
  name = "",
): ScoringKind {
  const found = marks.find(([, columns]) => columns.every((column) => header.includes(column)));
  if (found) return found[0];
  const answers = firstRows.flatMap(({ answer }) => (answer === undefined ? [] : [answer.trim()]));
  if (header.includes("A") && header.includes("B")) {
    if (firstRows.some(({ question }) => /<image \d+>/.test(question))) return "mmmu";
    const isRotation = ({ index }: EvalRow) => /^\d{7,}$/.test(index) && Number(index) >= rotationStep;
    return circularNames.test(name) || firstRows.some(isRotation) ? "circular-choice" : "choice";
  }
  if (header.includes("choices")) return "mathvision";
  if (
    answers.length > 0 &&
    answers.every((answer) => extractYesNo(answer) !== "Unknown" && /^\w+\W?$/.test(answer))
  )
    return firstRows.every((row) => figureIndex(row) !== null) ? "yes-no-figures" : "yes-no";
  return "exact";
}
