import { expect, test } from "vitest";
import { parseSet, verifySet } from "../../../src/rl/verifiers/set.ts";

test.each([
  ["b, a and c", ["b", "a", "c"]],
  ['["Red", "blue"]', ["red", "blue"]],
  ["{red; blue}", ["red", "blue"]],
  ["- red\n- blue", ["red", "blue"]],
  ["1. red\n2) blue", ["red", "blue"]],
  ["\\boxed{\\{1, 2\\}}", ["1/1", "2/1"]],
  ["1,234, 5", ["1234/1", "5/1"]],
  ["[red, blue]", ["red", "blue"]],
  ["red, Red.", ["red"]],
  ["", []],
])("%j has %j", (text, elements) => {
  expect(parseSet(text)).toEqual(elements);
});

test.each([
  ["a, b", "b and a", 1, 1],
  ["a, b", '["A","B"]', 1, 1],
  ["1, 2.0", "2, 1.0", 1, 1],
  ["a, b", "a, b, b", 1, 1],
  ["a, b", "a", 0, 2 / 3],
  ["a, b", "a, c", 0, 1 / 2],
  ["a, b", "a, b, c", 0, 4 / 5],
  ["a, b", "c", 0, 0],
  ["a, b", "", 0, 0],
  ["5!, a", "5, a", 0, 1 / 2],
  ["-x, a", "x, a", 0, 1 / 2],
  ["", "a", null, null],
])("gold %j, response %j: %s, F1 %s", (answer, response, exact, f1) => {
  expect(verifySet({ answer, response }).score).toBe(exact);
  const { score } = verifySet({ answer, response }, { score: "f1" });
  if (f1 === null) expect(score).toBeNull();
  else expect(score).toBeCloseTo(f1, 12);
});
