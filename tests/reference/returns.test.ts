import { describe, expect, test } from "vitest";
import { returnAdvantagesForward, tokenRewardsForward } from "../../src/reference/returns.ts";
import { returnAdvantages, tokenRewards } from "../../src/rl/returns.ts";
import { normals } from "../support/random.ts";

describe("agrees with rl/returns.ts, which is held to EasyR1's values", () => {
  const lengths = [4, 1, 7, 3];
  const N = 15;
  const rewards = normals(4, 1);
  rewards[2] = NaN;
  const logp = normals(N, 2).map((value) => -Math.abs(value));
  const refLogp = normals(N, 3).map((value) => -Math.abs(value));

  test.each(["k1", "abs", "k2", "k3"] as const)("%s", (klType) => {
    const inputs = { rewards, lengths, logp, refLogp, klCoef: 0.2, klType };
    const reference = tokenRewardsForward(inputs);
    const twin = tokenRewards(inputs);
    const close = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      Array.from(a).forEach((value, i) => {
        if (Number.isNaN(value)) expect(b[i]).toBeNaN();
        else expect(value).toBeCloseTo(b[i], 12);
      });
    };
    close(reference.tokens, twin.tokens);
    close(reference.scores, twin.scores);
    expect(reference.kl.reduce((sum, value) => sum + value, 0) / 4).toBeCloseTo(twin.kl, 12);
    for (const gamma of [1, 0.9, 0]) {
      const options = { lengths, gamma, eps: 1e-8 };
      close(
        returnAdvantagesForward(reference.tokens, options),
        returnAdvantages(twin.tokens, lengths, { gamma }),
      );
    }
  });
});
