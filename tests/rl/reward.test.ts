import { describe, expect, test } from "vitest";
import {
  combineRewards,
  exactAnswerReward,
  normaliseAnswer,
  parseThinkAnswer,
  thinkAnswerFormatReward,
} from "../../src/rl/reward.ts";
import type { Completion } from "../../src/rl/reward.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const completion = (text: string): Completion => ({ text, tokens: [], finishReason: "stop" });

describe("parseThinkAnswer", () => {
  test.each([
    ["<think>a</think><answer>b</answer>", "a", "b", true, true],
    ["  <think> a\n</think>\n\n<answer>\nb\n</answer>\n", "a", "b", true, true],
    ["<think></think><answer></answer>", "", "", true, true],
    ["Well: <think>a</think> so <answer>b</answer>!", "a", "b", false, true],
    ["<think>a</think><answer>b</answer><answer>c</answer>", "a", "c", false, true],
    ["<think>a</think><think>b</think><answer>c</answer>", "a", "c", false, true],
    ["<think>the <answer>x</answer></think><answer>b</answer>", "the <answer>x</answer>", "b", false, true],
    ["<answer>b</answer><think>a</think>", "a", "b", false, false],
    ["<think>a <answer>b</answer>", null, "b", false, false],
    ["<think>a</think><answer>b", "a", null, false, false],
    ["<THINK>a</THINK><answer>b</answer>", null, "b", false, false],
    ["</answer><answer>", null, null, false, false],
    ["", null, null, false, false],
  ])("%j", (text, think, answer, strict, lenient) => {
    expect(parseThinkAnswer(text)).toEqual({ think, answer, strict, lenient });
  });

  test("takes linear time on a hostile completion", () => {
    const begin = performance.now();
    parseThinkAnswer("<think><answer>".repeat(100_000));
    parseThinkAnswer("</answer>".repeat(200_000));
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe("rewards", () => {
  test("format: strict, lenient, and with a prefilled opening tag", () => {
    const loose = completion("Hm. <think>a</think><answer>b</answer>");
    expect(thinkAnswerFormatReward()(loose, {})).toEqual({ value: 0, parts: { format: 0 } });
    expect(thinkAnswerFormatReward({ mode: "lenient" })(loose, {})).toEqual({
      value: 1,
      parts: { format: 1 },
    });
    const continued = completion("a</think><answer>b</answer>");
    expect(thinkAnswerFormatReward()(continued, {}).value).toBe(0);
    expect(thinkAnswerFormatReward({ prefill: "<think>" })(continued, {}).value).toBe(1);
  });

  test("accuracy reads the answer block only", () => {
    const reward = exactAnswerReward();
    const value = (text: string, answer?: string) => reward(completion(text), { answer }).value;
    expect(value("<think>the answer is 8</think><answer> 7 </answer>", "7")).toBe(1);
    expect(value("<think>7</think><answer>8</answer>", "7")).toBe(0);
    expect(value("7", "7")).toBe(0);
    expect(value("<answer>7</answer>", undefined)).toBeNull();
    expect(
      exactAnswerReward({ normalise: (text) => text })(completion("<answer>A</answer>"), { answer: "a" })
        .value,
    ).toBe(0);
  });

  test("normaliseAnswer", () => {
    expect(normaliseAnswer("  The\n Red   Car. ")).toBe("the red car");
    expect(normaliseAnswer('"Blue"')).toBe("blue");
    expect(normaliseAnswer("１２")).toBe("12");
    expect(normaliseAnswer("3.5")).toBe("3.5");
    expect(normaliseAnswer('"')).toBe('"');
    expect(normaliseAnswer(".")).toBe("");
  });

  test("WeThink's 0.7 and 0.3: a formatted wrong answer gets the format's share", () => {
    const reward = combineRewards(
      { accuracy: exactAnswerReward(), format: thinkAnswerFormatReward() },
      { accuracy: 0.7, format: 0.3 },
    );
    const score = (text: string, answer?: string) => reward(completion(text), { answer });
    expect(score("<think>a</think><answer>7</answer>", "7")).toEqual({
      value: 1,
      parts: { accuracy: 1, format: 1 },
    });
    expect(score("<think>a</think><answer>8</answer>", "7").value).toBeCloseTo(0.3, 12);
    expect(score("<answer>7</answer>", "7").value).toBeCloseTo(0.7, 12);
    expect(score("<think>a</think><answer>7</answer>")).toEqual({ value: 0.3, parts: { format: 1 } });
  });

  test("all components null give null; nested parts keep their names", () => {
    const nothing = combineRewards({ accuracy: exactAnswerReward() }, { accuracy: 1 });
    expect(nothing(completion("x"), {})).toEqual({ value: null, parts: {} });
    const nested = combineRewards({ style: () => ({ value: 2, parts: { words: 5 } }) }, { style: -1 });
    expect(nested(completion("x"), {})).toEqual({ value: -2, parts: { style: 2, "style/words": 5 } });
  });

  test("names and weights must fit", () => {
    expect(() => combineRewards({ accuracy: exactAnswerReward() }, { format: 1 })).toThrow(
      InvalidOptionError,
    );
    expect(() => combineRewards({}, {})).toThrow(InvalidOptionError);
    expect(() => combineRewards({ accuracy: exactAnswerReward() }, { accuracy: NaN })).toThrow(/accuracy/);
  });
});
