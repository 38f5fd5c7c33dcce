import { describe, expect, test } from "vitest";
import { grpoLossBackward, grpoLossForward } from "../../src/reference/grpo-loss.ts";
import type { GrpoLossInputs } from "../../src/reference/grpo-loss.ts";
import { policyObjective } from "../../src/rl/objective.ts";
import { checkGradient } from "../support/gradient.ts";
import { integers, normals } from "../support/random.ts";

const T = 60;
const logp = normals(T, 1).map((value) => value - 4);
const inputs = (options: Partial<GrpoLossInputs["options"]>): GrpoLossInputs => ({
  logp,
  oldLogp: normals(T, 2).map((noise, t) => logp[t] - 0.8 * noise),
  refLogp: normals(T, 3).map((noise, t) => logp[t] - 0.5 * noise),
  advantages: normals(5, 4),
  sequence: integers(T, 5, 5).sort(),
  weights: Float64Array.from(integers(T, 4, 6), (value) => value / 100),
  options: {
    clipRatioLow: 0.2,
    clipRatioHigh: 0.28,
    clipRatioDual: null,
    delta: null,
    klCoef: 0.04,
    klType: "k3",
    ...options,
  },
});

describe("grpo-loss reference", () => {
  const cases: Partial<GrpoLossInputs["options"]>[] = [
    {},
    { klType: "k1" },
    { klType: "k2" },
    { klType: "abs" },
    { clipRatioDual: 1.6 },
    { delta: 1.5 },
    { klCoef: 0 },
    { useBiasCorrectionKl: true },
    { surrogate: "cispo" },
    { surrogate: "sapo" },
    { surrogate: "vespo", level: "sequence" },
    { level: "sequence", clipRatioDual: 1.6 },
    { level: "sequence", surrogate: "sapo" },
    { level: "sequence", surrogate: "cispo" },
    { level: "sequence_token", delta: 1.5, useBiasCorrectionKl: true },
  ];
  test.each(cases)(
    "%j: backward is the derivative of forward, and both agree with rl/objective.ts",
    (options) => {
      const given = inputs(options);
      const lossType =
        (["cispo", "sapo", "vespo"] as const).find((name) => name === options.surrogate) ?? "grpo";
      const importanceSamplingLevel = lossType === "vespo" ? null : (options.level ?? null);
      checkGradient(
        "grpo-loss",
        { logp: given.logp },
        (moved) => Float64Array.of(grpoLossForward({ ...given, logp: moved.logp }, logp)),
        (at, dy) => ({ logp: grpoLossBackward({ ...given, logp: at.logp }).map((slope) => slope * dy[0]) }),
      );
      const twin = policyObjective({
        ...given,
        advantages: Float64Array.from(given.sequence, (s) => given.advantages[s]),
        lengths: Array.from({ length: 5 }, (_, s) => given.sequence.filter((other) => other === s).length),
        options: { ...given.options, lossType, importanceSamplingLevel },
      });
      expect(grpoLossForward(given)).toBeCloseTo(twin.loss, 12);
      grpoLossBackward(given).forEach((slope, t) => expect(slope).toBeCloseTo(twin.dlogp[t], 12));
    },
  );

  test("on-policy the gradient is −A·weight, which a sequence's tokens share when the ratio is theirs", () => {
    const given = { ...inputs({ klCoef: 0 }), oldLogp: undefined, refLogp: undefined };
    grpoLossBackward(given).forEach((slope, t) =>
      expect(slope).toBeCloseTo(-given.advantages[given.sequence[t]] * given.weights[t], 14),
    );
    const shared = grpoLossBackward({ ...given, options: { ...given.options, level: "sequence" } });
    const members = Array.from(given.sequence.keys()).filter(
      (t) => given.sequence[t] === 2 && given.weights[t] !== 0,
    );
    const sum = members.reduce((total, t) => total + given.weights[t], 0);
    for (const t of members) expect(shared[t]).toBeCloseTo((-given.advantages[2] * sum) / members.length, 14);
  });
});
