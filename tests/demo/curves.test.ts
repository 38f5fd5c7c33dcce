import { describe, expect, test } from "vitest";
import { curvesOf, describeCurve, pointsOf } from "../../demo/train/curves.ts";
import type { Curve, StepFigures } from "../../demo/train/curves.ts";

const steps: StepFigures[] = [
  { step: 0, metrics: { reward: 0.25, reward_std: 0.5, "completions/min_length": 2, kl: 0 } },
  { step: 1, metrics: { reward: 0.9, reward_std: 0.3, kl: 0.01 } },
  { step: 2, metrics: { reward: 0.75, reward_std: 0.1, kl: 0.02 } },
];
const grpo = curvesOf({ grpo: true, task: "shapes" });

function curve(key: string): Curve {
  const found = grpo.find((each) => each.key === key);
  if (!found) throw new Error(`no curve ${key}`);
  return found;
}

test("every kind of run has its curves from the start, the one that counts first", () => {
  expect(grpo.map(({ key }) => key)).toEqual([
    "reward",
    "rewards/accuracy/mean",
    "rewards/thinking/mean",
    "completions/mean_length",
    "kl",
    "entropy",
    "frac_reward_zero_std",
    "grad_norm",
    "clip_ratio/region_mean",
    "loss",
  ]);
  const other = curvesOf({ grpo: true, task: "letter-share" }).map(({ key }) => key);
  expect(other[0]).toBe("reward");
  expect(other.filter((key) => key.startsWith("rewards/"))).toEqual([]);
  const supervised = curvesOf({ grpo: false, task: "shapes" }).map(({ key }) => key);
  expect(supervised[0]).toBe("loss");
  expect(supervised).not.toContain("reward");
});

describe("points", () => {
  test("are counted from 1; the band is one spread to each side, within what a reward can be", () => {
    expect(pointsOf(curve("reward"), steps)).toEqual({
      steps: [1, 2, 3],
      values: [0.25, 0.9, 0.75],
      low: [0, expect.closeTo(0.6), expect.closeTo(0.65)],
      high: [0.75, 1, expect.closeTo(0.85)],
    });
  });

  test("a reward of a task of one's own may be above 1 or below 0, and so may its band", () => {
    const [reward] = curvesOf({ grpo: true, task: "module" });
    expect(pointsOf(reward, steps).high[1]).toBeCloseTo(1.2);
    expect(pointsOf(reward, steps).low[0]).toBeCloseTo(-0.25);
  });

  test("a step without the metric leaves a gap", () => {
    const length = pointsOf(curve("completions/mean_length"), steps);
    expect(length.values).toEqual([null, null, null]);
    expect(length.low).toEqual([2, null, null]);
    expect(pointsOf(curve("kl"), steps).low).toEqual([null, null, null]);
  });
});

test("a curve in words: first, greatest and last value, each once", () => {
  expect(describeCurve(curve("reward"), [])).toBe("Reward per step: no steps yet");
  expect(describeCurve(curve("reward"), steps)).toBe(
    "Reward per step (mean of the step): 0.25 at step 1, at most 0.90 at step 2, 0.75 at step 3",
  );
  expect(describeCurve(curve("kl"), steps)).toBe(
    "KL to the start per step (nats a token): 0 at step 1, 0.02 at step 3",
  );
});
