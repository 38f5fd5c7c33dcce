import { describe, expect, test } from "vitest";
import {
  aggregate,
  headlineOf,
  scaleOf,
  type BenchmarkResult,
} from "../../../src/evaluation/benchmarks/aggregate.ts";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { benchmarks, findBenchmark } from "../../../src/evaluation/benchmarks/registry.ts";
import { resultOf, rowsOf } from "./support.ts";

/** Tables are written with bars for tabs. */
const table = (...lines: string[]) => lines.map((line) => line.replaceAll("|", "\t"));

const figure = ({ headline, figures }: BenchmarkResult, name: string) =>
  [headline, ...figures].find((one) => one.name === name)?.value;

/** Values of a table by "split by name figure", rounded. */
const cells = ({ table: rows, headline }: BenchmarkResult) =>
  Object.fromEntries(
    rows.map(({ split, by, name, figure: of, value, count }) => [
      [split, by, name, of === headline.name ? undefined : of].filter(Boolean).join(" / "),
      [value === null ? null : Math.round(value * 100) / 100, count],
    ]),
  );

function known(name: string) {
  const found = findBenchmark(name);
  if (!found) throw new Error(name);
  return found;
}

const choices = table(
  "index|question|A|B|C|answer|category|l2-category|split",
  "0|Which?|cat|dog|cow|A|animals|nature|dev",
  "1|Which?|cat|dog|cow|B|animals|nature|test",
  "2|Which?|red|blue||B|colours|sight|test",
  "3|Which?|red|blue||A|colours|sight|test",
  "4|Which?|red|blue|||colours|sight|test",
);

describe("a choice", () => {
  test("means by split, category and l2-category; hidden answers are left out, undecided ones are wrong", async () => {
    const result = await resultOf("choice", choices, ["A", "dog", "A or B", "red", "A"]);
    expect(result.headline).toEqual({ name: "Accuracy", value: 75, unit: "%" });
    expect(cells(result)).toEqual({
      "dev / overall / Overall": [100, 1],
      "dev / l2-category / nature": [100, 1],
      "dev / category / animals": [100, 1],
      "test / overall / Overall": [66.67, 3],
      "test / l2-category / nature": [100, 1],
      "test / l2-category / sight": [50, 2],
      "test / category / animals": [100, 1],
      "test / category / colours": [50, 2],
    });
    expect(result.counts).toMatchObject({ rows: 5, scored: 4, how: { rule: 3, undecided: 1, unscored: 1 } });
    expect(result.undecided).toEqual(["2"]);
    expect(result.units.map(({ id }) => id)).toEqual(["0", "1", "2", "3"]);
    expect(result.notes.join("\n")).toContain("1 response could not be decided");
    expect(result.notes.join("\n")).toContain("no option is drawn at random");
  });

  test("no row that can be scored: no figure, and no 0", async () => {
    const hidden = table("index|question|A|B", "0|Which?|cat|dog");
    const result = await resultOf("choice", hidden, ["A"]);
    expect(result.headline.value).toBeNull();
    expect(result.table.map(({ value, count }) => [value, count])).toEqual([[null, 0]]);
  });
});

