import { expect, test } from "vitest";
import { stepMetrics } from "../../src/rl/metrics.ts";
import type { StepRecord } from "../../src/rl/metrics.ts";
import { ShapeError } from "../../src/util/errors.ts";

const step: StepRecord = {
  rewards: [1, 0, null, 0.5],
  rewardParts: { format: [1, 1, undefined, 0], judge: [null, null, null, null] },
  zeroStd: [false, true],
  lengths: [3, 9, 4, 8],
  truncated: [false, true, false, false],
  objective: {
    loss: 0.1,
    policyLoss: 0.08,
    kl: 0.02,
    clipLow: 0.1,
    clipHigh: 0.2,
    clipRegion: 0.3,
    clipDual: 0,
    ratioMean: 1.01,
    ratioMin: 0.5,
    ratioMax: 2,
    logpDifferenceMean: 1e-6,
    logpDifferenceMax: 1e-5,
    entropy: 2.5,
    tokens: 24,
    nonFinite: 0,
  },
  optimizer: { gradNorm: 3, clipScale: 0.3, skipped: false, changed: 10, maxChange: 1e-3 },
  learningRate: 1e-4,
  numTokens: 1000,
  stepTokens: 50,
  timesMs: { step: 2000, rollout: 1500, train: 400 },
};

test("TRL's names and definitions", () => {
  const metrics = stepMetrics(step);
  expect(metrics).toMatchObject({
    reward: 0.5,
    reward_std: 0.5,
    "rewards/format/mean": 2 / 3,
    "rewards/excluded": 1,
    frac_reward_zero_std: 0.5,
    "completions/mean_length": 6,
    "completions/min_length": 3,
    "completions/max_length": 9,
    "completions/mean_terminated_length": 5,
    "completions/max_terminated_length": 8,
    "completions/clipped_ratio": 0.25,
    kl: 0.02,
    entropy: 2.5,
    "clip_ratio/low_mean": 0.1,
    "clip_ratio/high_mean": 0.2,
    "clip_ratio/region_mean": 0.3,
    "sampling/sampling_logp_difference/mean": 1e-6,
    "sampling/sampling_logp_difference/max": 1e-5,
    grad_norm: 3,
    learning_rate: 1e-4,
    num_tokens: 1000,
    tokens_per_second: 25,
    step_time: 2,
    "timing_s/rollout": 1.5,
    "timing_s/train": 0.4,
    step_skipped: 0,
  });
});

test("what cannot be computed is absent, not zero or NaN", () => {
  const bare: StepRecord = {
    ...step,
    rewards: [null, null, null, null],
    truncated: [true, true, true, true],
  };
  const metrics = stepMetrics({ ...bare, objective: undefined, optimizer: undefined, hasKl: false });
  for (const name of [
    "reward",
    "reward_std",
    "rewards/judge/mean",
    "kl",
    "grad_norm",
    "timing_s/reward",
    "completions/mean_terminated_length",
  ]) {
    expect(metrics).not.toHaveProperty([name]);
  }
  expect(Object.values(metrics).every(Number.isFinite)).toBe(true);
  expect(stepMetrics({ ...step, hasKl: false })).not.toHaveProperty(["kl"]);
});

test("refuses lists of different lengths", () => {
  expect(() => stepMetrics({ ...step, lengths: [1] })).toThrow(ShapeError);
});

test("online filtering counts groups, and a step without any was left out", () => {
  const filter = { rounds: 3, kept: [1, 2], dropped: { low: 4, high: 5, none: 6, excess: 7 } };
  const metrics = stepMetrics({ ...step, filter });
  expect(metrics).toMatchObject({
    "filter/rounds": 3,
    "filter/kept": 2,
    "filter/dropped_low": 4,
    "filter/dropped_high": 5,
    "filter/dropped_none": 6,
    "filter/excess": 7,
    step_skipped: 0,
  });
  expect(Object.keys(stepMetrics(step)).filter((name) => name.startsWith("filter/"))).toEqual([]);
  const { objective, optimizer, ...untrained } = step;
  expect([objective, optimizer]).not.toContain(undefined);
  const skipped = stepMetrics({ ...untrained, filter: { ...filter, kept: [] } });
  expect(skipped.step_skipped).toBe(1);
  for (const name of ["loss", "grad_norm", "kl"]) expect(skipped).not.toHaveProperty(name);
});

test("a KL in the reward takes the place of the loss's, and a weight that varies is told", () => {
  expect(stepMetrics({ ...step, kl: 0.7, klCoef: 0.01 })).toMatchObject({ kl: 0.7, kl_coef: 0.01 });
  expect(stepMetrics(step)).not.toHaveProperty("kl_coef");
});
