import { describe, expect, test } from "vitest";
import { groupAdvantages } from "../../src/rl/advantage.ts";
import {
  klEstimate,
  logpDifference,
  lossTypes,
  objectiveOptions,
  perToken,
  policyObjective,
  sequenceWeights,
  tokenWeights,
} from "../../src/rl/objective.ts";
import type { LossType, ObjectiveInputs, WeightOptions } from "../../src/rl/objective.ts";
import { InvalidOptionError, ShapeError } from "../../src/util/errors.ts";
import golden from "./golden-grpo.json" with { type: "json" };

const log = (values: number[]) => values.map((value) => Math.log(value));

/** Two sequences of 3 and 2 tokens, as the reference values were computed for. */
const lengths = [3, 2];
const example: ObjectiveInputs = {
  logp: log([0.7, 0.5, 0.3, 0.9, 0.25]),
  oldLogp: log([0.5, 0.5, 0.5, 0.2, 0.5]),
  advantages: perToken([1, -1], lengths),
  weights: tokenWeights("dapo", lengths),
};

describe("policyObjective", () => {
  test("EasyR1's default loss with dual clip, token and sequence averages", () => {
    const options = { clipRatioLow: 0.2, clipRatioHigh: 0.3, clipRatioDual: 3 };
    const token = policyObjective({ ...example, options });
    expect(token.loss).toBeCloseTo(0.18, 6);
    expect(token.clippedDual.reduce((sum, flag) => sum + flag, 0) / 5).toBeCloseTo(0.2, 9);
    expect(policyObjective({ ...example, weights: tokenWeights("grpo", lengths), options }).loss).toBeCloseTo(
      0.466667,
      6,
    );
  });

  test.each<[LossType, WeightOptions, number]>([
    ["grpo", {}, 0.858333],
    ["bnpo", {}, 0.5],
    ["dapo", {}, 0.5],
    ["dr_grpo", { maxCompletionLength: 4 }, 0.3125],
  ])("TRL's %s loss", (lossType, weightOptions, expected) => {
    const weights = tokenWeights(lossType, lengths, weightOptions);
    expect(
      policyObjective({ ...example, weights, options: { clipRatioLow: 0.2, clipRatioHigh: 0.2 } }).loss,
    ).toBeCloseTo(expected, 6);
  });

  test("TRL's two-sided delta and KL term", () => {
    const weights = tokenWeights("grpo", lengths);
    expect(policyObjective({ ...example, weights, options: { delta: 4 } }).loss).toBeCloseTo(0.733333, 6);
    const refLogp = log([0.6, 0.6, 0.6, 0.3, 0.3]);
    const withKl = policyObjective({ ...example, weights, refLogp, options: { klCoef: 0.04 } });
    expect(withKl.loss).toBeCloseTo(0.865068, 6);
    expect(withKl.policyLoss).toBeCloseTo(0.858333, 6);
  });

  test("a fixture computed with torch: ratios, token losses, clip share, every loss and dloss/dlogp", () => {
    const mask = golden.completion_mask;
    const fixtureLengths = [0, 1, 2, 3].map((s) =>
      mask.slice(s * 9, s * 9 + 9).reduce((sum, m) => sum + m, 0),
    );
    const pick = (padded: number[]) => padded.filter((_, index) => mask[index] === 1);
    const inputs = {
      logp: pick(golden.logp),
      oldLogp: pick(golden.old_logp),
      refLogp: pick(golden.ref_logp),
      advantages: perToken(groupAdvantages(golden.rewards, 4).advantages, fixtureLengths),
      options: { clipRatioLow: 0.2, clipRatioHigh: 0.28, klCoef: 0.04 },
    };
    const run = (lossType: LossType) =>
      policyObjective({
        ...inputs,
        weights: tokenWeights(lossType, fixtureLengths, { maxCompletionLength: 9 }),
      });
    const drGrpo = run("dr_grpo");
    pick(golden.ratio).forEach((ratio, t) => expect(drGrpo.ratio[t]).toBeCloseTo(ratio, 5));
    pick(golden.per_token_loss).forEach((loss, t) => expect(drGrpo.perToken[t]).toBeCloseTo(loss, 5));
    pick(golden["dloss_dlogp.dr_grpo"]).forEach((slope, t) => expect(drGrpo.dlogp[t]).toBeCloseTo(slope, 6));
    const clipped = drGrpo.clippedLow.map((low, t) => low | drGrpo.clippedHigh[t]);
    expect(clipped.reduce((sum, flag) => sum + flag, 0) / clipped.length).toBeCloseTo(golden.clip_frac[0], 6);
    expect(drGrpo.loss).toBeCloseTo(golden["loss.dr_grpo"][0], 5);
    expect(run("grpo").loss).toBeCloseTo(golden["loss.grpo"][0], 5);
    expect(run("bnpo").loss).toBeCloseTo(golden["loss.bnpo_dapo"][0], 5);
    expect(run("dapo").loss).toBeCloseTo(golden["loss.bnpo_dapo"][0], 5);
  });

  test("dlogp is the derivative of the loss, in every regime", () => {
    const advantages = [1, 1, 1, -1, -1, -1, -1, 0.5, 0];
    const d = [-0.5, 0.1, 0.4, -0.5, 0.1, 0.4, 1.6, -0.05, 0.1];
    const logp = d.map((_, t) => -1 - 0.3 * t);
    const oldLogp = logp.map((value, t) => value - d[t]);
    const refLogp = logp.map((value, t) => value - 0.2 * (t - 4));
    const weights = d.map((_, t) => (t === 1 ? 0 : 0.1 + 0.02 * t));
    for (const klType of ["k1", "k2", "k3"] as const) {
      for (const extra of [{}, { clipRatioDual: 3 }, { delta: 1.45 }, { klClamp: true }]) {
        const options = { klCoef: 0.3, klType, ...extra };
        const evaluate = (at: number[]) =>
          policyObjective({ logp: at, oldLogp, refLogp, advantages, weights, options });
        const { dlogp } = evaluate(logp);
        for (let t = 0; t < d.length; t++) {
          const step = 1e-6;
          const up = evaluate(logp.map((value, i) => (i === t ? value + step : value))).loss;
          const down = evaluate(logp.map((value, i) => (i === t ? value - step : value))).loss;
          expect(dlogp[t]).toBeCloseTo((up - down) / (2 * step), 6);
        }
      }
    }
  });

  test("on-policy: ratio 1, gradient −A·weight; TRL's loss is minus the weighted advantage", () => {
    const result = policyObjective({
      logp: [-1, -9],
      oldLogp: null,
      advantages: [2, -3],
      weights: [0.5, 0.25],
    });
    expect([...result.ratio]).toEqual([1, 1]);
    expect([...result.dlogp]).toEqual([-1, 0.75]);
    expect(result.loss).toBe(-0.25);
  });

  test("a token of weight 0 takes part in nothing, even when it is NaN; NaN elsewhere is kept", () => {
    const skipped = policyObjective({ logp: [NaN, -1], advantages: [1, 1], weights: [0, 1] });
    expect(skipped.loss).toBe(-1);
    expect([...skipped.dlogp]).toEqual([0, -1]);
    const poisoned = policyObjective({ logp: [NaN, -1], advantages: [1, 1], weights: [1, 1] });
    expect(poisoned.loss).toBeNaN();
    expect(poisoned.dlogp[0]).toBeNaN();
  });

  test("an absurd ratio stays finite and has no gradient", () => {
    const result = policyObjective({ logp: [0], oldLogp: [-900], advantages: [-1], weights: [1] });
    expect(result.loss).toBeCloseTo(Math.exp(20), 3);
    expect(result.dlogp[0]).toBe(0);
  });

  test("refuses unequal lengths and options out of range", () => {
    expect(() => policyObjective({ ...example, weights: [1] })).toThrow(ShapeError);
    const bad = [
      { clipRatioLow: -1 },
      { clipRatioDual: 1 },
      { delta: 1 },
      { klCoef: NaN },
      { klType: "k4" as "k3" },
    ];
    for (const options of bad) expect(() => objectiveOptions(options)).toThrow(InvalidOptionError);
  });
});

