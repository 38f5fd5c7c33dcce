import { describe, expect, test } from "vitest";
import { Recorder } from "../../src/gpu/recorder.ts";
import { emitGrpoLoss, OBJECTIVE_STATS, readObjectiveStats } from "../../src/kernels/grpo-loss.ts";
import { grpoLossBackward } from "../../src/reference/grpo-loss.ts";
import { lossForm, objectiveOptions } from "../../src/rl/loss-types.ts";
import type { ObjectiveOptions } from "../../src/rl/loss-types.ts";
import { logpDifference, policyObjective } from "../../src/rl/objective.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { integers, normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

/** T tokens of S sequences, which lie side by side; number 2 is empty, and others may be. */
function batch(T: number, seed: number, S = 7) {
  const logp = normals(T, seed).map((value) => Math.fround(value - 4));
  const away = (by: number, other: number) =>
    normals(T, other).map((noise, t) => Math.fround(logp[t] - by * noise));
  return {
    logp,
    oldLogp: away(0.5, seed + 1),
    refLogp: away(0.5, seed + 2),
    samplerLogp: away(1e-3, seed + 3),
    entropy: normals(T, seed + 4).map((value) => Math.abs(value)),
    advantages: normals(S, seed + 5),
    sequence: integers(T, S, seed + 6)
      .map((s) => (s === 2 ? 3 : s))
      .sort(),
    weights: Float64Array.from(integers(T, 3, seed + 7), (value) => Math.fround(value / T)),
  };
}
type Batch = ReturnType<typeof batch>;
type Name = "oldLogp" | "refLogp" | "samplerLogp" | "entropy";

/** Runs the batches as micro-batches of one step: dlogp of the last, and the statistics of all. */
async function run(
  batches: Batch[],
  chosen: Partial<ObjectiveOptions>,
  given: readonly Name[],
  { capacity, tokenAdvantages = false }: { capacity?: number; tokenAdvantages?: boolean } = {},
) {
  const filled = objectiveOptions(chosen);
  const options = { ...filled, ...lossForm(filled) };
  const device = await sharedDevice();
  const rec = new Recorder(device, "grpo");
  const T = rec.dim("T", capacity ?? Math.max(...batches.map((each) => each.logp.length)));
  const S = batches[0].advantages.length;
  const f32 = (name: string) => rec.input(name, [T], "f32");
  const optional = Object.fromEntries(given.map((name) => [name, f32(name)]));
  const stats = device.tensor("stats", [OBJECTIVE_STATS], "f32", new Float32Array(OBJECTIVE_STATS).fill(99));
  const dlogp = rec.tensor("dlogp", [T], "f32");
  emitGrpoLoss(rec, {
    logp: f32("logp"),
    ...optional,
    advantages: rec.input("advantages", [S], "f32"),
    advantageIndex: tokenAdvantages ? rec.input("advantageIndex", [T], "u32") : undefined,
    sequences: tokenAdvantages ? 7 : undefined,
    sequence: rec.input("sequence", [T], "u32"),
    weights: f32("weights"),
    dlogp,
    stats,
    options,
    accumulate: rec.scalar("accumulate"),
  });
  rec.output(dlogp);
  const program = await rec.build();
  try {
    batches.forEach((each, index) => {
      for (const name of ["logp", "advantages", "weights", ...given] as const)
        program.write(name, Float32Array.from(each[name]));
      program.write("sequence", each.sequence);
      if (tokenAdvantages) program.write("advantageIndex", Uint32Array.from(each.sequence.keys()));
      program.run({ T: each.logp.length, accumulate: index === 0 ? 0 : 1 });
    });
    const length = batches[batches.length - 1].logp.length;
    return {
      dlogp: (await device.read(dlogp)).slice(0, length),
      stats: readObjectiveStats(await device.read(stats)),
    };
  } finally {
    program.destroy();
  }
}

function lengthsOf(sequence: Uint32Array, S: number): Uint32Array {
  const lengths = new Uint32Array(S);
  for (const s of sequence) lengths[s]++;
  return lengths;
}

function expected(
  data: Batch,
  options: Partial<ObjectiveOptions>,
  given: readonly Name[],
  tokenAdvantages = false,
) {
  return policyObjective({
    logp: data.logp,
    oldLogp: given.includes("oldLogp") ? data.oldLogp : null,
    refLogp: given.includes("refLogp") ? data.refLogp : null,
    advantages: Float64Array.from(data.sequence, (s, t) => data.advantages[tokenAdvantages ? t : s]),
    weights: data.weights,
    lengths: lengthsOf(data.sequence, tokenAdvantages ? 7 : data.advantages.length),
    options,
  });
}

