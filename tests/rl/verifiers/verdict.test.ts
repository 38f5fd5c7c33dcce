import { expect, test } from "vitest";
import { extractAnswer } from "../../../src/rl/verifiers/verdict.ts";

test.each([
  ["<think>a</think><answer> b </answer>", "b", "answer-block", "b"],
  ["<think>a</think><answer>b</answer><answer>c</answer>", "c", "answer-block", null],
  ["<think>the <answer>8</answer></think><answer>7</answer>", "7", "answer-block", null],
  ["<think>is it <answer>8</answer>?</think> 7", "7", "behind-think", null],
  ["<think>8</think> It is 7.", "It is 7.", "behind-think", null],
  ["<think>8</think><answer>7", "7", "behind-think", null],
  ["The answer is 7", "The answer is 7", "whole-text", null],
  ["<think>maybe 8", null, "none", null],
  ["<answer>7</answer>", "7", "answer-block", "7"],
  ["<think></think><answer></answer>", "", "answer-block", ""],
  ["", "", "whole-text", null],
])("%j", (text, lenient, from, strict) => {
  expect(extractAnswer(text)).toMatchObject({ text: lenient, from });
  expect(extractAnswer(text, "strict").text).toBe(strict);
});
