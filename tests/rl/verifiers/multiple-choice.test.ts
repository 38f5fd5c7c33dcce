import { describe, expect, test } from "vitest";
import {
  extractChoice,
  parseOptions,
  verifyMultipleChoice,
} from "../../../src/rl/verifiers/multiple-choice.ts";

const options = { A: "cat", B: "dog", C: "red car", D: "none" };

describe("VLMEvalKit's inference", () => {
  test.each([
    ["(B)", "B"],
    ["B. dog", "B"],
    ["The answer is B.", "B"],
    ["\\boxed{B}", "B"],
    ["I think it is a dog", "B"],
    ["<answer> B </answer>", "B"],
    ["The answer is B because all of the animals in the picture bark at night", "B"],
    ["The correct answer is **B**. The animal in the picture barks loudly at night", "B"],
    ["A good picture of B", null],
    ["A and B", null],
    ["A dog and a cat", null],
    ["b", null],
    ["", null],
    ["It is B because the animal in the picture barks at night", null],
    ["<think>hmm</think><answer>B</answer>", null],
    ["Z", "Z"],
    ["Cannot determine the answer from this", "Z"],
    ["Of all the animals that one may find in a picture of this kind it is a dog", null], // too long for its text
  ])("%j chooses %s", (text, letter) => {
    expect(extractChoice(text, options).letter).toBe(letter);
  });
});

test.each([
  ["What?\nA. cat\nB. dog", { A: "cat", B: "dog" }],
  ["What?\n(A) cat\n(B) red car\n\nAnswer with a letter.", { A: "cat", B: "red car" }],
  ["What?\nOptions:\nA: cat\nB: dog\nC: cow", { A: "cat", B: "dog", C: "cow" }],
  ["What is it? (A) cat (B) dog, (C) cow", { A: "cat", B: "dog", C: "cow" }],
  ["What is it? A) cat B) dog", { A: "cat", B: "dog" }],
  ["A. Smith asks: how many?", {}],
  ["How many dogs?", {}],
])("the options of %j", (problem, expected) => {
  expect(parseOptions(problem)).toEqual(expected);
});

test.each([
  ["B", "B", 1],
  ["(B)", "B.", 1],
  ["dog", "B", 1],
  ["B", "dog", 1],
  ["B. dog", "It is B", 1],
  ["B", "A", 0],
  ["B", "I do not know", 0],
  ["B", "", 0],
  ["b", "B", 1],
  ["A, C", "C and A", 1],
  ["AC", "A, C", 1],
  ["A, C", "A", 0],
  ["A, C", "A, B, C", 0],
])("gold %s, response %j: %s", (answer, response, score) => {
  expect(verifyMultipleChoice({ answer, response, options }).score).toBe(score);
});

test.each([
  ["A", "A", 1],
  ["A", "B", 0],
  ["(C)", "C", 1],
  ["B.", "(B)", 1],
])(
  "a letter is a letter where it is an option's text too: gold %s, response %j: %s",
  (answer, response, score) => {
    const letters = { A: "C", B: "A", C: "B" };
    expect(verifyMultipleChoice({ answer, response, options: letters }).score).toBe(score);
  },
);

test("a letter that no option has is an option's text", () => {
  expect(verifyMultipleChoice({ answer: "X", response: "B", options: { A: "Y", B: "X" } }).score).toBe(1);
});

test.each([{}, []])("options %j are none given: those of the question count", (none) => {
  const problem = "Which?\nA. cat\nB. dog";
  expect(verifyMultipleChoice({ answer: "dog", response: "B", problem, options: none }).score).toBe(1);
});

test("options come from a list, from the question, or not at all", () => {
  expect(verifyMultipleChoice({ answer: "B", response: "dog", options: ["cat", "dog"] }).score).toBe(1);
  expect(verifyMultipleChoice({ answer: "B", response: "dog", problem: "?\nA. cat\nB. dog" }).score).toBe(1);
  expect(verifyMultipleChoice({ answer: "B", response: "(B)" }).score).toBe(1);
  expect(verifyMultipleChoice({ answer: "E", response: "E" }).score).toBe(1);
  expect(verifyMultipleChoice({ answer: "a dog", response: "A dog." }).score).toBe(1);
});

test("a gold answer that is none of the options gives no verdict", () => {
  expect(verifyMultipleChoice({ answer: "a horse", response: "B", options }).score).toBeNull();
  expect(verifyMultipleChoice({ answer: "", response: "B" }).score).toBeNull();
});
