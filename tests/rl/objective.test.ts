import { describe, expect, test } from "vitest";
import { groupAdvantages } from "../../src/rl/advantage.ts";
import { klEstimate, klTypes } from "../../src/rl/kl.ts";
import { lossForm, lossTypes, objectiveOptions } from "../../src/rl/loss-types.ts";
import type { LossType, ObjectiveOptions } from "../../src/rl/loss-types.ts";
import { perToken, sequenceWeights, tokenWeights } from "../../src/rl/loss-weights.ts";
import type { WeightOptions } from "../../src/rl/loss-weights.ts";
import { logpDifference, policyObjective } from "../../src/rl/objective.ts";
import type { ObjectiveInputs } from "../../src/rl/objective.ts";
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
  lengths,
};

describe("policyObjective", () => {
  // Outputs of EasyR1's compute_policy_loss at b44b311 on this example.
  test.each<[LossType, "token" | "seq", number]>([
    ["default", "token", 0.18],
    ["default", "seq", 0.466667],
    ["gspo", "token", 0.033877],
    ["gspo", "seq", 0.278231],
    ["gspo_token", "token", 0.033877],
    ["gspo_token", "seq", 0.278231],
    ["cispo", "token", 0.1748],
    ["cispo", "seq", 0.041833],
    ["sapo", "token", -0.173744],
    ["sapo", "seq", 0.28282],
  ])("EasyR1's %s loss, averaged by %s", (lossType, lossAverage, expected) => {
    const clips = lossType !== "cispo" && lossType !== "sapo";
    const options = {
      lossType,
      lossAverage,
      clipRatioLow: 0.2,
      clipRatioHigh: 0.3,
      clipRatioDual: clips ? 3 : null,
    };
    const weights = tokenWeights(lossType, lengths, { lossAverage });
    const result = policyObjective({ ...example, weights, options });
    expect(result.loss).toBeCloseTo(expected, 6);
    expect(result.ppoKl).toBeCloseTo(-0.127315, 6);
    const share = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0) / 5;
    if (lossType === "default") {
      expect(share(result.clippedLow) + share(result.clippedHigh)).toBeCloseTo(0.4, 9);
      expect(share(result.clippedDual)).toBeCloseTo(0.2, 9);
    }
    if (lossType === "sapo")
      expect(share(result.clippedLow) + share(result.clippedHigh) + share(result.clippedDual)).toBe(0);
  });

  test.each<[LossType, Partial<ObjectiveOptions>, WeightOptions, number]>([
    ["grpo", {}, {}, 0.858333],
    ["grpo", { importanceSamplingLevel: "sequence" }, {}, 0.278231],
    ["bnpo", {}, {}, 0.5],
    ["dapo", {}, {}, 0.5],
    ["dr_grpo", {}, { maxCompletionLength: 4 }, 0.3125],
    // The cap is TRL's epsilon_high itself, and there is no floor.
    ["cispo", { clipRatioLow: 1, clipRatioHigh: 4 }, {}, 0.149521],
    ["sapo", {}, {}, 0.28282],
    ["luspo", {}, {}, 0.084692],
    ["vespo", {}, {}, 0.235062],
  ])("TRL's %s loss with %j", (lossType, options, weightOptions, expected) => {
    const weights = tokenWeights(lossType, lengths, weightOptions);
    expect(policyObjective({ ...example, weights, options: { lossType, ...options } }).loss).toBeCloseTo(
      expected,
      6,
    );
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
    for (const klType of klTypes) {
      for (const extra of [
        {},
        { clipRatioDual: 3 },
        { delta: 1.45 },
        { klClamp: klType === "k3" },
        { useBiasCorrectionKl: true },
        { lossType: "sapo" as const },
      ]) {
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

  describe("of sequences", () => {
    const many = [3, 0, 4, 1];
    const d = [0.1, -0.3, 0.15, 0.5, -0.1, 0.2, 0.4, -0.35];
    const logp = d.map((_, t) => -1 - 0.3 * t);
    const inputs = {
      oldLogp: logp.map((value, t) => value - d[t]),
      refLogp: logp.map((value, t) => value - 0.2 * (t - 4)),
      // Of tokens, so that the mean over a sequence matters.
      advantages: [1, 0.4, 1.2, -1, -0.7, -1.4, -0.2, 0.8],
      weights: [0.1, 0.2, 0.15, 0.3, 0, 0.1, 0.12, 0.4],
      lengths: many,
    };
    const evaluate = (at: number[], options: Partial<ObjectiveOptions>) =>
      policyObjective({ ...inputs, logp: at, options: { klCoef: 0.3, ...options } });
    const differences = (loss: (at: number[]) => number) =>
      logp.map((_, t) => {
        const moved = (by: number) => loss(logp.map((value, i) => (i === t ? value + by : value)));
        return (moved(1e-6) - moved(-1e-6)) / 2e-6;
      });

    test.each<Partial<ObjectiveOptions>>([
      { lossType: "gspo" },
      { lossType: "gspo", clipRatioLow: 0.003, clipRatioHigh: 0.004, clipRatioDual: 3 },
      { lossType: "luspo", delta: 1.3 },
      { lossType: "sapo", importanceSamplingLevel: "sequence" },
    ])("%j: the gradient goes through the mean", (options) => {
      const { dlogp } = evaluate(logp, options);
      differences((at) => evaluate(at, options).loss).forEach((slope, t) =>
        expect(dlogp[t]).toBeCloseTo(slope, 7),
      );
      expect(dlogp[4]).toBe(0); // of weight 0
    });

    test("gspo_token and luspo's own: the sequence's value, the token's slope", () => {
      for (const options of [
        { lossType: "gspo_token" },
        { lossType: "luspo", importanceSamplingLevel: "sequence_token" },
      ] as const) {
        const whole = evaluate(logp, { lossType: "gspo" });
        const token = evaluate(logp, options);
        expect(token.loss).toBeCloseTo(whole.loss, 12);
        token.dlogp.forEach((slope, t) => {
          const ratio = whole.ratio[t];
          const A = inputs.advantages[t];
          const flat = (A > 0 && ratio > 1.2) || (A < 0 && ratio < 0.8);
          const kl = 0.3 * klEstimate(logp[t] - inputs.refLogp[t], "k3").slope;
          expect(slope).toBeCloseTo(inputs.weights[t] * ((flat ? 0 : -A * ratio) + kl), 12);
        });
      }
    });

    test.each(["cispo", "vespo"] as const)("%s: its factor is constant", (lossType) => {
      const { dlogp, perToken: terms, kl } = evaluate(logp, { lossType });
      dlogp.forEach((slope, t) => {
        if (inputs.weights[t] === 0) return;
        const factor = (terms[t] - 0.3 * kl[t]) / logp[t];
        const klSlope = 0.3 * klEstimate(logp[t] - inputs.refLogp[t], "k3").slope;
        expect(slope).toBeCloseTo(inputs.weights[t] * (factor + klSlope), 12);
      });
    });

    test("vespo's ratio is of the sum, bounded on both sides", () => {
      const ratio = (d0: number) =>
        policyObjective({
          logp: [-1, -2],
          oldLogp: [-1 - d0, -2 - d0],
          advantages: [1, 1],
          weights: [1, 1],
          lengths: [2],
          options: { lossType: "vespo" },
        }).ratio[1];
      expect(ratio(0.25)).toBeCloseTo(Math.exp(0.5), 12);
      expect(ratio(-100)).toBeCloseTo(1e-8, 16);
      expect(ratio(15)).toBeCloseTo(Math.exp(20), 3);
    });

    test("needs to know where sequences end", () => {
      expect(() => evaluate(logp, { lossType: "gspo" })).not.toThrow();
      expect(() =>
        policyObjective({ ...inputs, logp, lengths: undefined, options: { lossType: "gspo" } }),
      ).toThrow(/lengths: got none, expected 8 tokens in all/);
      expect(() =>
        policyObjective({ ...inputs, logp, lengths: [3, 4], options: { lossType: "vespo" } }),
      ).toThrow(ShapeError);
    });
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
      { lossType: "ppo" as LossType },
      { tauNegative: 0 },
      { vespoLambdaPositive: 0 },
      { lossAverage: "mean" as "seq" },
    ];
    for (const options of bad) expect(() => objectiveOptions(options)).toThrow(InvalidOptionError);
  });

  test.each<[Partial<ObjectiveOptions>, RegExp]>([
    [
      { lossType: "gspo", importanceSamplingLevel: "token" },
      /importanceSamplingLevel: .*gspo.*null or sequence/,
    ],
    [{ lossType: "vespo", importanceSamplingLevel: "sequence" }, /importanceSamplingLevel/],
    [{ lossType: "luspo", importanceSamplingLevel: "token" }, /null or sequence or sequence_token/],
    [{ lossType: "bnpo", lossAverage: "seq" }, /lossAverage: .*bnpo/],
    [{ lossType: "sapo", delta: 2 }, /delta: .*sapo/],
    [{ lossType: "cispo", clipRatioDual: 3 }, /clipRatioDual: .*cispo/],
    [{ lossType: "grpo", delta: 1.1 }, /above 1 \+ clipRatioHigh/],
    [{ lossType: "gspo", useBiasCorrectionKl: true }, /useBiasCorrectionKl/],
    [{ tauPositive: 2 }, /tauPositive: .*dapo.*an option of sapo/],
    [{ klType: "k2", klClamp: true }, /klClamp: .*k2/],
  ])("refuses %j together", (options, message) => {
    expect(() => objectiveOptions(options)).toThrow(InvalidOptionError);
    expect(() => objectiveOptions(options)).toThrow(message);
  });

  test("takes what is its own from an object with more in it", () => {
    const recipe = { steps: 3, lossType: "gspo" as const, lossAverage: "seq" as const, clipRatioLow: 3e-4 };
    const options = objectiveOptions(recipe);
    expect(options).not.toHaveProperty("steps");
    expect(options).toMatchObject({ lossType: "gspo", clipRatioHigh: 3e-4 });
    expect(lossForm(options)).toEqual({ surrogate: "clip", level: "sequence", average: "seq" });
  });
});

describe("klEstimate", () => {
  // Outputs of EasyR1's compute_kl for logp [-1, -2, -0.5], reference [-1.5, -1, -30].
  const x = [0.5, -1, 29.5];
  test("EasyR1's values", () => {
    expect(x.map((value) => klEstimate(value, "k1").value)).toEqual([0.5, -1, 29.5]);
    expect(x.map((value) => klEstimate(value, "abs"))).toEqual([
      { value: 0.5, slope: 1 },
      { value: 1, slope: -1 },
      { value: 29.5, slope: 1 },
    ]);
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
    for (const lossType of lossTypes.filter((type) => type !== "bnpo")) {
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
    expect(lossTypes).toHaveLength(11);
  });
});

test("logpDifference looks at weighted tokens only", () => {
  expect(logpDifference([-1, -2, -3], [-1.5, -2, 99], [1, 1, 0])).toEqual({ mean: 0.25, max: 0.5 });
  expect(logpDifference([], [])).toEqual({ mean: 0, max: 0 });
  expect(() => logpDifference([1], [])).toThrow(ShapeError);
});
