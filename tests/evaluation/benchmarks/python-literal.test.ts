import { expect, test } from "vitest";
import { parseLiteral, textsOf } from "../../../src/evaluation/benchmarks/python-literal.ts";

test.each([
  ["['a', \"b\"]", ["a", "b"]],
  ['["a", "b"]', ["a", "b"]],
  ["('a',)", ["a"]],
  ["('a')", "a"],
  ["[1, -2.5, 1e3, True, None]", [1, -2.5, 1000, true, null]],
  ["{'name': ['Ann'], 'sum': 5}", { name: ["Ann"], sum: 5 }],
  ["['it\\'s', 'a\\nb', '\\u00e9']", ["it's", "a\nb", "é"]],
  ["['\\\\frac{1}{2}', '\\sqrt{2}']", ["\\frac{1}{2}", "\\sqrt{2}"]],
  ["['one' 'two']", ["onetwo"]],
  ["[]", []],
  ["{}", {}],
])("%s", (text, value) => {
  expect(parseLiteral(text)).toEqual(value);
});

test.each([
  "",
  "cat",
  "['a' 1]",
  "['a'",
  "['a",
  "[a]",
  "['a'] and more",
  "{'a'}",
  "{['a']: 1}",
  "[".repeat(50),
])("%j is no literal", (text) => {
  expect(parseLiteral(text)).toBeUndefined();
});

test.each([
  ["['a', 1]", ["a", "1"]],
  ["'a'", ["a"]],
  ["a, b", ["a, b"]],
  ["5", ["5"]],
])("the texts of %s", (cell, texts) => {
  expect(textsOf(cell)).toEqual(texts);
});

test("a key named __proto__ is a key like any other", () => {
  expect(Object.keys(parseLiteral("{'__proto__': 1}") as object)).toEqual(["__proto__"]);
});
