import { expect, test } from "vitest";
import { buildPrompt } from "../../../src/evaluation/benchmarks/prompt.ts";
import { InvalidOptionError } from "../../../src/util/errors.ts";
import { row } from "./support.ts";

const animals = { question: "Which?", A: "cat", B: "dog" };

test("a choice: images, then hint, question, options and what to do", () => {
  expect(buildPrompt({ scoring: "choice" }, row({ ...animals, hint: "It barks." }), 2)).toEqual([
    { type: "image", index: 0 },
    { type: "image", index: 1 },
    {
      type: "text",
      text: "Hint: It barks.\nQuestion: Which?\nOptions:\nA. cat\nB. dog\nChoose the right answer from these options.\n",
    },
  ]);
});

test("options that a row does not have are not listed; without options nothing is asked of them", () => {
  const [, { text }] = buildPrompt(
    { scoring: "choice" },
    row({ question: "Which?", A: "cat", C: "dog" }),
    1,
  ) as [unknown, { text: string }];
  expect(text).toContain("A. cat\nC. dog\n");
  expect(buildPrompt({ scoring: "mmmu" }, row({ question: "How many?" }), 0)).toEqual([
    { type: "text", text: "Question: How many?\n" },
  ]);
});

test("WeMath's options stand without an instruction", () => {
  expect(buildPrompt({ scoring: "wemath" }, row(animals), 0)).toEqual([
    { type: "text", text: "Question: Which?\nOptions:\nA. cat\nB. dog\n" },
  ]);
});

test("MMMU's images stand where the text marks them, in options too, and may come again", () => {
  const marked = row({ question: "<image 1> or <image 2>?", A: "<image 2>", B: "none" });
  expect(buildPrompt({ scoring: "mmmu" }, marked, 2)).toEqual([
    { type: "text", text: "Question: " },
    { type: "image", index: 0 },
    { type: "text", text: " or " },
    { type: "image", index: 1 },
    { type: "text", text: "?\nOptions:\nA. " },
    { type: "image", index: 1 },
    { type: "text", text: "\nB. none\nChoose the right answer from these options.\n" },
  ]);
  expect(() => buildPrompt({ scoring: "mmmu" }, marked, 1)).toThrow(InvalidOptionError);
  expect(() => buildPrompt({ scoring: "mmmu" }, marked, 1)).toThrow("<image 2>");
});

test("a mark of another benchmark is text", () => {
  expect(buildPrompt({ scoring: "exact" }, row({ question: "What does <image 1> mean?" }), 1)).toEqual([
    { type: "image", index: 0 },
    { type: "text", text: "What does <image 1> mean?" },
  ]);
});

test.each([
  ["float", "three decimals"],
  ["multiple choice", "the letter of the option"],
  ["text", "numbers in the answer"],
])("DynaMath asks for JSON, and for a %s in its form", (type, form) => {
  const [part] = buildPrompt({ scoring: "dynamath" }, row({ question: "f(2)?", answer_type: type }), 0);
  const text = part.type === "text" ? part.text : "";
  expect(text).toContain("f(2)?");
  expect(text).toContain(form);
  expect(text).toContain('"short answer"');
});
