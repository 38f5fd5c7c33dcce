/** Answers counted and filtered, and two runs side by side in sentences. */
import { expect, test } from "vitest";
import { comparisonWords } from "../../demo/evaluate/comparison-words.ts";
import { filters, passes, tally, verdict } from "../../demo/evaluate/tally.ts";
import type { EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import type { ShownAnswer } from "../../workers/client.ts";

function answer(how: ShownAnswer["score"]["how"], score: number | null): ShownAnswer {
  const index = `${how} ${score}`;
  return {
    sample: { position: 0, index, columns: {}, images: 0, prompt: "", response: "" },
    score: { index, score, how, extracted: null, why: "" },
  };
}

const answers = [
  answer("rule", 1),
  answer("rule", 0),
  answer("approximation", 0.5),
  answer("judge", 1),
  answer("pending", null),
  answer("undecided", 0),
  answer("judge-failed", null),
  answer("unscored", null),
];

test("answers are counted by how they were decided", () => {
  expect(tally(answers)).toEqual({ rule: 3, judge: 1, waiting: 1, undecided: 1, leftOut: 2, right: 2 });
  expect(tally([])).toEqual({ rule: 0, judge: 0, waiting: 0, undecided: 0, leftOut: 0, right: 0 });
});

test("each filter shows what its name says", () => {
  const shown = Object.fromEntries(
    filters.map(([filter]) => [
      filter,
      answers.filter((each) => passes(each, filter)).map(({ sample }) => sample.index),
    ]),
  );
  expect(shown).toEqual({
    all: answers.map(({ sample }) => sample.index),
    wrong: ["rule 0", "approximation 0.5", "undecided 0"],
    right: ["rule 1", "judge 1"],
    undecided: ["pending null", "undecided 0"],
    "left-out": ["judge-failed null", "unscored null"],
  });
});

test("verdicts in words", () => {
  expect(answers.map(verdict)).toEqual([
    "right, by rule",
    "wrong, by rule",
    "50%, by a rule in the judge's place",
    "right, by the judge",
    "waits for the judge",
    "undecided, counted as wrong",
    "left out: the judge failed",
    "left out: nothing to score by",
  ]);
});

const comparison: EvaluationComparison = {
  benchmark: { name: "set", title: "set" },
  headline: { name: "Accuracy", unit: "%" },
  a: { model: "one", value: 40, only: 0, leftOut: 0 },
  b: { model: "two", value: 55, only: 2, leftOut: 1 },
  samples: 20,
  units: 20,
  better: { a: 1, b: 4, same: 15 },
  difference: 15,
  interval: [-5, 35],
  resamples: 2000,
  seed: 0,
  differences: [],
};

test("a comparison says what its interval says, and what is not in it", () => {
  const { verdict: said, sentences } = comparisonWords(comparison);
  expect(said).toBe("This does not tell the runs apart: the interval holds 0.");
  expect(sentences).toEqual([
    "Accuracy: this run 40.0, the other 55.0, over the 20 answers that both have.",
    "The other one scores more in 4 of 20 units, this run in 1; they score the same in 15.",
    "The other less this: +15.0 points; 95% of 2000 draws of the same questions for both lie between −5.0 and +35.0.",
    "Not in it: 2 answers of the other alone, 1 answer without a score.",
  ]);
});

test.each([
  [[2, 30], "The other run is better: the interval is above 0."],
  [[-30, -2], "This run is better: the interval is below 0."],
  [[0, 30], "This does not tell the runs apart: the interval holds 0."],
  [null, "There is too little in common to tell the runs apart."],
] as const)("an interval of %j", (interval, said) => {
  const words = comparisonWords({ ...comparison, interval: interval && [interval[0], interval[1]] });
  expect(words.verdict).toBe(said);
  expect(words.sentences).toHaveLength(interval ? 4 : 3);
});
