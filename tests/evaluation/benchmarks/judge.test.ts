import { expect, test } from "vitest";
import {
  choiceQuestion,
  extractQuestion,
  gradeQuestion,
  lettersQuestion,
  readReply,
  tenthsQuestion,
  yesNoQuestion,
} from "../../../src/evaluation/benchmarks/judge.ts";
import { row } from "./support.ts";

const choice = choiceQuestion(row({}), { A: "cat", B: "dog" }, "the barking one");
const yesNo = yesNoQuestion(row({}), "nope");
const extract = extractQuestion(row({}), "so 14", "an integer");
const grade = gradeQuestion("How long?", "22.3", "22.3 m");
const letters = lettersQuestion(row({}), "both");
const tenths = tenthsQuestion(row({}), "-1<AND>-5", "x = -1");

test.each([
  [choice, "B", "B"],
  [choice, " B. ", "B"],
  [choice, "dog", "B"],
  [choice, "Z", "Z"],
  [choice, "A or B", null],
  [choice, "", null],
  [yesNo, "No.", "No"],
  [yesNo, "unknown", "Unknown"],
  [yesNo, "yes and no", null],
  [extract, " 14 ", "14"],
  [extract, " ", null],
  [grade, "1", 1],
  [grade, "0 ", 0],
  [grade, "2", null],
  [grade, "Judgement: 1", null],
  [letters, "CA", "AC"],
  [letters, "ca", null],
  [letters, "A C", null],
  [tenths, "0.7", 0.7],
  [tenths, "1", 1],
  [tenths, "1.1", null],
  [tenths, "-0.1", null],
  [tenths, "0.75", null],
  [tenths, "good", null],
])("%o replied to by %j", (question, reply, said) => {
  expect(readReply(question, reply)).toBe(said);
});

test("questions hold what they are about, and are asked as often as VLMEvalKit asks", () => {
  expect(choice.prompt).toContain("A. cat\nB. dog");
  expect(yesNo.prompt).toContain("nope");
  expect(extract.prompt).toContain("an integer");
  expect(grade.prompt).toContain("22.3 m");
  expect(tenths.prompt).toContain("-1 <AND> -5");
  expect([choice, yesNo, extract, grade, letters, tenths].map(({ tries }) => tries)).toEqual([
    3, 5, 5, 5, 5, 5,
  ]);
});

test("a long response is shown without its middle", () => {
  const { prompt } = yesNoQuestion(row({}), `begin ${"x".repeat(20_000)} end`);
  expect(prompt.length).toBeLessThan(7000);
  expect(prompt).toMatch(/begin x+\n\[…\]\nx+ end/);
});
