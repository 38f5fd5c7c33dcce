import { expect, test } from "vitest";
import { headlineOf, scaleOf, unitOf } from "../../../src/evaluation/benchmarks/aggregate.ts";
import { resultOf, row, rowsOf } from "./support.ts";

test.each([
  ["circular-choice", { index: "2000007" }, "7"],
  ["circular-choice", { index: "3012345" }, "12345"],
  ["yes-no-figures", { index: "VD_figure_1_2_3_4", "l2-category": "figure" }, "figure_2"],
  ["dynamath", { qid: "12" }, "12"],
  ["wemath", { ID: "5", key: "3steps_2" }, "3steps_5"],
  ["choice", { index: "9" }, "9"],
] as const)("the unit of a row of %s", (scoring, columns, id) => {
  expect(unitOf({ scoring }, row(columns))).toBe(id);
});

test("the units of a result are those of its rows, and make its headline", async () => {
  for (const [scoring, lines, responses] of [
    [
      "choice",
      ["index\tquestion\tA\tB\tanswer", "0\tWhich?\tcat\tdog\tA", "1\tWhich?\tcat\tdog\tA"],
      ["A", "B"],
    ],
    ["exact", ["index\tquestion\tanswer", "a\t?\tCat", "b\t?\tdog"], ["cat", "x"]],
  ] as const) {
    const result = await resultOf(scoring, lines, responses);
    const ids = (await rowsOf(lines)).map((one) => unitOf({ scoring }, one));
    expect(result.units.map(({ id }) => id)).toEqual(ids);
    expect(headlineOf(result.units, scaleOf(result.headline.unit))).toBe(result.headline.value);
  }
});
