import { describe, expect, test } from "vitest";
import { explainReward } from "../../src/rl/explain-reward.ts";
import { hybridReward, type HybridExample, type HybridRewardOptions } from "../../src/rl/hybrid-reward.ts";

const right = "<think> two wheels </think>\n<answer> B </answer>";
const record: HybridExample = {
  answer: "B",
  problem: "Which?\nA. cat\nB. dog",
  category: "MC",
  reward: "odd",
};

test("says the verifier and why, what was read, and each part with weight and reason", async () => {
  expect(await explainReward(right, record)).toEqual({
    verifier: {
      name: "multiple-choice",
      why: "by category “MC” (unknown reward “odd”)",
      unknown: ["reward “odd”"],
    },
    extraction: { text: "B", why: "the answer block" },
    extracted: "B",
    parts: [
      {
        name: "accuracy",
        value: 1,
        weight: 0.7,
        contribution: 0.7,
        why: "B (dog) by its letter is the gold answer",
      },
      {
        name: "format",
        value: 1,
        weight: 0.3,
        contribution: 0.3,
        why: "a think block, then an answer block",
      },
    ],
    overall: 1,
  });
});

test("a verdict that could not be made has no value, and the sample is left out", async () => {
  const { overall, parts } = await explainReward(right, {
    answer: "a very long tale of two of them",
    reward: "llm",
  });
  expect(overall).toBeNull();
  expect(parts[0]).toMatchObject({ value: null, contribution: null, why: "there is no judge" });
  expect(parts[1]).toMatchObject({ value: 1 });
});

describe("the format", () => {
  test.each<[string, string, HybridRewardOptions["format"]?]>([
    ["B", "there is no think block"],
    ["<think> on and on", "the think block does not end"],
    ["<think>a</think> B", "there is no answer block"],
    ["<think>a</think> <answer> B", "the answer block does not end"],
    ["<answer>B</answer> <think>a</think>", "the answer block is not behind the think block"],
    ["<think>a</think> so <answer>B</answer>", "there is text outside of the two blocks"],
    [
      "<think>a</think> <answer>A</answer> <answer>B</answer>",
      "there is more than one answer tag, and the strict form has one of each",
    ],
    ["<think>a</think> so <answer>B</answer>", "a think block, then an answer block", "lenient"],
    [
      "<think>a</think><answer>B</answer>\n",
      "EasyR1's r1v form is <think>…</think>, white space, <answer>…</answer>, and nothing around it",
      "easyr1-r1v",
    ],
    [
      "<think>a</think>\\boxed{B}",
      "a think block at the beginning, and a \\boxed{…} behind it",
      "easyr1-math",
    ],
  ])("%s: %s", async (response, why, format) => {
    const { parts } = await explainReward(response, record, { format });
    expect(parts[1].why).toBe(why);
  });

  test("is read with what the prompt put before it", async () => {
    const { parts } = await explainReward("a</think> <answer>B</answer>", record, { prefill: "<think>" });
    expect(parts[1]).toMatchObject({ value: 1 });
  });
});

test.each(["easyr1-r1v", "easyr1-math"] as const)(
  "%s has EasyR1's weights, and the parts add up",
  async (reward) => {
    const response = "<think>a</think><answer>\\boxed{7}</answer>";
    const { parts, overall, extracted } = await explainReward(response, { answer: "7", reward });
    expect(overall).toBeCloseTo(parts[0].contribution! + parts[1].contribution!);
    expect(parts[0].weight + parts[1].weight).toBe(1);
    expect(extracted).not.toBeNull();
  },
);

test("its numbers are the reward's own", async () => {
  const responses = [right, "<answer>A</answer>", "B", "", "<think>x</think><answer>the dog</answer>"];
  for (const text of responses) {
    const { overall, accuracy, format } = await hybridReward()(
      { text, tokens: [], finishReason: "stop" },
      record,
    );
    const explained = await explainReward(text, record);
    expect(explained.overall).toBe(overall);
    expect(explained.parts.map(({ value }) => value)).toEqual([accuracy, format]);
  }
});
