import { describe, expect, test } from "vitest";
import {
  editDistance,
  ocrBenchV2Categories,
  ocrBenchV2Unscored,
} from "../../../src/evaluation/benchmarks/scoring/ocrbench-v2.ts";
import { outcome } from "./support.ts";

const plain = { eval: "without eval", bbox: "without bbox", content: "without content" };
const of = (category: string, answer: string, more: Record<string, string> = {}) => ({
  ...plain,
  category,
  answer,
  ...more,
});

describe("OCRBench v2", () => {
  test.each([
    [of("cognition VQA en", "['Blue Sky']"), "a blue sky", 1],
    [of("cognition VQA en", "['Blue Sky']"), "a bluesky", 0],
    // Five words are long: 1 of 26 letters differs, case aside.
    [of("diagram QA en", "['one two three four fivesix']"), "one two three four fiveSEX", 25 / 26],
    [of("diagram QA en", "['one two three four five']"), "one two three", 13 / 23],
    [of("diagram QA en", "['one two three four five']"), "one two", 0],
    [of("diagram QA en", "['one two three four five']"), "nothing of the kind here", 0],
    [of("text recognition en", "['Ab']", { eval: "case sensitive" }), "AB", 0],
    [of("text recognition en", "['Ab']", { eval: "case sensitive" }), "so Ab", 1],
    [of("science QA en", "['B']", { eval: "multiple choice" }), "(B)", 1],
    [of("science QA en", "['B']", { eval: "multiple choice" }), "B. dog", 0],
    [of("cognition VQA cn", "['蓝 天']"), "是蓝天", 1],
    [of("formula recognition en", "['x ^ 2']"), "$x^2$", 1],
    [of("formula recognition cn", "['\\\\text{x}+1']"), "x + 1", 1],
    [of("text counting en", "['8']", { eval: "regression" }), "I count 6", 0.75],
    [of("text counting en", "['8']", { eval: "regression" }), "4", 0],
    [of("text counting en", "['8']", { eval: "regression" }), "16", 0],
    [of("text counting en", "['8']", { eval: "exact match" }), "8 of them", 1],
    [of("handwritten answer extraction cn", "['ACD']", { question: "选择题" }), "A、C、D", 1],
    [of("handwritten answer extraction cn", "['ACD']", { question: "选择题" }), "A and C", 0],
    [of("key information extraction en", "['{\"name\": [\"Ann Lee\"], \"sum\": [\"5\"]}']"), '{"name": "ANNLEE", "sum": "6"}', 0.5], // prettier-ignore
    [of("key information extraction en", "['{\"name\": [\"Ann\", \"Anne\"]}']"), '```json\n{"name": "anne", "age": "9"}\n```', 0.5], // prettier-ignore
    [of("key information extraction cn", "[\"{'名': '安'}\"]"), "{'名': '安'}", 1],
    [of("text grounding en", "[0, 0, 100, 100]"), "first (9, 9, 9, 9), then (0, 0, 100, 50)", 0.5],
    [of("text grounding en", "[0, 0, 100, 100]"), "in the corner", 0],
    [of("VQA with position en", "['stop']", { bbox: "[0, 0, 10, 10]" }), '{"answer": "Stop", "bbox": [0, 0, 10, 5]}', 0.75], // prettier-ignore
    [of("VQA with position en", "['stop']", { bbox: "[0, 0, 10, 10]" }), "Stop", 0],
  ])("%j answered by %j scores %s", (columns, response, score) => {
    const [value, how] = outcome("ocrbench-v2", columns, response);
    expect(how).toBe("rule");
    expect(value).toBeCloseTo(score, 12);
  });

  test.each([...ocrBenchV2Unscored, "juggling en"])("“%s” is left out", (category) => {
    expect(outcome("ocrbench-v2", of(category, "['x']"), "x")).toEqual([null, "unscored", null]);
  });

  test("essay questions are left out", () => {
    const columns = of("handwritten answer extraction cn", "['很长']", { question: "简答题" });
    expect(outcome("ocrbench-v2", columns, "很长")[1]).toBe("unscored");
  });

  test("every task belongs to one category", () => {
    const tasks = Object.values(ocrBenchV2Categories).flatMap((categories) =>
      Object.values(categories).flat(),
    );
    expect(new Set(tasks).size).toBe(tasks.length);
    expect(tasks).toHaveLength(30);
    expect(tasks).toEqual(expect.arrayContaining([...ocrBenchV2Unscored]));
  });
});

test.each([
  ["kitten", "sitting", 3],
  ["", "abc", 3],
  ["abc", "abc", 0],
])("from %j to %j it is %s letters", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});
