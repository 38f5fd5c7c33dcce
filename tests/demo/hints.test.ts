import { describe, expect, test } from "vitest";
import { curvesOf } from "../../demo/train/curves.ts";
import { hintFor } from "../../demo/train/hints.ts";
import type { HintFacts } from "../../demo/train/hints.ts";

const facts: HintFacts = { klCoef: 0, numIterations: 1, maxGradNorm: 1, maxCompletionLength: 48 };

function after(key: string, metrics: Record<string, number>, other: Partial<HintFacts> = {}) {
  return hintFor(key, [{ step: 0, metrics }], { ...facts, ...other });
}

test("every curve has a hint; before the first step it says what the figure is, and warns of nothing", () => {
  for (const kind of [true, false]) {
    for (const { key } of curvesOf({ grpo: kind, task: "shapes" })) {
      expect(after(key, { [key]: 0.5 })?.text, key).toMatch(/\w\.$/);
      const before = hintFor(key, [], facts);
      expect(before?.text, key).toMatch(/\w\.$/);
      expect(before?.watch, key).toBe(false);
    }
  }
  expect(hintFor("something else", [], facts)).toBeUndefined();
  expect(hintFor("grad_norm", [], facts)?.text).not.toMatch(/^0/); // no step has been taken
});

describe("where people stumble", () => {
  test("a loss near 0 is normal in GRPO, and what counts in supervised runs", () => {
    expect(after("loss", { loss: 0 })?.text).toContain("normal here");
    expect(after("loss", { loss: 2 }, { klCoef: undefined })?.text).not.toContain("normal");
  });

  test("groups without a difference teach nothing: a warning when no group has any", () => {
    expect(after("frac_reward_zero_std", { frac_reward_zero_std: 1 })).toEqual({
      text: "All groups have the same reward inside: nothing to learn from.",
      watch: true,
    });
    expect(after("frac_reward_zero_std", { frac_reward_zero_std: 0.75 })?.watch).toBe(false);
  });

  test("KL is measured, punished, or far", () => {
    expect(after("kl", { kl: 0.1 })?.text).toContain("Measured, not punished");
    expect(after("kl", { kl: 5 })?.watch).toBe(true);
    expect(after("kl", { kl: 5 }, { klCoef: 0.3 })).toMatchObject({ watch: false });
    expect(after("kl", { kl: 5 }, { klCoef: 0.3 })?.text).toContain("klCoef 0.3");
  });

  test("no clipping with one update a step is right", () => {
    expect(after("clip_ratio/region_mean", { "clip_ratio/region_mean": 0 })?.text).toContain("0 is right");
    expect(
      after("clip_ratio/region_mean", { "clip_ratio/region_mean": 0.1 }, { numIterations: 2 })?.text,
    ).not.toContain("0 is right");
  });

  test("answers cut at the limit, with the option to raise", () => {
    const cut = { "completions/mean_length": 40, "completions/clipped_ratio": 0.5 };
    expect(after("completions/mean_length", cut)).toMatchObject({ watch: true });
    expect(after("completions/mean_length", cut)?.text).toContain("50% were cut at 48 tokens");
  });

  test("a gradient that was clipped, that was nothing, that was not finite", () => {
    expect(after("grad_norm", { grad_norm: 3 })?.text).toContain("Above 1");
    expect(after("grad_norm", { grad_norm: 3 }, { maxGradNorm: 0 })?.text).not.toContain("Above");
    expect(after("grad_norm", { grad_norm: 0 })?.text).toMatch(/^0:/);
    expect(after("grad_norm", { grad_norm: 0, step_skipped: 1 })?.watch).toBe(true);
  });

  test("a reward that has fallen far below its best; not one that jumps", () => {
    const run = (rewards: readonly number[]) =>
      hintFor(
        "reward",
        rewards.map((reward, step) => ({ step, metrics: { reward, reward_std: 0.4 } })),
        facts,
      );
    expect(run([0.5, 0.6, 0.8, 0.9, 0.85, 0.3, 0.2, 0.1])?.watch).toBe(true);
    expect(run([0.5, 0.8, 0.5, 0.8, 0.5, 0.8, 0.5])?.watch).toBe(false);
    expect(after("reward", { reward: 1, reward_std: 0 })?.watch).toBe(true);
  });

  test("thinking that has spread is told as what it is", () => {
    const run = (shares: readonly number[]) =>
      hintFor(
        "rewards/thinking/mean",
        shares.map((share, step) => ({ step, metrics: { "rewards/thinking/mean": share } })),
        facts,
      )?.text;
    expect(run([0.16, 0.5])).toContain("Nobody asks it to think");
    expect(run([0.16, 0.17])).not.toContain("Nobody");
  });
});