const all = ["oldLogp", "refLogp", "samplerLogp", "entropy"] as const;

describe("grpo-loss", () => {
  const cases: Partial<ObjectiveOptions>[] = [
    { klCoef: 0.04 },
    { klCoef: 0.04, klType: "k1", clipRatioHigh: 0.28 },
    { klCoef: 0.1, klType: "k2", clipRatioDual: 1.3 },
    { klCoef: 0.1, klType: "abs", useBiasCorrectionKl: true },
    { klCoef: 0.1, delta: 1.4 },
    { klCoef: 0.1, klClamp: true },
    { lossType: "gspo", klCoef: 0.1, clipRatioLow: 0.01, clipRatioHigh: 0.02 },
    { lossType: "gspo_token", clipRatioLow: 0.01, clipRatioHigh: 0.02, delta: 1.04 },
    { lossType: "cispo", klCoef: 0.1, useBiasCorrectionKl: true },
    { lossType: "cispo", importanceSamplingLevel: "sequence", clipRatioLow: 0.01, clipRatioHigh: 0.02 },
    { lossType: "sapo", klCoef: 0.1, tauPositive: 0.8 },
    { lossType: "sapo", importanceSamplingLevel: "sequence", klCoef: 0.1 },
    { lossType: "vespo", klCoef: 0.1, vespoKNegative: 2.5 },
  ];
  test.each(cases)("%j agrees with the reference and with rl/objective.ts", async (chosen) => {
    const data = batch(300, 3);
    const actual = await run([data], chosen, all);
    const twin = expected(data, chosen, all);
    const { abs, rel } = tolerance("f32", 4);
    expectClose(actual.dlogp, twin.dlogp, { abs: abs / 100, rel: rel * 4 }, "dlogp");
    const filled = objectiveOptions(chosen);
    const options = { ...filled, ...lossForm(filled) };
    // The reference has neither clamps nor other constants of sapo and vespo.
    if (!options.klClamp && options.tauPositive === 1 && options.vespoKNegative === 3) {
      const reference = grpoLossBackward({ ...data, options });
      expectClose(actual.dlogp, reference, { abs: abs / 100, rel: rel * 4 }, "dlogp, reference");
    }
    const used = data.weights.map((weight, t) => (weight === 0 ? -1 : t)).filter((t) => t >= 0);
    const mean = (values: ArrayLike<number>) => used.reduce((sum, t) => sum + values[t], 0) / used.length;
    const gap = logpDifference(data.logp, data.samplerLogp, data.weights);
    const want = {
      loss: twin.loss,
      policyLoss: twin.policyLoss,
      kl: mean(twin.kl),
      clipLow: mean(twin.clippedLow),
      clipHigh: mean(twin.clippedHigh),
      clipRegion: mean(twin.clippedLow) + mean(twin.clippedHigh),
      clipDual: mean(twin.clippedDual),
      ratioMean: mean(twin.ratio),
      ratioMin: used.reduce((least, t) => Math.min(least, twin.ratio[t]), Infinity),
      ratioMax: used.reduce((most, t) => Math.max(most, twin.ratio[t]), 0),
      logpDifferenceMean: gap.mean,
      logpDifferenceMax: gap.max,
      entropy: mean(data.entropy),
      tokens: used.length,
      nonFinite: 0,
      ppoKl: twin.ppoKl,
    };
    const clips = options.surrogate === "clip" || options.surrogate === "cispo";
    expect(want.clipLow > 0).toBe(clips);
    expect(want.clipHigh > 0).toBe(clips);
    if (options.clipRatioDual) expect(want.clipDual).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(want)) {
      expectClose([actual.stats[name as keyof typeof want]], [value], tolerance("f32", 300), name);
    }
  });

  test.each([
    [1, 7],
    [65, 7],
    [3001, 7],
    [700, 401],
    [300, 70_001], // more sequences than there are workgroups in a row
  ])("%d tokens of %d sequences, one of them empty, at the level of sequences", async (T, S) => {
    const data = batch(T, 90, S);
    data.weights[T - 1] = 0.5;
    for (const options of [{ lossType: "gspo", klCoef: 0.1 }, { lossType: "vespo" }] as const) {
      const actual = await run([data], options, all, { capacity: T + 3 });
      const twin = expected(data, options, all);
      expectClose(actual.dlogp, twin.dlogp, tolerance("f32", 64), "dlogp");
      expectClose([actual.stats.loss], [twin.loss], tolerance("f32", T), "loss");
    }
    expect(lengthsOf(data.sequence, S)).toContain(0);
  });

  test("advantages of tokens, whose gradients a sequence's tokens share when the ratio is theirs", async () => {
    const data = { ...batch(200, 20), advantages: normals(200, 21) };
    for (const lossType of ["grpo", "gspo", "gspo_token"] as const) {
      const options = { lossType, clipRatioHigh: 0.05 };
      const actual = await run([data], options, all, { tokenAdvantages: true });
      const twin = expected(data, options, all, true);
      expectClose(actual.dlogp, twin.dlogp, tolerance("f32", 16), lossType);
    }
  });

  test("on-policy at the level of sequences", async () => {
    const data = batch(200, 22);
    for (const lossType of ["gspo", "luspo", "vespo"] as const) {
      const actual = await run([data], { lossType }, []);
      expectClose(actual.dlogp, expected(data, { lossType }, []).dlogp, tolerance("f32", 16), lossType);
    }
  });

  test.each([1, 127, 128, 129, 20_001])("T = %d", async (T) => {
    const data = batch(T, 40);
    data.weights[0] = 0.5;
    const actual = await run([data], { klCoef: 0.1 }, all, { capacity: T + 5 });
    const twin = expected(data, { klCoef: 0.1 }, all);
    expectClose(actual.dlogp, twin.dlogp, tolerance("f32", 16), "dlogp");
    expectClose([actual.stats.loss], [twin.loss], tolerance("f32", T), "loss");
    expect(actual.stats.tokens).toBe(data.weights.filter((weight) => weight !== 0).length);
  });

  test("on-policy without anything optional", async () => {
    const data = batch(200, 60);
    const actual = await run([data], {}, []);
    expectClose(actual.dlogp, expected(data, {}, []).dlogp, tolerance("f32"), "dlogp");
    expect(actual.stats).toMatchObject({
      kl: 0,
      ratioMin: 1,
      ratioMax: 1,
      ratioMean: 1,
      logpDifferenceMax: 0,
      entropy: 0,
    });
  });

  test("statistics add up over micro-batches of different lengths", async () => {
    const parts = [batch(150, 70), batch(31, 80), batch(90, 90)];
    const { stats } = await run(parts, { klCoef: 0.1 }, all);
    const twins = parts.map((part) => expected(part, { klCoef: 0.1 }, all));
    const loss = twins.reduce((sum, twin) => sum + twin.loss, 0);
    expectClose([stats.loss], [loss], tolerance("f32", 300), "loss");
    const ratios = twins.flatMap((twin, i) => [...twin.ratio].filter((_, t) => parts[i].weights[t] !== 0));
    expect(stats.tokens).toBe(ratios.length);
    expect(stats.ratioMax).toBeCloseTo(Math.max(...ratios), 4);
    expect(stats.ratioMin).toBeCloseTo(Math.min(...ratios), 5);
    const kl = twins.flatMap((twin) => [...twin.kl]).reduce((sum, value) => sum + value, 0);
    expectClose([stats.kl], [kl / ratios.length], tolerance("f32", 300), "kl");
  });

  test("a small KL keeps its digits", async () => {
    const data = batch(64, 5);
    data.weights.fill(1);
    data.refLogp = data.logp.map((value) => Math.fround(value + 2 ** -9));
    const { stats } = await run([data], {}, ["refLogp"]);
    expectClose([stats.kl], [Math.expm1(2 ** -9) - 2 ** -9], { abs: 0, rel: 1e-5 }, "kl");
  });

  test("NaN poisons its own token, is counted, and counts for nothing where the weight is 0", async () => {
    const data = batch(130, 8);
    data.weights.fill(1 / 130);
    data.logp[3] = NaN;
    data.logp[129] = -Infinity;
    data.logp[5] = NaN;
    data.weights[5] = 0;
    const { dlogp, stats } = await run([data], {}, []);
    expect(stats.nonFinite).toBe(2);
    expect([...dlogp.keys()].filter((t) => Number.isNaN(dlogp[t]))).toEqual([3, 129]);
    expect(dlogp[5]).toBe(0);
  });

  test("NaN poisons its sequence where the ratio is a sequence's", async () => {
    const data = batch(130, 8);
    data.weights.fill(1 / 130);
    data.logp[50] = NaN;
    const { dlogp, stats } = await run([data], { lossType: "gspo" }, ["oldLogp"]);
    const poisoned = [...dlogp.keys()].filter((t) => Number.isNaN(dlogp[t]));
    expect(poisoned).toEqual([...dlogp.keys()].filter((t) => data.sequence[t] === data.sequence[50]));
    expect(stats.nonFinite).toBe(poisoned.length);
  });
});
