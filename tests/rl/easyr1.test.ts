import { describe, expect, test } from "vitest";
import {
  easyR1Math,
  easyR1MathFormat,
  easyR1R1v,
  easyR1R1vAnswer,
  easyR1R1vFormat,
} from "../../src/rl/easyr1.ts";
import { gradeAnswer, lastBoxed } from "../../src/rl/math-ruler/grade-answer.ts";

/** Verdicts of MathRuler 14dadeb: [right, given, gold]. */
describe("MathRuler", () => {
  test.each([
    [true, "0.5", "\\frac12"],
    [false, "2/4", "1/2"],
    [false, "4/2", "2"],
    [true, "50\\%", "50"],
    [false, ".5", "50\\%"],
    [true, "12 cm", "12"],
    [true, "30^\\circ", "30"],
    [true, "(A)", "A"],
    [false, "A. red", "A"],
    [false, "Yes.", "Yes"],
    [true, "2\\sqrt2", "\\sqrt8"],
    [false, "2.828", "2\\sqrt2"],
    [false, ".333", "1/3"],
    [false, "(1,2)", "(2,1)"],
    [false, "[1,2]", "(1,2)"],
    [false, "1,2", "(1,2)"],
    [true, "x=5", "5"],
    [true, "(x+1)^2", "x^2+2x+1"],
    [false, "10^3", "1000"],
    [true, "1,234", "1234"],
    [true, "3 1/2", "7/2"],
    [false, "a+b+c", "c+b+a"],
    [false, "two", "2"],
    [false, "None", "5"],
    [false, "\\frac{x+1}{2}", "(x+1)/2"], // a fraction's sum loses its brackets
    [true, "\\text{red}", "Red"],
    [true, "5 meters", "5"],
    [true, "\\$5.00", "5"],
    [true, "3\\times 10^{-3}", "3e-3"],
    [true, "(0.5, 1)", "(\\frac12, 1)"],
    [false, "(\\frac{2}{4},3)", "(1/2,3)"],
    [false, "x\\sqrt{2}", "\\sqrt{2}x"],
    [false, "\\pi r^2", "r^2\\pi"], // "pir" is three letters
    [true, "1 and 2", "1, 2"],
    [true, "x/2+x/2", "x"],
    [false, "", "5"],
    [false, "\\sqrt{2}*9^9*9^9*9^9-\\sqrt{2}*9^9*9^9*9^9", "\\sqrt{17}"], // nothing but rounding
  ])("%s: %s and %s", (right, given, gold) => {
    expect(gradeAnswer(given, gold)).toBe(right);
  });

  test.each([
    ["\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"],
    ["\\boxed{ 3 }", "3"],
    ["\\boxed{3", "None"],
    ["3", "None"],
  ])("the last box of %s", (text, body) => {
    expect(lastBoxed(text)).toBe(body);
  });

  test("takes linear time", () => {
    const begin = performance.now();
    for (const piece of ["(", "{", "\\frac", "\\sqrt{", "1,", "1,234", "x+", "- ", "\\text{ "])
      gradeAnswer(piece.repeat(5000), "4");
    gradeAnswer("(".repeat(900) + "x", "x".repeat(900));
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});

describe("the r1v reward", () => {
  test.each([
    ["<think>a</think><answer>b</answer>", 1],
    ["<think>a</think>\n <answer>b</answer>", 1],
    ["<think></think><answer></answer>", 1],
    ["<think>a</think><answer>b</answer>\n", 0],
    [" <think>a</think><answer>b</answer>", 0],
    ["<think>a</think> so <answer>b</answer>", 0],
    ["<think>a</think><think>b</think><answer>c</answer>", 1],
    ["<think>a</think><answer>b</answer><answer>c</answer>", 1],
    ["<think>a</think> so <think>b</think> <answer>c</answer>", 1],
    ["<think>a<answer>b</answer>", 0],
    ["<answer>b</answer>", 0],
  ])("the format of %j is %s", (text, format) => {
    expect(easyR1R1vFormat(text)).toBe(format);
  });

  test("the first answer block is graded; one of several lines is not found, and all of the response is", () => {
    expect(easyR1R1vAnswer("<answer> 1 </answer><answer>2</answer>")).toBe("1");
    expect(easyR1R1vAnswer("<answer>\n1\n</answer><answer>2</answer>")).toBe("2");
    expect(easyR1R1vAnswer("<answer>\n1\n</answer>")).toBe("<answer>\n1\n</answer>");
    expect(easyR1R1v("<think>a</think><answer>\n1\n</answer>", "1")).toEqual({ overall: 0.5, format: 1, accuracy: 0 }); // prettier-ignore
  });

  test("half and half, or as it is told", () => {
    const response = "<think>a</think><answer>0.5</answer>";
    expect(easyR1R1v(response, " \\frac12 ")).toEqual({ overall: 1, format: 1, accuracy: 1 });
    expect(easyR1R1v(`${response}\n`, "0.5")).toEqual({ overall: 0.5, format: 0, accuracy: 1 });
    expect(easyR1R1v(response, "2", { formatWeight: 0.2 }).overall).toBeCloseTo(0.2, 12);
  });
});

describe("the math reward", () => {
  test.each([
    ["<think>a</think>\\boxed{b}", 1],
    ["<think>a</think> so \\boxed{b} it is\n", 1],
    ["< think >a< / think > \\boxed{b}", 1],
    ["<think>a</think><think>b</think>\\boxed{c}", 1],
    [" <think>a</think>\\boxed{b}", 1], // white space around a tag goes first
    ["So <think>a</think>\\boxed{b}", 0],
    ["<think>\\boxed{b}</think>", 0],
    ["<think>\\boxed{b}</think>\\boxed{c", 0],
    ["<think>a \\boxed{b}", 0],
  ])("the format of %j is %s", (text, format) => {
    expect(easyR1MathFormat(text)).toBe(format);
  });

  test("nine tenths for the last box", () => {
    expect(easyR1Math("<think>a</think>\\boxed{1} or \\boxed{2}", "2")).toEqual({ overall: 1, format: 1, accuracy: 1 }); // prettier-ignore
    expect(easyR1Math("\\boxed{2}", "2")).toEqual({ overall: 0.9, format: 0, accuracy: 1 });
    expect(easyR1Math("<think>a</think>\\boxed{1}", "2").overall).toBeCloseTo(0.1, 12);
    expect(easyR1Math("<think>a</think>2", "2")).toEqual({ overall: 0, format: 0, accuracy: 0 });
  });
});
