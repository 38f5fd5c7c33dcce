import { describe, expect, test } from "vitest";
import { scoringKinds } from "../../../src/evaluation/benchmarks/benchmark.ts";
import { checkColumns, checkRow } from "../../../src/evaluation/benchmarks/check.ts";
import { detectScoring, ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { benchmarks, findBenchmark } from "../../../src/evaluation/benchmarks/registry.ts";
import { CorruptFileError } from "../../../src/util/errors.ts";
import { row, rowsOf } from "./support.ts";

test("the 13 benchmarks of WeThink's boards and OCRBench v2, each by another name", () => {
  expect(benchmarks).toHaveLength(14);
  const names = benchmarks.flatMap(({ name, files }) => [...new Set([`${name}.tsv`, ...files])]);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
});

/** The boards of 2025-05-30: WeThink's model and its base. */
test.each([
  ["MMBench v1.1", 81.8, 82.2],
  ["MMStar", 64.2, 64.1],
  ["MMMU val", 61.0, 58.0],
  ["HallusionBench avg", 55.3, 51.9],
  ["AI2D", 84.0, 84.3],
  ["OCRBench", 890, 888],
  ["MMVet", 73.2, 69.7],
  ["MathVista", 71.6, 68.1],
  ["MathVision", 26.0, 25.4],
  ["MathVerse (vision-only)", 44.2, 41.1],
  ["DynaMath", 24.8, 21.8],
  ["WeMath (strict)", 48.0, 36.2],
  ["LogicVista", 51.2, 47.9],
])("%s: WeThink %s, base %s, with source and date", (title, weThink, base) => {
  const figures = findBenchmark(title)?.published.filter(({ date }) => date === "2025-05-30") ?? [];
  expect(figures.map(({ model, value }) => [model, value])).toEqual([
    ["WeThink-Qwen2.5VL-7B", weThink],
    ["Qwen2.5-VL-7B", base],
  ]);
  for (const { source } of figures) expect(source).toContain("OpenCompass");
});

test("figures of other sources stand beside them, with their source", () => {
  const of = (name: string) =>
    findBenchmark(name)?.published.filter(({ source }) => !source.includes("OpenCompass")) ?? [];
  expect(of("MathVista_MINI").map(({ value }) => value)).toEqual([70.9, 71.6, 69.1]);
  expect(of("MathVision").map(({ value }) => value)).toEqual([27.2, 26.7, 25.9]);
  expect(of("HallusionBench").map(({ value }) => value)).toEqual([55.8, 52.9]);
  expect(of("OCRBench_v2")).toMatchObject([
    { value: 55.8, figure: "Chinese overall", source: "hyper.ai", date: null },
  ]);
});

test("what WeThink's own evaluation leaves out, and what needs a judge", () => {
  const named = (filter: (one: (typeof benchmarks)[number]) => boolean) =>
    benchmarks.filter(filter).map(({ name }) => name);
  expect(named(({ systemPrompt }) => !systemPrompt)).toEqual(["AI2D_TEST", "OCRBench"]);
  expect(named(({ judge }) => judge === "none")).toEqual(["OCRBench", "OCRBench_v2"]);
  expect(named(({ judge }) => judge === "all")).toEqual([
    "MMVet",
    "MathVerse_MINI_Vision_Only",
    "LogicVista",
  ]);
  for (const { notes } of benchmarks) expect(notes.join(" ")).toContain("other words");
});

test.each([
  ["mmstar", "MMStar"],
  ["MathVista_MINI.tsv", "MathVista_MINI"],
  ["/data/tables/MMMU_DEV_VAL.tsv", "MMMU_DEV_VAL"],
  ["C:\\data\\OCRBench.tsv", "OCRBench"],
  ["MMBench_TEST_EN_V11.tsv", "MMBench_DEV_EN_V11"],
  ["mathverse_minivonly.tsv", "MathVerse_MINI_Vision_Only"],
  ["HallusionBench avg", "HallusionBench"],
  ["own.tsv", undefined],
  ["", undefined],
])("%j is %s", (asked, name) => {
  expect(findBenchmark(asked)?.name).toBe(name);
});

test("a table of the user's own has no published figures; every kind has a headline", () => {
  for (const scoring of scoringKinds) {
    expect(ownBenchmark("own", scoring)).toMatchObject({
      name: "own",
      scoring,
      published: [],
      systemPrompt: true,
    });
    expect(ownBenchmark("own", scoring).headline).not.toBe("");
  }
});

describe("the kind of scoring that a table's columns tell", () => {
  const cases: [string, string[], string][] = [
    ["choice", ["index\tquestion\tA\tB\tanswer", "0\t?\tcat\tdog\tA"], "choice"],
    [
      "rotations",
      ["index\tquestion\tA\tB\tanswer", "1\t?\tcat\tdog\tA", "1000001\t?\tdog\tcat\tB"],
      "circular-choice",
    ],
    ["marks of images", ["index\tquestion\tA\tB\tanswer", "0\t<image 1>?\tcat\tdog\tA"], "mmmu"],
    ["yes and no", ["index\tquestion\tanswer", "0\t?\tYes", "1\t?\tno"], "yes-no"],
    ["figures", ["index\tquestion\tanswer", "VD_figure_1_0_0_0\t?\tYes"], "yes-no-figures"],
    ["texts", ["index\tquestion\tanswer", "0\t?\tYes", "1\t?\tcat"], "exact"],
    ["hidden answers", ["index\tquestion", "0\t?"], "exact"],
    ["a list of choices", ["index\tquestion\tchoices\tanswer", "0\t?\t[]\t5"], "mathvision"],
    ["MathVista's", ["index\tquestion\tquestion_type\tanswer_type\tanswer_option\tchoices\tanswer", "0\t?\tfree_form\tinteger\t\t\t5"], "mathvista"], // prettier-ignore
    ["DynaMath's", ["index\tquestion\tanswer\tanswer_type\tqid\tvarid", "0\t?\t5\tfloat\t1\t1"], "dynamath"],
    ["WeMath's", ["index\tquestion\tA\tB\tanswer\tID\tkey", "0\t?\ta\tb\tA\t1\t2steps_1"], "wemath"],
    ["MathVerse's", ["index\tquestion\tanswer\tquestion_for_eval", "0\t?\tA\t?"], "mathverse"],
    ["OCRBench v2's", ["index\tquestion\tanswer\teval\tbbox\tcontent", "0\t?\tx\ty\tz\tw"], "ocrbench-v2"],
  ];
  test.each(cases)("%s", async (_, lines, scoring) => {
    expect(detectScoring(lines[0].split("\t"), await rowsOf(lines))).toBe(scoring);
  });

  test("rotations are known by the table's name, too: they come late", async () => {
    const lines = ["index\tquestion\tA\tB\tanswer", "0\t?\tcat\tdog\tA"];
    const told = detectScoring(lines[0].split("\t"), await rowsOf(lines), "MMBench_DEV_EN.tsv");
    expect(told).toBe("circular-choice");
  });
});

describe("tables that cannot be scored", () => {
  test("columns that are missing are named, with the benchmark", () => {
    const mathVista = ownBenchmark("mine", "mathvista");
    const check = () => {
      checkColumns(mathVista, ["index", "question", "choices"]);
    };
    expect(check).toThrow(CorruptFileError);
    expect(check).toThrow(/mine: got the columns index, question, choices, expected question_type and answer_type and answer_option too/); // prettier-ignore
    expect(() => {
      checkColumns(ownBenchmark("mine", "choice"), ["question"]);
    }).toThrow("expected index too");
  });

  test("a table without answers is a hidden test set", () => {
    expect(() => {
      checkColumns(ownBenchmark("mine", "circular-choice"), ["index", "question", "A", "B"]);
    }).not.toThrow();
  });

  test.each([
    ["circular-choice", { index: "q1" }, "whole number"],
    ["yes-no-figures", { index: "12" }, "CATEGORY_SUBCATEGORY"],
    ["yes-no-figures", { index: "VD_figure_1_x_0_0" }, "CATEGORY_SUBCATEGORY"],
    ["wemath", { ID: "1", key: "4steps_1" }, "2steps_1"],
    ["dynamath", {}, "variant"],
  ] as const)("a row of %s that says not where it belongs: %j", (scoring, columns, expected) => {
    const check = () => {
      checkRow(ownBenchmark("mine", scoring), row(columns));
    };
    expect(check).toThrow(CorruptFileError);
    expect(check).toThrow(expected);
  });

  test.each([
    ["circular-choice", { index: "1000012" }],
    ["yes-no-figures", { index: "VS_chart_0_10_2_1" }],
    ["wemath", { ID: "1", key: "3steps_multi" }],
    ["dynamath", { qid: "1" }],
    ["choice", { index: "any" }],
  ] as const)("a row of %s that does: %j", (scoring, columns) => {
    expect(() => {
      checkRow(ownBenchmark("mine", scoring), row(columns));
    }).not.toThrow();
  });

  test("an index that comes twice is refused while reading", async () => {
    await expect(rowsOf(["index\tquestion", "7\t?", "7\t?"])).rejects.toThrow("index 7 of an earlier row");
  });
});
