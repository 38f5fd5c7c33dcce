import { describe, expect, test } from "vitest";
import {
  escapeMarkers,
  hasMarkers,
  stripImageMarkers,
  unescapeMarkers,
} from "../../../src/data/wethink/markers.ts";
import { parseAbilities, parseRecord } from "../../../src/data/wethink/record.ts";
import { joinResponse, splitResponse, stripAnswer, stripReasoning } from "../../../src/data/wethink/tags.ts";

describe("markers", () => {
  test.each([
    ["no marker at all, 1 < 2 & 3 > 2", "no marker at all, 1 < 2 & 3 > 2"],
    ["<image>", "&lt;image&gt;"],
    ["<video><audio>", "&lt;video&gt;&lt;audio&gt;"],
    ["&lt;image&gt;", "&amp;lt;image&amp;gt;"],
    ["&amp;lt;image&amp;gt; &lt;b&gt;", "&amp;amp;lt;image&amp;amp;gt; &lt;b&gt;"],
    ["&lt;image&amp;gt;", "&amp;lt;image&amp;amp;gt;"],
    ["<Image> <images> < image>", "<Image> <images> < image>"],
  ])("%j is escaped as %j, and back", (text, escaped) => {
    expect(escapeMarkers(text)).toBe(escaped);
    expect(unescapeMarkers(escaped)).toBe(text);
    expect(hasMarkers(text)).toBe(text !== escaped);
    expect(/<(image|video|audio)>/.test(escaped)).toBe(false);
  });

  test("escaping twice is undone by twice", () => {
    const text = "<image> &lt;audio&gt; &amp;lt;video&amp;amp;gt;";
    expect(unescapeMarkers(unescapeMarkers(escapeMarkers(escapeMarkers(text))))).toBe(text);
  });

  test.each([
    ["<image>What?", "What?", 1],
    ["<image>\nWhat?", "What?", 1],
    [" <image>\n<image> \n  What?", "  What?", 2],
    ["What?\n<image>", "What?\n", 1],
    ["Look:\n<image>\nWhat?", "Look:\nWhat?", 1],
    ["What does <image> mean?", "What does <image> mean?", 0],
    ["<image>\nWhat does <image> mean?", "What does <image> mean?", 1],
    ["What is the tag <image>", "What is the tag <image>", 0],
    ["<video>\nWhat?", "<video>\nWhat?", 0],
  ])("of the image in %j leaves %j", (text, left, removed) => {
    expect(stripImageMarkers(text)).toEqual({ text: left, removed });
  });
});

describe("tags", () => {
  test.each([
    ["plain", "plain"],
    ["<think>a\nb</think>", "a\nb"],
    ["<think>a</think><answer>5</answer>", "a"],
    ["<think>a</think>\n<answer>\n5\n</answer>\nand so on", "a\n\n\nand so on"],
    ["a</think>", "a"],
    ["< Think >a< / think >", "a"],
    ["<think>a</think> b <think>c</think>", "a b c"],
    ["a</think> <answer>5", "a"],
    ["a <answer> 5 ", "a"],
    ["I must use <answer> tags, so I do", "I must use  tags, so I do"],
    ["<answer>5</answer>", ""],
    ["<think>\n</think>", ""],
  ])("reasoning %j is %j", (text, reasoning) => {
    expect(stripReasoning(text, "5")).toBe(reasoning);
  });

  test.each([
    ["5", "5"],
    ["<answer> 5 </answer>", "5"],
    ["<think>hm</think><answer>4</answer> <answer>5</answer>", "5"],
    ["<think>hm</think> 5", "5"],
    ["5</answer>", "5"],
    ["<answer></answer>", ""],
  ])("answer %j is %j", (text, answer) => {
    expect(stripAnswer(text)).toBe(answer);
  });

  test.each([
    [{ reasoning: "a\nb", answer: "5" }, "<think>a\nb</think>\n<answer>5</answer>"],
    [{ reasoning: "", answer: "5" }, "<answer>5</answer>"],
  ])("%j is said as %j, and read from it", ({ reasoning, answer }, response) => {
    expect(joinResponse(reasoning, answer)).toBe(response);
    expect(splitResponse(response)).toEqual({ reasoning, answer });
  });

  test("a response without an answer block has its answer behind the reasoning, or is one", () => {
    expect(splitResponse("<think>a</think> 5")).toEqual({ reasoning: "a", answer: "5" });
    expect(splitResponse("5")).toEqual({ reasoning: "", answer: "5" });
  });
});

test.each<[unknown, string[] | null]>([
  [
    ["a", " b ", "a", ""],
    ["a", "b"],
  ],
  ["a, b,a", ["a", "b"]],
  ["a", ["a"]],
  ["", []],
  [null, []],
  [undefined, []],
  ['["a, b", "c"]', ["a, b", "c"]],
  ["['a', 'b c']", ["a", "b c"]],
  ["a、b;c", ["a", "b", "c"]],
  [7, null],
  [["a", 7], null],
  [{ a: 1 }, null],
])("abilities %j are %j", (value, abilities) => {
  expect(parseAbilities(value)).toEqual(abilities);
});

describe("a row", () => {
  const row = { problem: "p", answer: "a", refined_cot: "r", image_path: "i.png" };

  test("needs neither category nor abilities nor reward; values that nobody knows are kept", () => {
    const empty = { category: "", abilities: [], reward: "" };
    expect(parseRecord(row)).toEqual({ record: { ...row, ...empty }, changes: [] });
    const strange = { category: "DES?", abilities: ["telepathy"], reward: "gpt-9" };
    expect(parseRecord({ ...row, ...strange, more: 1 })).toEqual({
      record: { ...row, ...strange },
      changes: [],
    });
  });

  test("says what was done to it", () => {
    const parsed = parseRecord({
      ...row,
      problem: "<image>\np",
      answer: "<answer>a</answer>",
      refined_cot: "<think>of <image></think>",
    });
    expect(parsed).toMatchObject({
      record: { problem: "p", answer: "a", refined_cot: "of <image>" },
      changes: ["image-marker-removed", "reasoning-unwrapped", "answer-unwrapped", "literal-marker"],
    });
  });

  test("may lack reasoning where that is allowed", () => {
    expect(parseRecord({ ...row, refined_cot: "" })).toMatchObject({ reason: "empty-reasoning" });
    for (const reasoning of ["", null, undefined]) {
      const parsed = parseRecord({ ...row, refined_cot: reasoning }, { requireReasoning: false });
      expect(parsed).toMatchObject({ record: { refined_cot: "" } });
    }
  });
});
