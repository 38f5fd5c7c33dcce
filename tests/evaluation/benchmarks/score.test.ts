import { describe, expect, test } from "vitest";
import { scoreSample } from "../../../src/evaluation/benchmarks/score.ts";
import { outcome, row } from "./support.ts";

const animals = { A: "cat", B: "dog", C: "red car", D: "none", answer: "B" };

describe("choice", () => {
  // Outputs of VLMEvalKit itself, tags and all; null: nothing is inferred.
  test.each([
    ["(B)", "B"],
    ["B. dog", "B"],
    ["The answer is B.", "B"],
    ["\\boxed{B}", "B"],
    ["I think it is a dog", "B"],
    ["A good picture of B", null],
    ["A and B", null],
    ["A dog and a cat", null],
    ["b", null],
    ["", null],
    ["It is B because the animal in the picture barks at night", null],
    ["<answer> B </answer>", "B"],
    ["<think>hmm</think><answer>B</answer>", null],
    ["I can't process this file.", "Z"],
    ["Z", "Z"],
  ])("%j without cutting tags: %s", (response, letter) => {
    const expected = letter === null ? [0, "undecided", null] : [letter === "B" ? 1 : 0, "rule", letter];
    expect(outcome("choice", animals, response, { cutTags: false })).toEqual(expected);
  });

  test.each([
    ["<think>hmm</think><answer>B</answer>", 1, "B"],
    ["<think>B, or C</think>\n<answer>(C) red car</answer>", 0, "C"],
    ["<think>A and C</think> So it is B.", 1, "B"],
    ["<answer>A</answer> no, <answer>B</answer>", 1, "B"],
  ])("%j with tags cut scores %s", (response, score, letter) => {
    expect(outcome("choice", animals, response)).toEqual([score, "rule", letter]);
  });

  test("a response whose reasoning never ends is wrong, and no judge is asked", () => {
    expect(outcome("choice", animals, "<think>It is B", { judge: true })).toEqual([0, "rule", null]);
  });

  test("the judge decides what rules leave open; Z is wrong; no readable reply leaves the sample out", () => {
    const asked = scoreSample({ scoring: "choice" }, row(animals), "A very good boy indeed", { judge: true });
    expect(asked).toMatchObject({ score: null, how: "pending", question: { key: "choice", tries: 3 } });
    expect(asked.question?.prompt).toContain("C. red car");
    expect(asked.question?.prompt).toContain("A very good boy indeed");
    const reply = (choice: string | null) =>
      outcome("choice", animals, "A very good boy indeed", { judge: true, replies: { choice } });
    expect(reply("B")).toEqual([1, "judge", "B"]);
    expect(reply("C.")).toEqual([0, "judge", "C"]);
    expect(reply("Z")).toEqual([0, "judge", "Z"]);
    expect(reply("It could be A or B")).toEqual([null, "judge-failed", null]);
    expect(reply(null)).toEqual([null, "judge-failed", null]);
  });

  test("options may stand in the question; a gold answer that is none of them is of no use", () => {
    const listed = { question: "Which?\nA. cat\nB. dog", answer: "A" };
    expect(outcome("choice", listed, "cat")).toEqual([1, "rule", "A"]);
    expect(outcome("choice", { ...animals, answer: "E" }, "B")).toEqual([null, "unscored", null]);
    expect(outcome("choice", { answer: "B" }, "B")).toEqual([null, "unscored", null]);
  });

  test("a hidden answer leaves the sample unscored", () => {
    const hidden = scoreSample({ scoring: "choice" }, row({ A: "cat", B: "dog" }), "B");
    expect(hidden).toMatchObject({ score: null, how: "unscored" });
    expect(hidden.why).toContain("hidden");
  });
});

describe("MMMU", () => {
  test.each([
    [{ answer: "12" }, "It is 12", 1, "rule"],
    [{ answer: "12" }, "Other Answers", 0, "rule"],
    [{ answer: "12" }, "A", 1, "rule"],
    [{ answer: "12" }, "It is 13", 0, "undecided"],
    [{ answer: "['1/3', '0.33']" }, "about 0.33", 1, "rule"],
    [{ answer: "B", A: "cat", B: "dog" }, "dog", 1, "rule"],
  ])("%j answered by %j scores %s", (columns, response, score, how) => {
    expect(outcome("mmmu", columns, response).slice(0, 2)).toEqual([score, how]);
  });
});

