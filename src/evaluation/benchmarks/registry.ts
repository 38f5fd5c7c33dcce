import type { Benchmark, ScoringKind } from "./benchmark.ts";
import { ownBenchmark } from "./own.ts";
import { published } from "./published.ts";
import { ocrBenchV2Unscored } from "./scoring/ocrbench-v2.ts";

/** A benchmark that WeThink was measured on; whatever is not said is as for a user's own table. */
function known(
  name: string,
  title: string,
  scoring: ScoringKind,
  figures: readonly Benchmark["published"][number][],
  more: Partial<Benchmark> = {},
): Benchmark {
  const notes = [...(more.notes ?? []), ...promptNotes];
  return {
    ...ownBenchmark(name, scoring),
    title,
    files: [`${name}.tsv`],
    published: figures,
    ...more,
    notes,
  };
}

/** What holds for all of them. */
const promptNotes = [
  "Published figures are of VLMEvalKit's prompts, judge and image sizes (1280 to 16384 patches of 28 × 28); instructions and judge's questions here are in other words. For the same weights sources differ by 0.5 to 2 points: one decimal says nothing.",
];

const answersCut =
  "WeThink's own evaluation cut the answer tags out for MMBench alone, and only where there was exactly one block.";
const capitalLetter =
  "Behind “answer is” only a capital letter of its own is a choice; VLMEvalKit takes the first letter of any word (“the answer is because” as B).";
const noSystemPrompt = "Asked without the system prompt, as in WeThink's own evaluation.";
const judgeOfBoard = (judge: string) =>
  `The board's judge is ${judge}: figures by another judge, or by rules alone, are not comparable.`;

const academic: readonly Benchmark[] = [
  known("MMBench_DEV_EN_V11", "MMBench v1.1", "circular-choice", published.MMBench, {
    files: [
      "MMBench_DEV_EN_V11.tsv",
      "MMBench_TEST_EN_V11.tsv",
      "MMBench_DEV_CN_V11.tsv",
      "MMBench_TEST_CN_V11.tsv",
      "MMBench_V11.tsv",
      "MMBench_CN_V11.tsv",
    ],
    headline: "Overall",
    notes: [
      "It is not recorded which of the tables the board's figure is of; answers of the TEST tables are hidden.",
      capitalLetter,
      judgeOfBoard("gpt-4o-mini"),
    ],
  }),
  known("MMStar", "MMStar", "choice", published.MMStar, {
    headline: "Overall",
    notes: [answersCut, capitalLetter, judgeOfBoard("gpt-4o-mini")],
  }),
  known("MMMU_DEV_VAL", "MMMU val", "mmmu", published.MMMU, {
    headline: "Overall",
    split: "validation",
    notes: [
      "Open questions are a choice of the gold answer and “Other Answers”, as in VLMEvalKit: MMMU's own evaluation is another.",
      answersCut,
      capitalLetter,
      judgeOfBoard("gpt-4o-mini"),
    ],
  }),
  known("HallusionBench", "HallusionBench avg", "yes-no-figures", published.HallusionBench, {
    notes: [
      "The board's figure is taken to be the mean of aAcc, fAcc and qAcc.",
      answersCut,
      judgeOfBoard("gpt-4o-mini"),
    ],
  }),
  known("AI2D_TEST", "AI2D", "choice", published.AI2D, {
    headline: "Overall",
    systemPrompt: false,
    notes: [noSystemPrompt, answersCut, capitalLetter, judgeOfBoard("gpt-4o-mini")],
  }),
  known("OCRBench", "OCRBench", "ocrbench", published.OCRBench, {
    systemPrompt: false,
    size: 1000,
    notes: [noSystemPrompt, "WeThink's own evaluation took smaller images, too (from 10 · 10 patches)."],
  }),
  known("MMVet", "MMVet", "mmvet", published.MMVet, { notes: [judgeOfBoard("gpt-4-turbo"), answersCut] }),
];

const reasoning: readonly Benchmark[] = [
  known("MathVista_MINI", "MathVista", "mathvista", published.MathVista, {
    notes: [
      "Free answers that are texts or lists are compared as texts here; VLMEvalKit can never count them right.",
      "A bare 0 is read by rule here; VLMEvalKit always asks its judge.",
      answersCut,
      judgeOfBoard("gpt-4o-mini"),
    ],
  }),
  known("MathVision", "MathVision", "mathvision", published.MathVision, {
    files: ["MathVision.tsv", "MathVision_MINI.tsv"],
    notes: ["The figures are of the whole table, not of MathVision_MINI.", answersCut, judgeOfBoard("gpt-4o-mini")], // prettier-ignore
  }),
  known("MathVerse_MINI_Vision_Only", "MathVerse (vision-only)", "mathverse", published.MathVerse, {
    files: ["MathVerse_MINI_Vision_Only.tsv", "MathVerse_MINIVOnly.tsv"],
    headline: "Overall",
    notes: [answersCut, judgeOfBoard("gpt-4o-mini")],
  }),
  known("DynaMath", "DynaMath", "dynamath", published.DynaMath, {
    size: 501,
    notes: [
      "Published figures are taken to be the worst case: the board does not say, and another paper heads this column “Worst”.",
      "An answer that is a text is decided by rule only as “short answer” in JSON, which the prompt asks for, or where it is no longer than the gold one; in other words it is the judge's, and without a judge it counts as wrong.",
      answersCut,
      judgeOfBoard("gpt-4o-mini"),
    ],
  }),
  known("WeMath", "WeMath (strict)", "wemath", published.WeMath, {
    size: 525,
    notes: [answersCut, judgeOfBoard("gpt-4o-mini")],
  }),
  known("LogicVista", "LogicVista", "logicvista", published.LogicVista, {
    headline: "Overall",
    notes: [answersCut, judgeOfBoard("gpt-4o-mini")],
  }),
  known("OCRBench_v2", "OCRBench v2", "ocrbench-v2", published.OCRBench_v2, {
    notes: [
      `Not scored here, and left out of every mean: ${ocrBenchV2Unscored.join(", ")}; handwritten essay questions. Means over categories without these tasks are not comparable with published ones.`,
      "Named by one source only; neither of the two boards has it.",
    ],
  }),
];

/** The 13 benchmarks of the two boards that WeThink shows, and OCRBench v2. */
export const benchmarks: readonly Benchmark[] = [...academic, ...reasoning];

/** By name, by title or by the name of a table, whatever the case: "mmstar", "MathVista_MINI.tsv", "MMMU val". */
export function findBenchmark(nameOrFile: string): Benchmark | undefined {
  const base = (nameOrFile.split(/[\\/]/).at(-1) ?? "").toLowerCase();
  return benchmarks.find(({ name, title, files }) =>
    [name, title, ...files, ...files.map((file) => file.replace(/\.tsv$/, ""))].some(
      (one) => one.toLowerCase() === base,
    ),
  );
}