describe("klEstimate", () => {
  // Outputs of EasyR1's compute_kl for logp [-1, -2, -0.5], reference [-1.5, -1, -30].
  const x = [0.5, -1, 29.5];
  test("EasyR1's values", () => {
    expect(x.map((value) => klEstimate(value, "k1").value)).toEqual([0.5, -1, 29.5]);
    expect(x.map((value) => klEstimate(value, "k2").value)).toEqual([0.125, 0.5, 435.125]);
    [0.106531, 0.718282, 10].forEach((value, i) =>
      expect(klEstimate(x[i], "k3", true).value).toBeCloseTo(value, 6),
    );
    expect(klEstimate(29.5, "k3", true).slope).toBe(0);
  });
  test("k3 without clamps is TRL's", () => {
    expect(klEstimate(-1, "k3").value).toBeCloseTo(Math.E - 2, 12);
    expect(klEstimate(29.5, "k3").value).toBeCloseTo(28.5, 9);
  });
});

describe("weights", () => {
  test("sum to what each loss type averages over", () => {
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    expect(sum(tokenWeights("grpo", [3, 2, 5]))).toBeCloseTo(1, 12);
    expect(sum(tokenWeights("bnpo", [3, 2, 5], { accumulationSteps: 4 }))).toBeCloseTo(0.25, 12);
    expect(sum(tokenWeights("dapo", [3, 2, 5], { totalTokens: 40 }))).toBeCloseTo(0.25, 12);
    expect(sum(tokenWeights("dr_grpo", [3, 2, 5], { maxCompletionLength: 10 }))).toBeCloseTo(1 / 3, 12);
  });
  test("split over micro-batches they are those of the whole step", () => {
    for (const lossType of ["grpo", "dapo", "dr_grpo"] as const) {
      const step = { numSequences: 4, totalTokens: 17, maxCompletionLength: 9 };
      const whole = tokenWeights(lossType, [3, 2, 5, 7], step);
      const parts = [...tokenWeights(lossType, [3, 2], step), ...tokenWeights(lossType, [5, 7], step)];
      expect([...whole]).toEqual(parts);
    }
  });
  test("an empty completion weighs nothing", () => {
    expect([...sequenceWeights("grpo", [0, 2])]).toEqual([0, 0.25]);
  });
  test("unknown types and a missing length are refused", () => {
    expect(() => sequenceWeights("dr_grpo", [1])).toThrow(InvalidOptionError);
    expect(() => sequenceWeights("ppo" as LossType, [1])).toThrow(/one of grpo, bnpo, dr_grpo, dapo/);
    expect(lossTypes).toHaveLength(4);
  });
});

test("logpDifference looks at weighted tokens only", () => {
  expect(logpDifference([-1, -2, -3], [-1.5, -2, 99], [1, 1, 0])).toEqual({ mean: 0.25, max: 0.5 });
  expect(logpDifference([], [])).toEqual({ mean: 0, max: 0 });
  expect(() => logpDifference([1], [])).toThrow(ShapeError);
});
