import { expect, test } from "vitest";
import type { ScoredBy, ScoringKind } from "../../../src/evaluation/benchmarks/benchmark.ts";
import { scoringKinds } from "../../../src/evaluation/benchmarks/benchmark.ts";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { findBenchmark } from "../../../src/evaluation/benchmarks/registry.ts";
import { recordedJudge, rescore } from "../../../src/evaluation/runs/rescore.ts";
import type { LanguageModel } from "../../../src/language-models/language-model.ts";
import { memoryStore } from "../../../src/storage/blob-store.ts";
import { answererOf, drain, finish, table } from "./support.ts";

interface Case {
  kind: ScoringKind;
  /** Columns, then rows, with bars between cells. */
  lines: readonly string[];
  responses: readonly string[];
  /** What a judge says of prompts that hold a text. */
  judge?: Readonly<Record<string, string>>;
  /** By hand. */
  headline: number;
  how: Partial<Record<ScoredBy, number>>;
}

const tagged = (answer: string) => `<think>no B, or 8</think><answer>${answer}</answer>`;

const cases: Case[] = [
  {
    kind: "choice", // a letter, an option's text, a wrong one, and one for the judge
    lines: ["index|question|A|B|answer", "0|q|cat|dog|A", "1|q|cat|dog|B", "2|q|cat|dog|A", "3|q|cat|dog|B"],
    responses: [tagged("A"), tagged("a dog"), tagged("B"), tagged("the one that barks")],
    judge: { barks: "B" },
    headline: 75,
    how: { rule: 3, judge: 1 },
  },
  {
    kind: "circular-choice", // the first in both rotations, the second in one: one of two
    lines: [
      "index|question|A|B|answer",
      "0|q|cat|dog|A",
      "1|q|one|two|A",
      "1000000|q|dog|cat|B",
      "1000001|q|two|one|B",
    ],
    responses: ["A", "A", "B", "A"],
    headline: 50,
    how: { rule: 4 },
  },
  {
    kind: "mmmu", // the open question has its gold answer in it
    lines: ["index|question|A|B|answer|split", "0|q|cat|dog|A|validation", "1|how many?|||12|validation"],
    responses: [tagged("B"), tagged("It is 12")],
    headline: 50,
    how: { rule: 2 },
  },
  {
    kind: "yes-no",
    lines: ["index|question|answer", "0|q|Yes", "1|q|No", "2|q|Yes"],
    responses: [tagged("Yes"), tagged("yes"), tagged("it is there")],
    judge: { "it is there": "Yes" },
    headline: 200 / 3,
    how: { rule: 2, judge: 1 },
  },
  {
    kind: "yes-no-figures", // aAcc 3/4; fAcc 1/2; qAcc 1/2
    lines: [
      "index|question|answer",
      "VD_figure_0_0_0_0|q|Yes",
      "VD_figure_0_0_0_1|q|No",
      "VD_figure_1_0_1_0|q|No",
      "VD_figure_1_0_1_1|q|No",
    ],
    responses: [tagged("Yes"), tagged("No"), tagged("Yes"), tagged("No")],
    headline: (75 + 50 + 50) / 3,
    how: { rule: 4 },
  },
  {
    kind: "ocrbench", // of 1000, over the four that are here
    lines: [
      "index|question|answer|category",
      "0|q|['STOP']|Regular Text Recognition",
      "1|q|['two']|Handwriting Recognition",
      "2|q|['5']|Key Information Extraction",
      "3|q|['x ^ 2']|Handwritten Mathematical Expression Recognition",
    ],
    responses: [tagged("a stop sign"), tagged("three"), tagged("5 euros"), tagged("x^2")],
    headline: 750,
    how: { rule: 4 },
  },
  {
    kind: "ocrbench-v2", // two categories: 1/2, and 0.75 for 6 of 8
    lines: [
      "index|question|answer|category|eval|bbox|content",
      "0|q|['cat']|text recognition en|without eval|without bbox|without content",
      "1|q|['cat']|text recognition en|without eval|without bbox|without content",
      "2|q|['8']|text counting en|regression|without bbox|without content",
    ],
    responses: [tagged("a cat"), tagged("a dog"), tagged("6")],
    headline: 62.5,
    how: { rule: 3 },
  },
  {
    kind: "mathvista", // an integer, a letter, and one that the judge reads 1.5 out of
    lines: [
      "index|question|answer|question_type|answer_type|choices|answer_option",
      "0|q|14|free_form|integer||",
      "1|q|dog|multi_choice|text|['cat', 'dog']|B",
      "2|q|1.5|free_form|float||",
    ],
    responses: [tagged("15"), tagged("(B)"), tagged("one and a half")],
    judge: { "one and a half": "1.5" },
    headline: 200 / 3,
    how: { rule: 2, judge: 1 },
  },
  {
    kind: "mathvision", // within 1e-6 by value; a wrong letter
    lines: ["index|question|answer|choices", "0|q|0.5|[]", "1|q|B|['1', '2']"],
    responses: [tagged("\\frac{1}{2}"), tagged("A")],
    headline: 50,
    how: { rule: 2 },
  },
  {
    kind: "mathverse", // extracted, then compared: two questions to the judge
    lines: ["index|question|answer|question_for_eval", "0|q|22.3|how far?", "1|q|5|how far?"],
    responses: [tagged("about 22.3 metres"), tagged("about six")],
    judge: { "0 or 1:": "0", "about 22.3": "22.3", "about six": "six of them" },
    headline: 50,
    how: { judge: 2 },
  },
  {
    kind: "dynamath", // 0.001 of tolerance; JSON or plain
    lines: [
      "index|question|answer|answer_type|qid",
      "0|q|1.5|float|0",
      "1|q|2.5|float|0",
      "2|q|B|multiple choice|1",
    ],
    responses: [tagged('{"short answer": "1.501"}'), tagged("2.502"), tagged("B")],
    headline: 200 / 3,
    how: { rule: 3 },
  },
  {
    kind: "wemath", // of two problems the first is mastered; of the second a step is wrong: insufficient knowledge
    lines: [
      "index|question|A|B|answer|ID|key",
      "0|q|1|2|A|0|2steps_1",
      "1|q|1|2|A|0|2steps_2",
      "2|q|1|2|A|0|2steps_multi",
      "3|q|1|2|A|1|2steps_1",
      "4|q|1|2|A|1|2steps_2",
      "5|q|1|2|A|1|2steps_multi",
    ],
    responses: ["A", "A", "A", "A", "B", "B"].map(tagged),
    headline: 50,
    how: { rule: 6 },
  },
  {
    kind: "logicvista", // the judge reads letters; as sets they are equal or not
    lines: ["index|question|answer", "0|q|A, C", "1|q|B"],
    responses: [tagged("both outer ones"), tagged("the last")],
    judge: { "outer ones": "AC", "the last": "D" },
    headline: 50,
    how: { judge: 2 },
  },
  {
    kind: "mmvet", // tenths, times 100
    lines: ["index|question|answer|category", "0|q|x = -1|math", "1|q|x = 3|math"],
    responses: [tagged("x is minus one"), tagged("x is about 3, or 4")],
    judge: { "minus one": "1.0", "about 3": "0.4" },
    headline: 70,
    how: { judge: 2 },
  },
  {
    kind: "exact",
    lines: ["index|question|answer", "0|q|two cats", "1|q|3"],
    responses: [tagged("Two cats."), tagged("4")],
    headline: 50,
    how: { rule: 2 },
  },
];

