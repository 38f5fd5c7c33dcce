import { describe, expect, test } from "vitest";
import {
  byReward,
  changeOf,
  countsOf,
  isFlat,
  isRight,
  meanReward,
  outcomeOf,
  passes,
  questionOf,
} from "../../demo/rollouts/groups.ts";
import type { RolloutRecord } from "../../workers/client.ts";

function rollout(reward: number | null, rewardParts: Record<string, number> = {}): RolloutRecord {
  return { text: "", tokens: [], logps: [], finishReason: "stop", reward, rewardParts, advantage: 0 };
}

function group(...rewards: (number | null)[]) {
  return { rollouts: rewards.map((reward) => rollout(reward)) };
}

test("right by the part accuracy, and by the reward only where there is none", () => {
  expect(isRight(rollout(0.7, { accuracy: 1, format: 0 }))).toBe(true);
  expect(isRight(rollout(1, { accuracy: 0 }))).toBe(false);
  expect(isRight(rollout(1))).toBe(true);
  expect(isRight(rollout(0.9))).toBe(false);
  expect(isRight(rollout(null))).toBe(false);
});

test("outcomes, and groups without a difference", () => {
  expect([group(1, 1), group(1, 0), group(0, 0)].map(outcomeOf)).toEqual(["right", "mixed", "wrong"]);
  expect([group(1, 1), group(1, 0), group(0.5, 0.5), group(null, 1)].map(isFlat)).toEqual([
    true,
    false,
    true,
    true,
  ]);
  // All are right, and yet there is something to learn: one is also well formed.
  const formed = { rollouts: [rollout(1, { accuracy: 1 }), rollout(0.7, { accuracy: 1 })] };
  expect([outcomeOf(formed), isFlat(formed)]).toEqual(["right", false]);
});

test("filters let through what they count", () => {
  const groups = [group(1, 1), group(1, 0), group(0, 1), group(0, 0)];
  expect(countsOf(groups)).toEqual({ all: 4, right: 1, mixed: 2, wrong: 1, flat: 2 });
  expect(groups.filter((each) => passes(each, "mixed"))).toEqual([groups[1], groups[2]]);
});

test("the best first, equals as they were drawn, failures last", () => {
  const [a, b, c, d] = [rollout(0), rollout(null), rollout(1), rollout(0)];
  const drawn = [a, b, c, d];
  const sorted = byReward(drawn);
  expect(sorted.map((each) => drawn.indexOf(each))).toEqual([2, 0, 3, 1]);
  expect(drawn).toEqual([a, b, c, d]);
});

test("the mean leaves out what has no reward", () => {
  expect(meanReward([group(1, null), group(0.5)])).toBe(0.75);
  expect(meanReward([group(null)])).toBeNull();
});

describe("questions", () => {
  test("the user's words of a chat", () => {
    const prompt =
      "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>how many ?<|im_end|>\n<|im_start|>assistant\n";
    expect(questionOf(prompt)).toBe("how many ?");
  });

  test("a prompt of another shape as it is", () => {
    expect(questionOf(" count ")).toBe("count");
  });
});

test("changes of log-probs; none where there was none", () => {
  expect(changeOf(Float32Array.of(-1, -0.5, -2), [-2, -0.5])).toEqual([1, 0, null]);
});