describe("yes or no", () => {
  // Outputs of VLMEvalKit itself.
  test.each([
    ["No, it is not.", "No"],
    ["<answer>Yes</answer>", "Yes"],
    ["There is no dog, so yes", null],
    ["nope", null],
    ["**Yes**", null],
    ["<think>no idea</think><answer>Yes</answer>", null],
  ])("%j without cutting tags: %s", (response, said) => {
    const expected = said === null ? [0, "undecided", null] : [said === "Yes" ? 1 : 0, "rule", said];
    expect(outcome("yes-no", { answer: "Yes" }, response, { cutTags: false })).toEqual(expected);
  });

  test("tags are cut first; the judge decides the rest, Unknown is wrong", () => {
    const response = "<think>no idea</think><answer>Yes</answer>";
    expect(outcome("yes-no", { answer: "Yes" }, response)).toEqual([1, "rule", "Yes"]);
    const reply = (text: string) =>
      outcome("yes-no", { answer: "No" }, "nope", { judge: true, replies: { "yes-no": text } });
    expect(outcome("yes-no", { answer: "No" }, "nope", { judge: true })[1]).toBe("pending");
    expect(reply("No.")).toEqual([1, "judge", "No"]);
    expect(reply("Unknown")).toEqual([0, "judge", "Unknown"]);
    expect(reply("Hm")).toEqual([null, "judge-failed", null]);
    expect(outcome("yes-no", { answer: "maybe" }, "yes")[1]).toBe("unscored");
  });
});

describe("texts", () => {
  test.each([
    ["ocrbench", { answer: "['Café', 'cafe']", category: "Scene Text-centric VQA" }, "It says CAFE.", 1],
    ["ocrbench", { answer: "['Café']", category: "Scene Text-centric VQA" }, "It says cafe.", 0],
    ["ocrbench", { answer: "['two words']", category: "Handwriting Recognition" }, "two\nWords", 1],
    ["ocrbench", { answer: "['two words']", category: "Handwriting Recognition" }, "twowords", 0],
    [
      "ocrbench",
      { answer: "['x ^ 2']", category: "Handwritten Mathematical Expression Recognition" },
      "y = x^2",
      1,
    ],
    [
      "ocrbench",
      { answer: "['X^2']", category: "Handwritten Mathematical Expression Recognition" },
      "x^2",
      0,
    ],
    ["exact", { answer: "Red Car" }, " red  car. ", 1],
    ["exact", { answer: "red car" }, "a red car", 0],
    ["exact", { answer: "['car', 'auto']" }, "Auto", 1],
    ["exact", { answer: "[2007, 2008]" }, "2007", 0],
    ["exact", { answer: "[2007, 2008]" }, "[2007, 2008]", 1],
  ] as const)("%s of %j: %j scores %s", (scoring, columns, response, score) => {
    expect(outcome(scoring, columns, response).slice(0, 2)).toEqual([score, "rule"]);
  });
});

const vista = { question_type: "free_form", answer_type: "integer", answer: "14" };

describe("MathVista", () => {
  test.each([
    [vista, "14", 1, "rule"],
    [vista, " +14 ", 1, "rule"],
    [vista, "15", 0, "rule"],
    [{ ...vista, answer: "0" }, "0", 1, "rule"],
    [vista, "14.0", 1, "approximation"],
    [vista, "There are 3 rows, so 14 apples.", 1, "approximation"],
    [vista, "many", 0, "undecided"],
    [{ ...vista, answer_type: "float", answer: "1.45" }, "1.45", 1, "rule"],
    [{ ...vista, answer_type: "float", answer: "1.45" }, "1.450", 1, "rule"],
    [{ ...vista, answer_type: "float", answer: "1.45" }, "1.4", 0, "rule"],
    [{ ...vista, answer_type: "float", answer: "12.5" }, "It is 12.5%.", 1, "approximation"],
    [{ ...vista, answer_type: "list", answer: "[2007, 2008]" }, "[2007, 2008]", 1, "rule"],
    [{ question_type: "multi_choice", answer_type: "text", choices: "['3/11', '8/11']", answer_option: "B", answer: "8/11" }, "(B) 8/11", 1, "rule"], // prettier-ignore
    [{ question_type: "multi_choice", answer_type: "text", choices: "['3/11', '8/11']", answer_option: "B", answer: "8/11" }, "3/11", 0, "rule"], // prettier-ignore
    [{ ...vista, answer: "many" }, "14", null, "unscored"],
  ])("%j answered by %j scores %s", (columns, response, score, how) => {
    expect(outcome("mathvista", columns, response).slice(0, 2)).toEqual([score, how]);
  });

  test("the judge copies the answer out of a longer response", () => {
    const reply = (extract: string) =>
      outcome("mathvista", vista, "three rows, so fourteen", { judge: true, replies: { extract } });
    expect(outcome("mathvista", vista, "three rows, so fourteen", { judge: true })[1]).toBe("pending");
    expect(outcome("mathvista", vista, "14", { judge: true })[1]).toBe("rule");
    expect(reply("14")).toEqual([1, "judge", "14"]);
    expect(reply("13")).toEqual([0, "judge", "13"]);
    expect(reply("null")).toEqual([0, "judge", "null"]);
  });
});

