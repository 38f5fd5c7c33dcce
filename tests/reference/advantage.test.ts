import { expect, test } from "vitest";
import { advantageForward } from "../../src/reference/advantage.ts";
import { groupAdvantages } from "../../src/rl/advantage.ts";
import { normals } from "../support/random.ts";

test.each(["grpo", "grpo_passk", "rloo"] as const)(
  "%s agrees with rl/advantage.ts, which is held to TRL's and EasyR1's values",
  (estimator) => {
    const rewards = normals(40, 3);
    rewards[7] = NaN;
    rewards.fill(0.3, 10, 15);
    rewards.set([2, 1, 2, 0, 0], 15); // a tie for the best
    for (const scale of ["group", "batch", "none"] as const) {
      const reference = advantageForward(rewards, { groupSize: 5, estimator, scale, eps: 1e-4 });
      const twin = groupAdvantages(rewards, 5, { estimator, scale });
      reference.advantages.forEach((value, i) => expect(value).toBeCloseTo(twin.advantages[i], 12));
      reference.std.forEach((value, p) => expect(value).toBeCloseTo(twin.std[p], 12));
      expect([...reference.zeroStd].map(Boolean)).toEqual(twin.zeroStd);
      expect(reference.zeroStd[2]).toBe(1);
    }
  },
);
