import { beforeAll, expect, test } from "vitest";
import { verifyFillInBlank } from "../../../src/rl/verifiers/fill-in-blank.ts";
import { loadMathEngine, type MathEngine } from "../../../src/rl/verifiers/math-engine.ts";

let math: MathEngine;
beforeAll(async () => {
  math = await loadMathEngine();
});

test.each([
  ["red car", "The red car.", 1],
  ["Red  Car", "“red car”", 1],
  ["red-brown", "red brown", 1],
  ["Ｒｅｄ", "red", 1],
  ["red", "\\boxed{\\text{red}}", 1],
  ["red", "**Red**", 1],
  ["red", "dark red", 0],
  ["no", "on", 0],
  ["red", "", 0],
  ["+", "+", 1],
  ["+", "-", 0],
  ["-5", "5", 0],
  ["5", "-5", 0],
  ["-5", "-5.", 1],
  [".5", "5", 0],
  [".5", "(.5)", 1],
  ["5!", "5", 0],
  ["5!", "5!.", 1],
  ["red", "(Red)!", 1],
  ["-x", "x", 0],
  ["", "red", null],
])("as text: gold %j, response %j: %s", (answer, response, score) => {
  expect(verifyFillInBlank({ answer, response }).score).toBe(score);
  expect(verifyFillInBlank({ answer, response }, { math }).score).toBe(score);
});

test.each([
  ["0.5", "1/2", 1],
  ["\\frac{1}{2}", "0.5", 1],
  ["12 cm", "12", 1],
  ["0.5", "0.6", 0],
])("as mathematics, with an engine alone: gold %j, response %j: %s", (answer, response, score) => {
  expect(verifyFillInBlank({ answer, response }, { math }).score).toBe(score);
  expect(verifyFillInBlank({ answer, response }).score).toBe(0);
});

test("takes linear time", () => {
  const begin = performance.now();
  const spaces = " ".repeat(100_000);
  const signs = "!".repeat(100_000);
  for (const response of [
    `a${spaces}b`,
    `${signs}a`,
    `a${signs}b`,
    `5${signs}b`,
    `a${"-".repeat(100_000)}1`,
  ]) {
    verifyFillInBlank({ answer: "a b", response });
    verifyFillInBlank({ answer: "4", response }, { math });
  }
  expect(performance.now() - begin).toBeLessThan(20_000);
});