describe("rotations", () => {
  const circular = table(
    "index|question|A|B|answer|category",
    "1|Which?|cat|dog|A|animals",
    "2|Which?|red|blue|A|colours",
    "3|Which?|one|two|A|counts",
    "1000001|Which?|dog|cat|B|animals",
    "1000002|Which?|blue|red|B|colours",
    "1000003|Which?|two|one|B|counts",
    "4|Which?|day|night|A|times",
  );

  test("a question counts only if every rotation is right", async () => {
    const responses = ["A", "A", "A", "B", "A", "hm", "A"];
    const result = await resultOf("circular-choice", circular, responses);
    expect(result.headline.value).toBe(50); // questions 1 and 4 of 4
    expect(figure(result, "Accuracy without rotations counted together")).toBeCloseTo((100 * 5) / 7, 12);
    expect(cells(result)).toMatchObject({ "category / animals": [100, 1], "category / colours": [0, 1] });
    expect(result.units.map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    expect(result.notes.join("\n")).toContain("1 of 4 questions have fewer rotations");
  });

  test("a column may say what a row is a rotation of", async () => {
    const lines = table("index|g_index|question|A|B|answer", "a|q|?|1|2|A", "b|q|?|2|1|B", "c|r|?|1|2|A");
    const result = await resultOf("circular-choice", lines, ["A", "A", "A"]);
    expect(result.units).toEqual([
      { id: "q", parts: [[0, 1]] },
      { id: "r", parts: [[1, 1]] },
    ]);
  });

  test("a rotation that the judge left open leaves its question out, unless another one is wrong", async () => {
    const rows = await rowsOf(circular.slice(0, 5));
    const scores = [1, 0, 1, null].map((score) => ({
      score,
      extracted: null,
      how: "judge" as const,
      why: "",
    }));
    const at = (order: readonly number[]) =>
      aggregate(
        ownBenchmark("own", "circular-choice"),
        rows.slice(0, 4).map((one, index) => ({ row: one, score: scores[order[index]] })),
      );
    expect(at([0, 1, 2, 3]).units.map(({ id }) => id)).toEqual(["2", "3"]); // 1 is open, 2 wrong, 3 right
    expect(at([1, 0, 2, 3]).units.map(({ id, parts }) => [id, parts[0][0]])).toEqual([["1", 0], ["2", 1], ["3", 1]]); // prettier-ignore
  });
});

test("MMMU's headline is of the validation split; open questions are a choice", async () => {
  const lines = table(
    "index|question|A|B|answer|category|split",
    "dev_1|Which?|cat|dog|A|Art|dev",
    "val_1|Which?|cat|dog|B|Art|validation",
    "val_2|How many?|||12|Maths|validation",
    "val_3|How many?|||7|Maths|validation",
  );
  const result = await resultOf(known("MMMU_DEV_VAL"), lines, ["B", "B", "It is 12", "8"]);
  expect(result.headline.value).toBeCloseTo(200 / 3, 12);
  expect(cells(result)).toMatchObject({
    "dev / overall / Overall": [0, 1],
    "validation / overall / Overall": [66.67, 3],
    "validation / category / Maths": [50, 2],
  });
  expect(result.notes.join("\n")).toContain("split validation");
});

describe("HallusionBench", () => {
  const lines = table(
    "index|question|answer|category|l2-category",
    "VD_figure_0_0_0_0|Is it?|Yes|VD|figure",
    "VD_figure_0_0_0_1|Is it?|No|VD|figure",
    "VD_figure_1_0_1_0|Is it?|No|VD|figure",
    "VD_figure_1_0_1_1|Is it?|No|VD|figure",
    "VS_chart_0_0_0_0|Is it?|Yes|VS|chart",
  );

  test("aAcc over questions, fAcc over figures, qAcc over questions on all their figures", async () => {
    // Right: figure 0 both, figure 1 its second question; the chart.
    const result = await resultOf("yes-no-figures", lines, ["yes", "no", "yes", "no", "Yes."]);
    expect(figure(result, "aAcc")).toBe(80);
    expect(figure(result, "fAcc")).toBeCloseTo(200 / 3, 12); // figures 0 of 0, 1 of 0, 0 of the chart
    expect(figure(result, "qAcc")).toBeCloseTo(200 / 3, 12); // question 0 is wrong on figure 1
    expect(result.headline.value).toBeCloseTo((80 + 200 / 3 + 200 / 3) / 3, 12);
    expect(cells(result)).toMatchObject({
      "overall / Overall / aAcc": [80, 5],
      "category / VD / aAcc": [75, 4],
      "category / VD / fAcc": [50, 2],
      "category / VD / qAcc": [50, 2],
      "l2-category / chart / qAcc": [100, 1],
    });
    expect(result.units.map(({ id }) => id)).toEqual(["figure_0", "chart_0"]);
  });

  test("figures and questions are other groups", async () => {
    const crossed = table(
      "index|question|answer|l2-category",
      ...["0_0", "0_1", "0_2", "1_0", "1_1", "1_2"].map((at) => `VS_map_1_4_${at}|Is it?|Yes|map`),
    );
    // Figure 0 is all right; of figure 1 question 2 is wrong: 1 of 2 figures, 2 of 3 questions.
    const result = await resultOf("yes-no-figures", crossed, ["yes", "yes", "yes", "yes", "yes", "no"]);
    expect(figure(result, "aAcc")).toBeCloseTo(500 / 6, 12);
    expect(figure(result, "fAcc")).toBe(50);
    expect(figure(result, "qAcc")).toBeCloseTo(200 / 3, 12);
  });

  test("drawing a set of figures twice weighs it twice", async () => {
    const { units } = await resultOf("yes-no-figures", lines, ["yes", "no", "yes", "no", "Yes."]);
    // aAcc 7/9, fAcc 3/5 … of figure_0 twice and chart_0: (3 + 3 + 1)/9, (1 + 1 + 1)/5, (1 + 1 + 1)/5
    expect(headlineOf([units[0], units[0], units[1]], 100)).toBeCloseTo(
      (100 * (7 / 9 + 3 / 5 + 3 / 5)) / 3,
      12,
    );
  });
});

test("plain yes or no is a mean", async () => {
  const lines = table("index|question|answer|category", "0|Is it?|Yes|a", "1|Is it?|No|b");
  const result = await resultOf("yes-no", lines, ["Yes, it is", "Yes"]);
  expect(result.headline).toEqual({ name: "Accuracy", value: 50, unit: "%" });
  expect(cells(result)).toMatchObject({ "category / a": [100, 1], "category / b": [0, 1] });
});

test("OCRBench is a score of 1000, scaled where questions are missing", async () => {
  const lines = table(
    "index|question|answer|category",
    "0|Text?|['STOP']|Regular Text Recognition",
    "1|Text?|['two']|Handwriting Recognition",
    "2|Sum?|['5']|Key Information Extraction",
    "3|Formula?|['x ^ 2']|Handwritten Mathematical Expression Recognition",
  );
  const result = await resultOf(known("OCRBench"), lines, ["stop", "three", "5 euros", "x^2"]);
  expect(result.headline).toEqual({ name: "Final Score", value: 750, unit: "of 1000" });
  expect(scaleOf(result.headline.unit)).toBe(1000);
  expect(cells(result)).toMatchObject({
    "part / Text Recognition": [50, 2],
    "part / Key Information Extraction": [100, 1],
    "category / Handwriting Recognition": [0, 1],
  });
  expect(result.notes.join("\n")).toContain("scaled from 4 questions to 1000");
});

test("OCRBench v2 is a mean of categories, by language; tasks without a rule are left out", async () => {
  const lines = table(
    "index|question|answer|category|eval|bbox|content",
    "0|?|['cat']|text recognition en|without eval|without bbox|without content",
    "1|?|['cat']|text recognition en|without eval|without bbox|without content",
    "2|?|['cat']|full-page OCR en|without eval|without bbox|without content",
    "3|?|['8']|text counting en|regression|without bbox|without content",
    "4|?|['天']|cognition VQA cn|without eval|without bbox|without content",
  );
  const result = await resultOf(known("OCRBench_v2"), lines, ["a cat", "a dog", "a cat", "6", "天"]);
  expect(result.headline.name).toBe("English overall");
  expect(result.headline.value).toBeCloseTo((50 + 75) / 2, 12);
  expect(figure(result, "Chinese overall")).toBe(100);
  expect(cells(result)).toMatchObject({
    "category / en text recognition": [50, 2],
    "category / en mathematical calculation": [75, 1],
    "task / full-page OCR en": [null, 0],
  });
  expect(result.notes.join("\n")).toContain("full-page OCR en");
  const chinese = await resultOf(known("OCRBench_v2"), [lines[0], lines[5]], ["天"]);
  expect(chinese.headline).toEqual({ name: "Chinese overall", value: 100, unit: "%" });
});

test("MathVista by task and skill, with a judge and without", async () => {
  const lines = table(
    "index|question|answer|question_type|answer_type|choices|answer_option|task|skills",
    "0|How many?|14|free_form|integer|||VQA|['arithmetic', 'counting']",
    "1|How long?|1.5|free_form|float|||VQA|['arithmetic']",
    "2|Which?|dog|multi_choice|text|['cat', 'dog']|B|figures|['logic']",
    "3|Which?|cat|multi_choice|text|['cat', 'dog']|A|figures|['logic']",
  );
  const result = await resultOf("mathvista", lines, ["14", "It is 1.6 m", "(B)", "hm"]);
  expect(result.headline.value).toBe(50);
  expect(cells(result)).toEqual({
    "overall / Overall": [50, 4],
    "task / VQA": [50, 2],
    "task / figures": [50, 2],
    "skill / arithmetic": [50, 2],
    "skill / counting": [100, 1],
    "skill / logic": [50, 2],
  });
  expect(result.counts.how).toMatchObject({ rule: 2, approximation: 1, undecided: 1 });
  expect(result.notes.join("\n")).toContain("not comparable with judged figures");
});

test("MathVision by subject", async () => {
  const lines = table(
    "index|question|choices|answer|category",
    "0|?|[]|0.5|algebra",
    "1|?|['1', '2']|B|counting",
    "2|?|[]|\\sqrt{2}|algebra",
  );
  const result = await resultOf("mathvision", lines, ["\\frac{1}{2}", "A", "1.4142136"]);
  expect(result.headline.value).toBeCloseTo(200 / 3, 12);
  expect(cells(result)).toMatchObject({ "category / algebra": [100, 2], "category / counting": [0, 1] });
});

test("MathVerse by version and subject, out of its cell of metadata", async () => {
  const of = (subject: string) =>
    `{'split': 'testmini', 'problem_version': 'Vision Only', 'subject': '${subject}', 'subfield': 'Angle'}`;
  const lines = table(
    "index|question|answer|question_for_eval|metadata",
    `0|?|C|How long? Choices: A:1 B:2 C:3|${of("Plane Geometry")}`,
    `1|?|22.3|How far?|${of("Functions")}`,
    `2|?|5|How far?|${of("Functions")}`,
  );
  const options = { judge: true, replies: { extract: "22.3 m", grade: "1" } };
  const result = await resultOf("mathverse", lines, ["C", "about 22.3 m", "about 22.3 m"], options);
  expect(result.headline.value).toBe(100);
  const alone = await resultOf("mathverse", lines, ["C", "about 22.3 m", "about 22.3 m"]);
  expect(cells(alone)).toEqual({
    "overall / Overall": [66.67, 3],
    "problem_version / Vision Only": [66.67, 3],
    "subject / Functions": [50, 2],
    "subject / Plane Geometry": [100, 1],
    "subfield / Angle": [66.67, 3],
  });
});

test("DynaMath: the average, and the worst of each question's variants", async () => {
  const lines = table(
    "index|question|answer|answer_type|qid|varid|subject|knowledge_level",
    "0|?|1.5|float|0|1|algebra|high school",
    "1|?|2.5|float|0|2|algebra|high school",
    "2|?|B|multiple choice|1|1|topology|college",
    "3|?|C|multiple choice|1|2|topology|college",
  );
  const result = await resultOf("dynamath", lines, ['{"short answer": "1.501"}', "2.5", "B", "D"]);
  expect(result.headline).toEqual({ name: "Average", value: 75, unit: "%" });
  expect(figure(result, "Worst case")).toBe(50);
  expect(cells(result)).toEqual({
    "overall / Overall": [75, 4],
    "subject / algebra": [100, 2],
    "subject / topology": [50, 2],
    "knowledge level / college": [50, 2],
    "knowledge level / high school": [100, 2],
    "overall / Overall / Worst case": [50, 2],
    "subject / algebra / Worst case": [100, 1],
    "subject / topology / Worst case": [0, 1],
    "knowledge level / college / Worst case": [0, 1],
    "knowledge level / high school / Worst case": [100, 1],
  });
  expect(result.units.map(({ id }) => id)).toEqual(["0", "1"]);
  expect(result.notes.join("\n")).toContain("ten variants");
});

describe("WeMath", () => {
  const header = "index|question|A|B|answer|ID|key";
  /** A problem of two or three steps and the responses to them: r for right, w for wrong, the whole last. */
  const problems = (...marks: string[]) => {
    const parts = marks.flatMap((mark, id) =>
      Array.from(mark, (sign, at) => ({
        key: `${mark.length - 1}steps_${at === mark.length - 1 ? "multi" : at + 1}`,
        id,
        response: sign === "r" ? "A" : "B",
      })),
    );
    return {
      lines: table(header, ...parts.map(({ key, id }, index) => `${index}|?|one|two|A|${id}|${key}`)),
      responses: parts.map(({ response }) => response),
    };
  };

  test("the strict and the loose score, and the four dimensions", async () => {
    // CM, IG, IK, RM (strict; loose CM), RM (both), CM of three steps, IG of three steps, RM strict of three steps
    const { lines, responses } = problems("rrr", "rrw", "rww", "rwr", "wwr", "rrrr", "rrrw", "wrrr");
    const result = await resultOf("wemath", lines, responses);
    // strict: IG 2, RM 3, IK 1: (8 - 1 - 3 - 1) / 8; loose: RM 1: (8 - 1 - 1 - 1) / 8
    expect(result.headline).toEqual({ name: "Score (Strict)", value: 37.5, unit: "%" });
    expect(figure(result, "Score (Loose)")).toBe(62.5);
    expect(figure(result, "Insufficient Knowledge")).toBe(12.5);
    expect(figure(result, "Inadequate Generalization")).toBe(25);
    expect(figure(result, "Complete Mastery (Strict)")).toBe(25);
    expect(figure(result, "Complete Mastery (Loose)")).toBe(50);
    expect(figure(result, "Rote Memorization (Strict)")).toBe(60); // 3 of 5 that were solved
    expect(figure(result, "Rote Memorization (Loose)")).toBe(20);
    expect(figure(result, "One-step (S1)")).toBeCloseTo((100 * 14) / 19, 12);
    expect(figure(result, "Two-step (S2)")).toBe(60);
    expect(figure(result, "Three-step (S3)")).toBeCloseTo(200 / 3, 12);
    expect(result.units).toHaveLength(8);
  });

  test("over 525 problems it is (525 - IG/2 - RM - IK)/525", async () => {
    const marks = Array.from({ length: 525 }, (_, id) =>
      id < 100 ? "rrw" : id < 150 ? "rwr" : id < 225 ? "www" : "rrr",
    );
    const { lines, responses } = problems(...marks);
    const result = await resultOf(known("WeMath"), lines, responses);
    expect(result.headline.value).toBeCloseTo((100 * (525 - 50 - 50 - 75)) / 525, 12);
    expect(result.notes.join("\n")).not.toContain("The formula is over");
  });

  test("a problem of which a step is missing is left out, and said", async () => {
    const { lines, responses } = problems("rrr", "rrr");
    const result = await resultOf(known("WeMath"), lines.slice(0, -1), responses.slice(0, -1));
    expect(result.headline.value).toBe(100);
    expect(result.units).toHaveLength(1);
    expect(result.notes.join("\n")).toContain("1 problems are left out");
    expect(result.notes.join("\n")).toContain("over the 1 problems that are here, not over 525");
  });
});

test("LogicVista by skill", async () => {
  const lines = table(
    "index|question|answer|skill",
    "0|?|B|['inductive']",
    "1|?|A, C|['inductive', 'spatial']",
    "2|?|D|mechanical",
  );
  const result = await resultOf("logicvista", lines, ["B", "C, A", "A"]);
  expect(cells(result)).toEqual({
    "overall / Overall": [66.67, 3],
    "skill / inductive": [100, 2],
    "skill / mechanical": [0, 1],
    "skill / spatial": [100, 1],
  });
});

test("MM-Vet: the mean grade, by ability and by what abilities are needed together", async () => {
  const lines = table("index|question|answer|category", "0|?|cat|rec,ocr", "1|?|dog|rec", "2|?|cow|ocr,spat");
  const rows = await rowsOf(lines);
  const result = aggregate(
    known("MMVet"),
    [0.5, 1, 0.2].map((score, at) => ({
      row: rows[at],
      score: { score, extracted: "", how: "judge" as const, why: "" },
    })),
  );
  expect(result.headline.value).toBeCloseTo(170 / 3, 12);
  expect(cells(result)).toEqual({
    "overall / Overall": [56.67, 3],
    "ability / ocr": [35, 2],
    "ability / rec": [75, 2],
    "ability / spat": [20, 1],
    "category / ocr_spat": [20, 1],
    "category / rec": [100, 1],
    "category / rec_ocr": [50, 1],
  });
  const alone = await resultOf(known("MMVet"), lines, ["cat", "dog", "cow"]);
  expect(alone.headline.value).toBeNull();
  expect(alone.notes.join("\n")).toContain("3 responses left out");
});

test("the same texts", async () => {
  const result = await resultOf("exact", table("index|question|answer", "0|?|Cat", "1|?|dog"), [
    "cat.",
    "a dog",
  ]);
  expect(result.headline.value).toBe(50);
});

test.each(benchmarks.map((benchmark) => [benchmark.name, benchmark] as const))(
  "%s: nothing at all comes to no figure",
  (_, benchmark) => {
    const result = aggregate(benchmark, []);
    expect(result.headline.value).toBeNull();
    expect(result.figures.every(({ value }) => value === null)).toBe(true);
    expect(result.units).toEqual([]);
  },
);
