import { expect, test } from "vitest";
import { extractYesNo, verifyYesNo } from "../../../src/rl/verifiers/yes-no.ts";

test.each([
  ["No, it is not.", "No"],
  ["Yes", "Yes"],
  ["yes!", "Yes"],
  ["<answer>Yes</answer>", "Yes"],
  ["There is no dog, so yes", "Unknown"],
  ["nope", "Unknown"],
  ["**Yes**", "Unknown"],
  ["<think>no idea</think><answer>Yes</answer>", "Unknown"],
  ["", "Unknown"],
])("%j says %s", (text, said) => {
  expect(extractYesNo(text)).toBe(said);
});

test.each([
  ["Yes", "yes, it is", 1],
  ["no", "No.", 1],
  ["Yes", "No", 0],
  ["Yes", "perhaps", 0],
  ["Yes", "yes and no", 0],
  ["maybe", "Yes", null],
  ["", "Yes", null],
])("gold %j, response %j: %s", (answer, response, score) => {
  expect(verifyYesNo({ answer, response }).score).toBe(score);
});
