import { describe, expect, test } from "vitest";
import { groupAdvantages } from "../../src/rl/advantage.ts";
import { InvalidOptionError, ShapeError } from "../../src/util/errors.ts";
import golden from "./golden-grpo.json" with { type: "json" };

function expectAll(actual: ArrayLike<number>, expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => expect(actual[index]).toBeCloseTo(value, digits));
}

describe("groupAdvantages", () => {
  // Outputs of EasyR1's compute_grpo_outcome_advantage (eps 1e-6).
  test.each([
    [
      [1, 0, 0, 0, 0],
      [1.78885, -0.447213, -0.447213, -0.447213, -0.447213],
    ],
    [
      [1, 1, 1, 1, 0],
      [0.447213, 0.447213, 0.447213, 0.447213, -1.78885],
    ],
    [
      [1, 0.3, 0.3, 0, 1],
      [1.055006, -0.483545, -0.483545, -1.142924, 1.055006],
    ],
  ])("EasyR1's values for %j", (rewards, expected) => {
    expectAll(groupAdvantages(rewards, 5, { eps: 1e-6 }).advantages, expected, 5);
  });

  // compute_grpo_passk_outcome_advantage and compute_rloo_outcome_advantage of the same.
  test.each([
    [
      [1, 0, 0, 0, 0],
      [2.236063, 0, 0, 0, 0],
      [1, -0.25, -0.25, -0.25, -0.25],
    ],
    [
      [1, 1, 1, 1, 0],
      [0, 0, 0, 0, 0],
      [0.25, 0.25, 0.25, 0.25, -1],
    ],
    [
      [1, 0.3, 0.3, 0, 1],
      [0, 0, 0, 0, 0],
      [0.6, -0.275, -0.275, -0.65, 0.6],
    ],
    [
      [0.5, 0.5, 0.5, 0.5, 0.5],
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ],
  ])("EasyR1's grpo_passk and rloo for %j", (rewards, passk, rloo) => {
    expectAll(groupAdvantages(rewards, 5, { estimator: "grpo_passk", eps: 1e-6 }).advantages, passk, 5);
    expectAll(groupAdvantages(rewards, 5, { estimator: "rloo" }).advantages, rloo, 12);
  });

  test("grpo_passk and rloo leave out what is excluded, and need two", () => {
    const rewards = [0.2, null, 0.9, 0.7, 3, NaN, null, null];
    const passk = groupAdvantages(rewards, 4, { estimator: "grpo_passk", scale: "none" }).advantages;
    expectAll(passk, [0, 0, 0.2, 0, 0, 0, 0, 0]);
    const rloo = groupAdvantages(rewards, 4, { estimator: "rloo" }).advantages;
    expectAll(rloo, [-0.6, 0, 0.45, 0.15, 0, 0, 0, 0]);
  });

  test("TRL's values, eps 1e-4 by default", () => {
    expectAll(
      groupAdvantages([1, 0, 0, 0, 0], 5).advantages,
      [1.788454, -0.447114, -0.447114, -0.447114, -0.447114],
    );
    expectAll(groupAdvantages(golden.rewards, 4).advantages, golden.advantages);
  });

  test("scale batch divides by the spread of the whole batch, none by nothing", () => {
    const rewards = [1, 0, 0.5, 0.5];
    const batchStd = Math.sqrt((0.25 + 0.25) / 3);
    expectAll(groupAdvantages(rewards, 2, { scale: "batch" }).advantages, [
      0.5 / (batchStd + 1e-4),
      -0.5 / (batchStd + 1e-4),
      0,
      0,
    ]);
    expectAll(groupAdvantages(rewards, 2, { scale: "none" }).advantages, [0.5, -0.5, 0, 0]);
  });

  test.each([0.1, 0.3, 0.7, 1 / 3, 1e-30, -2.7])("equal rewards of %d give exactly zero", (reward) => {
    for (const estimator of ["grpo", "grpo_passk", "rloo"] as const) {
      for (const scale of ["group", "batch", "none"] as const) {
        const options = { estimator, scale, eps: 0 };
        const { advantages, zeroStd, std } = groupAdvantages(new Array<number>(7).fill(reward), 7, options);
        expect([...advantages]).toEqual(new Array(7).fill(0));
        expect(zeroStd).toEqual([true]);
        expect(std[0]).toBe(0);
      }
    }
  });

  test("permuting a group permutes its advantages to the bit", () => {
    const rewards = [0.1, 0.7, 0.3, 0.30000001, 0.9, 1e-9];
    const order = [4, 2, 0, 5, 1, 3];
    const shuffled = order.map((index) => rewards[index]);
    for (const estimator of ["grpo", "grpo_passk", "rloo"] as const) {
      const straight = groupAdvantages(rewards, 6, { estimator }).advantages;
      const permuted = groupAdvantages(shuffled, 6, { estimator }).advantages;
      expect([...permuted]).toEqual(order.map((index) => straight[index]));
    }
  });

  test("null and NaN leave their group and are counted", () => {
    const { advantages, excluded, mean, zeroStd } = groupAdvantages(
      [1, null, 0, NaN, 5, null, null, null, null],
      3,
    );
    const alone = groupAdvantages([1, 0], 2).advantages;
    expect([...advantages.slice(0, 3)]).toEqual([alone[0], 0, alone[1]]);
    expect([...advantages.slice(3)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(excluded).toBe(6);
    expect(mean[1]).toBe(5);
    expect(mean[2]).toBeNaN();
    expect(zeroStd).toEqual([false, true, true]);
  });

  test("refuses what is no whole number of groups", () => {
    expect(() => groupAdvantages([1, 2, 3], 2)).toThrow(ShapeError);
    expect(() => groupAdvantages([1], 0)).toThrow(InvalidOptionError);
    expect(() => groupAdvantages([1], 1, { eps: NaN })).toThrow(InvalidOptionError);
  });
});
