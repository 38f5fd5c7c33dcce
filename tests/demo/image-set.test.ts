import { describe, expect, test } from "vitest";
import {
  mostExamples,
  parseImageSet,
  taskExamples,
  whatIsMissing,
  writeImageSet,
} from "../../demo/train/image-set.ts";
import type { OwnExample } from "../../demo/train/image-set.ts";
import { CorruptFileError } from "../../workers/client.ts";

const cat: OwnExample = {
  image: "data:image/png;base64,AAAA",
  question: "What is it?",
  answer: "a cat",
  reasoning: "",
};

test("a set survives the way into a file and back", () => {
  const rows = [cat, { ...cat, image: "", question: "2 + 2?", answer: "4", reasoning: "two more than 2" }];
  expect(parseImageSet(writeImageSet(rows), "set.json")).toEqual(rows);
});

test("a kind stays with its row, into the task and back into a file", () => {
  const rows = [{ ...cat, kind: "animals" }, cat];
  expect(parseImageSet(writeImageSet(rows), "set.json")).toStrictEqual(rows);
  expect(taskExamples(rows).map(({ kind }) => kind)).toEqual(["animals", undefined]);
});

test("the task gets no empty texts", () => {
  expect(taskExamples([{ ...cat, image: "", question: " Why? " }])).toEqual([
    { question: "Why?", answer: "a cat" },
  ]);
});

test("a plain list and a whole recipe are sets, too", () => {
  const list = [{ image: cat.image, question: cat.question, answer: cat.answer }];
  expect(parseImageSet(JSON.stringify(list), "list.json")).toEqual([cat]);
  const recipe = { model: "toy", task: { name: "examples", examples: list } };
  expect(parseImageSet(JSON.stringify(recipe), "recipe.json")).toEqual([cat]);
});

describe("what is no set is refused with its name and row", () => {
  test.each([
    ["no JSON", "{", "set.json: it is not JSON"],
    ["no list", '{"a": 1}', "set.json: got no list of examples"],
    ["a row that is none", '["cat"]', "set.json: example 1: expected"],
    ["a number for an answer", '[{"question": "How many?", "answer": 3}]', "example 1: answer: got number"],
    [
      "no question",
      '[{"question": "a", "answer": "b"}, {"answer": "b"}]',
      "example 2: question: got undefined",
    ],
  ])("%s", (_, text, message) => {
    expect(() => parseImageSet(text, "set.json")).toThrow(CorruptFileError);
    expect(() => parseImageSet(text, "set.json")).toThrow(message);
  });
});

describe("what is missing", () => {
  test("nothing of a whole set", () => {
    expect(whatIsMissing([cat])).toBe("");
  });

  test("an image, a question, an answer, by row", () => {
    expect(whatIsMissing([])).toContain("Add an image");
    expect(whatIsMissing([cat, { ...cat, question: " " }])).toBe("Still without question: row 2.");
    expect(whatIsMissing([{ ...cat, answer: "" }, cat, { ...cat, answer: "" }])).toBe(
      "Still without answer: rows 1, 3.",
    );
    const many = Array.from({ length: 8 }, () => ({ ...cat, answer: "" }));
    expect(whatIsMissing(many)).toBe("Still without answer: rows 1, 2, 3, 4, 5 and 3 more.");
  });

  test("more than a run takes", () => {
    expect(whatIsMissing(Array.from({ length: mostExamples + 1 }, () => cat))).toContain(
      `at most ${mostExamples}`,
    );
    expect(whatIsMissing([{ ...cat, image: "x".repeat(9 * 2 ** 20) }])).toContain("Together 9.0 MiB");
  });
});