describe("MathVision", () => {
  const choices = "['1', '2', '3']";
  test.each([
    [{ choices, answer: "C" }, "C", 1, "rule"],
    [{ choices, answer: "C" }, "2", 0, "rule"],
    [{ choices: "[]", answer: "0.5" }, "\\frac{1}{2}", 1, "rule"],
    [{ choices: "[]", answer: "2\\sqrt{2}" }, "2.8284271", 1, "rule"],
    [{ choices: "[]", answer: "2\\sqrt{2}" }, "2.83", 0, "rule"],
    [{ choices: "[]", answer: "1" }, "1.0000009", 1, "rule"],
    [{ choices: "[]", answer: "1" }, "1.0000011", 0, "rule"],
    [{ choices: "[]", answer: "3/4" }, "6/8", 1, "rule"],
    [{ choices: "[]", answer: "Friday" }, "friday", 1, "rule"],
    [{ choices: "[]", answer: "7" }, "so x = 7", 1, "approximation"],
    [{ choices: "[]", answer: "7" }, "seven", 0, "undecided"],
  ])("%j answered by %j scores %s", (columns, response, score, how) => {
    expect(outcome("mathvision", columns, response).slice(0, 2)).toEqual([score, how]);
  });
});

describe("MathVerse", () => {
  const free = { answer: "22.3" };
  const choice = { answer: "C", question_for_eval: "How long is BC? ()\nChoices:\nA:2\nB:2√3\nC:√3\nD:2√2" };

  test("two questions to the judge: what the answer is, and whether it agrees", () => {
    const ask = (replies: Record<string, string | null>) =>
      scoreSample({ scoring: "mathverse" }, row(free), "about 22.3 metres", { judge: true, replies });
    expect(ask({}).question?.key).toBe("extract");
    expect(ask({ extract: "22.3" })).toMatchObject({ score: 1, how: "judge" });
    const second = ask({ extract: "22.3 m" });
    expect(second).toMatchObject({ how: "pending", question: { key: "grade" } });
    expect(second.question?.prompt).toContain("22.3 m");
    expect(ask({ extract: "22.3 m", grade: "1" })).toMatchObject({
      score: 1,
      how: "judge",
      extracted: "22.3 m",
    });
    expect(ask({ extract: "22.3 m", grade: "0" })).toMatchObject({ score: 0, how: "judge" });
    expect(ask({ extract: "22.3 m", grade: "yes" })).toMatchObject({ score: null, how: "judge-failed" });
    expect(ask({ extract: null })).toMatchObject({ score: null, how: "judge-failed" });
  });

  test.each([
    [free, "22.3", 1, "rule"],
    [free, "It is 22.3 m.", 1, "approximation"],
    [free, "It is 22.4 m.", 0, "approximation"],
    [choice, "C: √3", 1, "approximation"],
    [choice, "C", 1, "rule"],
    [choice, "B", 0, "approximation"],
    [choice, "hard to say", 0, "undecided"],
    [{ answer: "\\frac{1}{2}" }, "0.5", 1, "approximation"],
  ])("without a judge %j answered by %j scores %s", (columns, response, score, how) => {
    expect(outcome("mathverse", columns, response).slice(0, 2)).toEqual([score, how]);
  });
});

