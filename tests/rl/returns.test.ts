import { describe, expect, test } from "vitest";
import { groupAdvantages } from "../../src/rl/advantage.ts";
import { returnAdvantages, tokenRewards } from "../../src/rl/returns.ts";
import { InvalidOptionError, ShapeError } from "../../src/util/errors.ts";

function expectAll(actual: ArrayLike<number>, expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => expect(actual[index]).toBeCloseTo(value, digits));
}

describe("returnAdvantages", () => {
  // Outputs of EasyR1's compute_reinforce_plus_plus_outcome_advantage for [[0, 0, 1], [0, 0.5, masked]].
  const tokens = [0, 0, 1, 0, 0.5];

  test("EasyR1's values, gamma 1", () => {
    expectAll(returnAdvantages(tokens, [3, 2]), [0.730297, 0.730297, 0.730297, -1.095445, -1.095445]);
  });

  test("EasyR1's values, gamma 0.9", () => {
    expectAll(
      returnAdvantages(tokens, [3, 2], { gamma: 0.9 }),
      [0.318779, 0.686601, 1.095293, -1.152509, -0.948164],
    );
  });

  test("an excluded completion gets 0 and takes no part", () => {
    const { tokens: paid, scores } = tokenRewards({ rewards: [1, null, 0.5], lengths: [3, 4, 2] });
    expect([...paid.subarray(3, 7)]).toEqual([NaN, NaN, NaN, NaN]);
    expect([...scores]).toEqual([1, NaN, 0.5]);
    const got = returnAdvantages(paid, [3, 4, 2]);
    expect([...got.subarray(3, 7)]).toEqual([0, 0, 0, 0]);
    const alone = returnAdvantages(tokens, [3, 2]);
    expect([...got.subarray(0, 3), ...got.subarray(7)]).toEqual([...alone]);
  });

  test.each([0.1, 1 / 3, -2.7])("equal returns of %d give exactly zero, as do none", (reward) => {
    const { tokens: paid } = tokenRewards({ rewards: [reward, reward], lengths: [3, 5] });
    expect([...returnAdvantages(paid, [3, 5])]).toEqual(new Array(8).fill(0));
    expect([...returnAdvantages(paid.subarray(0, 1), [1], { eps: 0 })]).toEqual([0]);
    expect([...returnAdvantages([], [])]).toEqual([]);
    expect([...returnAdvantages([NaN], [1])]).toEqual([0]);
  });

  test("refuses what does not fit", () => {
    expect(() => returnAdvantages([1, 2], [3])).toThrow(ShapeError);
    expect(() => returnAdvantages([1], [1], { gamma: 1.5 })).toThrow(InvalidOptionError);
    expect(() => tokenRewards({ rewards: [1], lengths: [1, 2] })).toThrow(ShapeError);
    expect(() => tokenRewards({ rewards: [1], lengths: [2], logp: [0], refLogp: [0, 0] })).toThrow(
      /logp: got 1/,
    );
  });
});

describe("tokenRewards", () => {
  const logp = [-1, -2, -0.5, -0.7];
  const refLogp = [-1.5, -1, -30, -0.7];

  test("the KL is a cost of each token, the reward comes at the last; EasyR1's estimates", () => {
    const inputs = { rewards: [1, 0], lengths: [3, 1], logp, refLogp, klCoef: 0.1 };
    const k1 = tokenRewards({ ...inputs, klType: "k1" });
    expectAll(k1.tokens, [-0.05, 0.1, 1 - 2.95, 0]);
    expectAll(k1.scores, [1 - 0.1 * (0.5 - 1 + 29.5), 0]);
    expect(k1.kl).toBeCloseTo((0.5 - 1 + 29.5) / 3 / 2, 12);
    const k3 = tokenRewards({ ...inputs, klType: "k3", klClamp: true });
    expectAll(k3.tokens, [-0.0106531, -0.0718282, 0, 0]);
    expectAll(k3.scores, [1 - 0.1 * 10.824813, 0]);
  });

  test("with grpo the KL enters the score of a completion, so equal rewards may differ", () => {
    const { scores } = tokenRewards({
      rewards: [1, 1],
      lengths: [3, 1],
      logp,
      refLogp,
      klCoef: 0.1,
      klType: "k1",
    });
    const { advantages } = groupAdvantages(scores, 2);
    expect(advantages[0]).toBeCloseTo(-Math.SQRT1_2, 3);
    expect(advantages[1]).toBeCloseTo(Math.SQRT1_2, 3);
  });

  test("without log-probs it is the reward at the last token", () => {
    const { tokens, scores, kl } = tokenRewards({ rewards: [2, 3], lengths: [2, 0], klCoef: 0.5 });
    expect([...tokens]).toEqual([0, 2]);
    expect([...scores]).toEqual([2, 3]);
    expect(kl).toBe(0);
    expect(tokenRewards({ rewards: [], lengths: [] }).kl).toBe(0);
  });
});
