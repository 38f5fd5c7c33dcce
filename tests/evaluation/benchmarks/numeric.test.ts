import { describe, expect, test } from "vitest";
import {
  isEqualAnswer,
  numericValue,
  pythonFloat,
  pythonInt,
} from "../../../src/evaluation/benchmarks/numeric.ts";

test.each([
  ["14", 14, 14],
  [" -3 ", -3, -3],
  ["+7", 7, 7],
  ["1_000", 1000, 1000],
  ["14.0", null, 14],
  [".5", null, 0.5],
  ["5.", null, 5],
  ["1e3", null, 1000],
  ["1,000", null, null],
  ["14 m", null, null],
  ["", null, null],
  ["inf", null, null],
])("Python reads %j as the integer %s and the decimal %s", (text, int, float) => {
  expect(pythonInt(text)).toBe(int);
  expect(pythonFloat(text)).toBe(float);
});

describe("the value of an expression", () => {
  test.each([
    ["1/2", 0.5],
    ["2**3", 8],
    ["2(3+4)", 14],
    ["\\frac{1}{2}", 0.5],
    ["\\dfrac12", 0.5],
    ["\\frac{\\sqrt{3}}{2}", Math.sqrt(3) / 2],
    ["\\sqrt{\\frac{1}{4}}", 0.5],
    ["2\\sqrt{2}", 2 * Math.SQRT2],
    ["\\sqrt[3]{8}", 2],
    ["2^{10}", 1024],
    ["$\\frac{\\pi}{2}$", Math.PI / 2],
    ["3π", 3 * Math.PI],
    ["2√3", 2 * Math.sqrt(3)],
    ["3 \\times 10^{2}", 300],
    ["−5", -5],
    ["\\left(1+2\\right)\\cdot 3", 9],
  ])("%s", (text, value) => {
    expect(numericValue(text)).toBeCloseTo(value, 12);
  });

  test.each(["", "x", "2x", "x=3", "cat", "1/0", "\\sqrt{-1}", "1, 2", "\\frac{1}", "9".repeat(500)])(
    "%j has none",
    (text) => {
      expect(numericValue(text)).toBeNull();
    },
  );
});

test.each([
  ["Cat ", "cat", true],
  ["0.5", "\\frac{1}{2}", true],
  ["1.0000009", "1", true],
  ["1.0000011", "1", false],
  ["x+1", "1+x", false],
  ["50%", "0.5", false],
])("%j and %j: %s", (a, b, same) => {
  expect(isEqualAnswer(a, b)).toBe(same);
  expect(isEqualAnswer(b, a)).toBe(same);
});
