import { describe, expect, test } from "vitest";
import { emitReturnAdvantages, emitTokenRewards } from "../../src/kernels/returns.ts";
import { returnAdvantagesForward, tokenRewardsForward } from "../../src/reference/returns.ts";
import { boundsOf, tokenRewards as tokenRewardsTwin } from "../../src/rl/returns.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

interface Case {
  rewards: Float64Array;
  lengths: readonly number[];
  logp?: Float64Array;
  refLogp?: Float64Array;
  klCoef: number;
  klType: "k1" | "k2" | "k3" | "abs";
  klClamp?: boolean;
  gamma: number;
  /** Tokens that there is room for behind those of the completions. */
  spare?: number;
  eps?: number;
}

async function run({ rewards, lengths, logp, refLogp, klCoef, klType, klClamp, ...rest }: Case) {
  const { gamma, spare = 0, eps = 1e-8 } = rest;
  const S = rewards.length;
  const N = lengths.reduce((sum, length) => sum + length, 0);
  const T = N + spare;
  return once(
    await sharedDevice(),
    (rec) => {
      const token = (name: string, given?: Float64Array) => given && rec.input(name, [T], "f32");
      const bounds = rec.input("bounds", [S, 2], "u32");
      const tokenRewards = rec.tensor("tokenRewards", [T], "f32");
      const [scores, kl] = ["scores", "kl"].map((name) => rec.tensor(name, [S], "f32"));
      const advantages = rec.tensor("advantages", [T], "f32");
      emitTokenRewards(rec, {
        rewards: rec.input("rewards", [S], "f32"),
        bounds,
        logp: token("logp", logp),
        refLogp: token("refLogp", refLogp),
        tokenRewards,
        scores,
        kl,
        klCoef: rec.scalar("klCoef"),
        klType,
        klClamp,
      });
      emitReturnAdvantages(rec, { tokenRewards, bounds, advantages, gamma, eps });
      return { tokenRewards, scores, kl, advantages };
    },
    { rewards, bounds: boundsOf(lengths, S), ...(logp && { logp }), ...(refLogp && { refLogp }) },
    { klCoef },
  );
}

const rounded = (values: Float64Array) => values.map(Math.fround);

describe("returns", () => {
  test.each([
    [1, 1, 0],
    [3, 5, 7],
    [65, 3, 100], // more completions than lanes of a workgroup
    [2, 300, 1], // more tokens than lanes
  ])(
    "S = %d of up to %d tokens agrees with the reference for each KL and gamma",
    async (S, longest, spare) => {
      const lengths = Array.from({ length: S }, (_, s) => 1 + ((s * 7 + longest - 1) % longest));
      const N = lengths.reduce((sum, length) => sum + length, 0);
      const rewards = rounded(normals(S, 3));
      if (S > 2) rewards[1] = NaN;
      const logp = rounded(normals(N, 4).map((value) => -Math.abs(value)));
      const refLogp = rounded(logp.map((value, t) => value + 0.3 * normals(N, 5)[t]));
      for (const [klType, gamma] of [
        ["k1", 1],
        ["k2", 0.9],
        ["k3", 0.5],
        ["abs", 0],
      ] as const) {
        const given = { rewards, lengths, logp, refLogp, klCoef: Math.fround(0.3), klType, gamma, spare };
        const actual = await run(given);
        const expected = tokenRewardsForward(given);
        const { abs, rel } = tolerance("f32", N);
        const wide = { abs: abs * 16, rel: rel * 16 };
        // An excluded completion's tokens are NaN on both sides.
        const present = (values: ArrayLike<number>) =>
          Array.from(values, (value) => (Number.isNaN(value) ? 777 : value));
        expectClose(
          present(actual.tokenRewards.slice(0, N)),
          present(expected.tokens),
          wide,
          "token rewards",
        );
        expectClose(present(actual.scores), present(expected.scores), wide, "scores");
        expectClose(actual.kl, expected.kl, wide, "kl");
        const advantages = returnAdvantagesForward(expected.tokens, { lengths, gamma, eps: 1e-8 });
        expectClose(
          actual.advantages.slice(0, N),
          advantages,
          { abs: abs * 64, rel: rel * 64 },
          `gamma ${gamma}`,
        );
      }
    },
  );

  test("k3 is clamped as EasyR1's low_var_kl, and only when asked to", async () => {
    // Log-ratios of −30, 30, −2.5 and 1: a value above 10; one within ±20 of the exponential; two left alone.
    const logp = Float64Array.of(-31, -1, -3.5, -1);
    const refLogp = Float64Array.of(-1, -31, -1, -2);
    const given = { rewards: Float64Array.of(1), lengths: [4], logp, refLogp, klCoef: 0.5, gamma: 1 };
    const clamped = { ...given, klType: "k3", klClamp: true } as const;
    const { scores, kl, tokenRewards } = await run(clamped);
    expectClose(tokenRewards, tokenRewardsTwin(clamped).tokens, { abs: 1e-5, rel: 1e-5 }, "token rewards");
    const sum = 10 + 10 + (Math.expm1(2.5) - 2.5) + Math.exp(-1);
    expectClose(kl, [sum / 4], { abs: 1e-5, rel: 1e-5 }, "kl");
    expectClose(scores, [1 - 0.5 * sum], { abs: 1e-5, rel: 1e-5 }, "scores");
    const free = await run({ ...clamped, klClamp: false });
    expect(free.kl[0]).toBeGreaterThan(1e12);
  });

  test("EasyR1's values; completions that a step lacks change nothing", async () => {
    const golden = [0.318779, 0.686601, 1.095293, -1.152509, -0.948164];
    for (const missing of [0, 3]) {
      const { advantages } = await run({
        rewards: Float64Array.of(1, 0.5, ...new Array<number>(missing).fill(NaN)),
        lengths: [3, 2],
        klCoef: 0,
        klType: "k1",
        gamma: 0.9,
        spare: 9,
      });
      expectClose(advantages.slice(0, 5), golden, { abs: 2e-6, rel: 0 }, "advantages");
    }
  });

  test("equal returns give exactly zero, eps 0 included, as do excluded completions", async () => {
    for (const reward of [0.1, 1 / 3, -7]) {
      const rewards = rounded(Float64Array.of(reward, NaN, reward));
      const given = { rewards, lengths: [3, 2, 70], klCoef: 0, klType: "k3", gamma: 1, eps: 0 } as const;
      const { advantages, scores } = await run(given);
      expect([...advantages]).toEqual(new Array(75).fill(0));
      expect([...scores]).toEqual([...rewards]);
    }
  });
});
