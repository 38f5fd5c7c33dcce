import { describe, expect, test } from "vitest";
import { emitAdvantage } from "../../src/kernels/advantage.ts";
import { advantageForward } from "../../src/reference/advantage.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

const estimators = ["grpo", "grpo_passk", "rloo"] as const;
const scales = ["group", "batch", "none"] as const;

interface Options {
  estimator?: (typeof estimators)[number];
  scale: (typeof scales)[number];
  eps?: number;
}

async function run(rewards: Float64Array, groupSize: number, { estimator, scale, eps = 1e-4 }: Options) {
  const P = rewards.length / groupSize;
  return once(
    await sharedDevice(),
    (rec) => {
      const advantages = rec.tensor("advantages", [rewards.length], "f32");
      const mean = rec.tensor("mean", [P], "f32");
      const std = rec.tensor("std", [P], "f32");
      const zeroStd = rec.tensor("zero_std", [P], "u32");
      const input = rec.input("rewards", [rewards.length], "f32");
      emitAdvantage(rec, {
        rewards: input,
        advantages,
        mean,
        std,
        zeroStd,
        groupSize: rec.scalar("G"),
        estimator,
        scale,
        eps,
      });
      return { advantages, mean, std, zeroStd };
    },
    { rewards: Float32Array.from(rewards) },
    { G: groupSize },
  );
}

describe("advantage", () => {
  test.each([
    [1, 1],
    [1, 5],
    [3, 4],
    [65, 2],
    [130, 33],
  ])("P = %d, G = %d agrees with the reference, each estimator at every scale", async (P, G) => {
    const rewards = Float64Array.from(normals(P * G, 11 + P), Math.fround);
    if (P > 1) {
      rewards.fill(Math.fround(0.3), G, 2 * G);
      rewards[2 * G] = NaN;
      rewards.fill(9, 0, 2); // a tie for the best
    }
    const all = estimators.flatMap((estimator) => scales.map((scale) => ({ estimator, scale })));
    for (const { estimator, scale } of all) {
      const expected = advantageForward(rewards, { groupSize: G, estimator, scale, eps: 1e-4 });
      const actual = await run(rewards, G, { estimator, scale });
      // A group of two near-equal rewards divides one small difference by another.
      const { abs, rel } = tolerance("f32", P * G);
      expectClose(
        actual.advantages,
        expected.advantages,
        { abs: abs * 16, rel: rel * 16 },
        `advantages, ${estimator}, ${scale}`,
      );
      expectClose(actual.mean, expected.mean, { abs, rel }, "mean");
      expectClose(actual.std, expected.std, { abs: abs * 16, rel }, "std");
      expect([...actual.zeroStd]).toEqual([...expected.zeroStd]);
    }
  });

  test("equal rewards give exactly zero, eps 0 included; excluded rewards get zero", async () => {
    for (const reward of [0.1, 0.3, 1 / 3, -7]) {
      for (const [i, scale] of scales.entries()) {
        const options = { estimator: estimators[i], scale, eps: 0 };
        const { advantages, zeroStd } = await run(new Float64Array(7).fill(reward), 7, options);
        expect([...advantages]).toEqual(new Array(7).fill(0));
        expect([...zeroStd]).toEqual([1]);
      }
    }
    const excluded = Float64Array.of(NaN, NaN, Infinity, 1, NaN, 0);
    const { advantages, mean, zeroStd } = await run(excluded, 3, { scale: "group" });
    expect([...advantages.slice(0, 3)]).toEqual([0, 0, 0]);
    expect(mean[0]).toBeNaN();
    expect([...zeroStd]).toEqual([1, 0]);
    expect(advantages[4]).toBe(0);
    expect(advantages[3]).toBeCloseTo(Math.SQRT1_2, 3);
  });
});