const names: Partial<Record<ScoringKind, string>> = { mmmu: "MMMU_DEV_VAL", ocrbench: "OCRBench" };

function judgeOf(replies: Readonly<Record<string, string>>): LanguageModel {
  return {
    name: "judge",
    ask: ([{ content }]) => {
      const prompt = typeof content === "string" ? content : "";
      const found = Object.keys(replies).findLast((part) => prompt.includes(part));
      return Promise.resolve({ text: found === undefined ? "?" : replies[found] });
    },
  };
}

test("every kind of scoring has a case", () => {
  expect(cases.map(({ kind }) => kind)).toEqual(scoringKinds);
});

test.each(cases)("$kind: a table goes in, the figure that was counted by hand comes out", async (each) => {
  const { kind, lines, responses, judge, headline, how } = each;
  const benchmark = findBenchmark(names[kind] ?? "") ?? ownBenchmark("own", kind);
  const [columns, ...cells] = lines.map((line) => line.split("|"));
  const rows = cells.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])));
  const store = memoryStore();
  const answerer = answererOf((_, { position }) => responses[position]);
  const { report } = await finish(benchmark, table(rows), answerer, {
    store,
    ...(judge && { judge: judgeOf(judge) }),
  });
  expect(report.headline.value).toBeCloseTo(headline, 10);
  expect(report.counts.how).toMatchObject(how);
  expect(report.counts).toMatchObject({ answered: rows.length, scored: rows.length });

  // Again, with neither model nor judge at hand.
  const again = await drain(rescore(store, { judge: await recordedJudge(store) }));
  expect(again.report.headline).toEqual(report.headline);
  expect(again.report.table).toEqual(report.table);
  expect(again.report.counts).toEqual(report.counts);
});
