import { expect, test } from "vitest";
import { parseNumber, verifyNumber } from "../../../src/rl/verifiers/number.ts";

test.each([
  ["1,234.5", 1234.5, ""],
  ["1 234 567", 1234567, ""],
  ["-3", -3, ""],
  ["−3", -3, ""],
  ["$5.00", 5, ""],
  ["50%", 0.5, ""],
  ["50 percent", 0.5, ""],
  ["12 cm", 12, "cm"],
  ["12 centimeters", 12, "cm"],
  ["90°", 90, "degree"],
  ["1/4", 0.25, ""],
  ["3 1/2", 3.5, ""],
  ["\\frac{1}{4}", 0.25, ""],
  ["3e-3", 0.003, ""],
  ["3 × 10^5", 300000, ""],
  ["3\\times 10^{-2}", 0.03, ""],
  ["\\boxed{1{,}234}", 1234, ""],
  ["There are 3 cats and 4 dogs, so the answer is 7.", 7, ""],
  ["**42**", 42, ""],
  [".5", 0.5, ""],
  ["1.5 million", 1500000, ""],
  ["1\n234", 234, ""],
  ["1  234", 234, ""],
  ["3   × 10^5", 300000, ""],
])("%j is %s %s", (text, value, unit) => {
  const parsed = parseNumber(text);
  expect(parsed?.value).toBeCloseTo(value, 12);
  expect(parsed?.unit).toBe(unit);
});

test.each(["", "four", "bbox_2d", "1/0", "x1"])("%j has no number", (text) => {
  expect(parseNumber(text)).toBeNull();
});

test.each([
  ["7", "7.0", 1],
  ["7", "The answer is 7", 1],
  ["1000", "1,000", 1],
  ["50%", "0.5", 1],
  ["50%", "50", 0],
  ["12 cm", "12", 1],
  ["12", "12 cm", 1],
  ["12 cm", "12 m", 0],
  ["3.14", "3.15", 0],
  ["3.14", "3.1400001", 1],
  ["7", "seven", 0],
  ["0", "0", 1],
  ["0", "0.001", 0],
  ["many", "7", null],
])("gold %j, response %j: %s", (answer, response, score) => {
  expect(verifyNumber({ answer, response }).score).toBe(score);
});

test("a tolerance is a share of the gold answer, or a difference", () => {
  expect(verifyNumber({ answer: "100", response: "104" }, { relative: 0.05 }).score).toBe(1);
  expect(verifyNumber({ answer: "100", response: "106" }, { relative: 0.05 }).score).toBe(0);
  expect(verifyNumber({ answer: "0", response: "0.001" }, { absolute: 0.001 }).score).toBe(1);
});

test("takes linear time", () => {
  const begin = performance.now();
  for (const piece of ["1,234,", "1 ", "1/", "answer ", "-", "1e1"]) parseNumber(piece.repeat(20_000));
  const spaces = " ".repeat(100_000);
  for (const text of [`a${spaces}b`, `1${spaces}2`, "\\boxed{}".repeat(50_000), `${"!".repeat(100_000)}a`])
    parseNumber(text);
  expect(performance.now() - begin).toBeLessThan(20_000);
});