describe("DynaMath", () => {
  const json = (answer: string) => `{"solution": "1 + 1\nis two", "short answer": "${answer}"}`;
  const float = { answer_type: "float", answer: "2.5" };
  const choice = { answer_type: "multiple choice", answer: "B" };
  const text = { answer_type: "text", answer: "even function" };
  test.each([
    [float, json("2.501"), 1, "rule"],
    [float, json("2.5011"), 0, "rule"],
    [float, json("2.499 metres"), 1, "rule"],
    [float, '{"short answer": 2.5}', 1, "rule"],
    [{ ...float, answer: "7.854" }, json("2.5π"), 1, "rule"],
    [float, "2.5", 1, "rule"],
    [float, "about two and a half", 0, "undecided"],
    [float, '```json\n{"solution": "\\\\frac{5}{2}", "short answer": "2.5"}\n```', 1, "rule"],
    [choice, json("b"), 1, "rule"],
    [choice, json("B: no"), 1, "rule"],
    [choice, json("C"), 0, "rule"],
    [choice, json("A or B"), 0, "undecided"],
    [choice, json("B) bread"), 1, "approximation"],
    [choice, json("D. bread"), 0, "approximation"],
    [choice, "B, as all can see", 1, "rule"],
    [text, json("even"), 1, "rule"],
    [text, json("EVEN FUNCTION"), 1, "rule"],
    [text, json("odd"), 0, "rule"],
    [text, json(""), 0, "undecided"],
    [text, "This is a long story about functions", 0, "undecided"],
    [{ ...float, answer: "many" }, json("2"), null, "unscored"],
  ])("%j answered by %j scores %s", (columns, response, score, how) => {
    expect(outcome("dynamath", columns, response).slice(0, 2)).toEqual([score, how]);
  });

  test("the judge copies the answer where there is no short one", () => {
    const reply = (extract: string) =>
      outcome("dynamath", float, "two and a half", { judge: true, replies: { extract } });
    expect(outcome("dynamath", float, "two and a half", { judge: true })[1]).toBe("pending");
    expect(reply("2.500")).toEqual([1, "judge", "2.5"]);
    expect(reply("two")).toEqual([0, "judge", "two"]);
  });
});

describe("LogicVista", () => {
  test.each([
    ["B", "B", 1, "approximation"],
    ["A, C", "C and A", 1, "approximation"],
    ["A, C", "CA", 1, "approximation"],
    ["A, C", "A", 0, "approximation"],
    ["A, C", "A, B, C", 0, "approximation"],
    ["D", "The figure on the right is D.", 1, "approximation"],
    ["D", "the one on the right", 0, "undecided"],
    ["A, C", "A closer look at the pictures leaves only C and A as possible ones here", 0, "undecided"],
    ["?", "A", null, "unscored"],
  ])("without a judge gold %j, %j scores %s", (answer, response, score, how) => {
    expect(outcome("logicvista", { answer }, response).slice(0, 2)).toEqual([score, how]);
  });

  test("the judge's letters are compared as a set", () => {
    const reply = (letters: string | null) =>
      outcome("logicvista", { answer: "A, C" }, "both outer ones", { judge: true, replies: { letters } });
    expect(outcome("logicvista", { answer: "A, C" }, "A, C", { judge: true })[1]).toBe("pending");
    expect(reply("CA")).toEqual([1, "judge", "AC"]);
    expect(reply("A")).toEqual([0, "judge", "A"]);
    expect(reply("Z")).toEqual([0, "judge", "Z"]);
    expect(reply("A, C")).toEqual([null, "judge-failed", null]);
    expect(reply(null)).toEqual([null, "judge-failed", null]);
  });
});

describe("MM-Vet", () => {
  test("the judge's tenths are the score; without a judge there is none", () => {
    const columns = { answer: "-1 <AND> -5" };
    expect(outcome("mmvet", columns, "x = -1")).toEqual([null, "unscored", null]);
    const asked = scoreSample({ scoring: "mmvet" }, row(columns), "x = -1", { judge: true });
    expect(asked.question?.prompt).toContain("-1 <AND> -5");
    const reply = (tenths: string) =>
      outcome("mmvet", columns, "x = -1", { judge: true, replies: { tenths } });
    expect(reply("0.5")).toEqual([0.5, "judge", "x = -1"]);
    expect(reply("1.0")).toEqual([1, "judge", "x = -1"]);
    expect(reply("0.55")[1]).toBe("judge-failed");
    expect(reply("Grade: 0.5")[1]).toBe("judge-failed");
  });
});

test("white space without end takes no time", () => {
  const start = performance.now();
  outcome("dynamath", { answer_type: "float", answer: "1" }, `{"short answer":${" ".repeat(50_000)}{ }`);
  outcome(
    "ocrbench-v2",
    { category: "key information extraction en", answer: '[\'{"a": "b"}\']' },
    " a".repeat(20_000),
  );
  for (const scoring of ["choice", "mathvista", "mathvision", "mathverse", "logicvista"] as const)
    outcome(scoring, { ...animals, answer_type: "float", choices: "[]" }, ` \n`.repeat(50_000));
  expect(performance.now() - start).toBeLessThan(10_000);
});

test("the same replies give the same score again", () => {
  const options = { judge: true, replies: { choice: "B" } };
  const first = scoreSample({ scoring: "choice" }, row(animals), "the barking one", options);
  const again = row(JSON.parse(JSON.stringify(row(animals).columns)) as Record<string, string>);
  expect(scoreSample({ scoring: "choice" }, again, "the barking one", options)).toEqual(first);
});
