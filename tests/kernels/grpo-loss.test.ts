import { describe, expect, test } from "vitest";
import { Recorder } from "../../src/gpu/recorder.ts";
import { emitGrpoLoss, OBJECTIVE_STATS, readObjectiveStats } from "../../src/kernels/grpo-loss.ts";
import type { GrpoLossOptions } from "../../src/kernels/grpo-loss.ts";
import { grpoLossBackward } from "../../src/reference/grpo-loss.ts";
import { logpDifference, policyObjective } from "../../src/rl/objective.ts";
import type { ObjectiveOptions } from "../../src/rl/objective.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { integers, normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

function batch(T: number, seed: number) {
  const logp = normals(T, seed).map((value) => Math.fround(value - 4));
  const away = (by: number, other: number) =>
    normals(T, other).map((noise, t) => Math.fround(logp[t] - by * noise));
  return {
    logp,
    oldLogp: away(0.5, seed + 1),
    refLogp: away(0.5, seed + 2),
    samplerLogp: away(1e-3, seed + 3),
    entropy: normals(T, seed + 4).map((value) => Math.abs(value)),
    advantages: normals(7, seed + 5),
    sequence: integers(T, 7, seed + 6),
    weights: Float64Array.from(integers(T, 3, seed + 7), (value) => Math.fround(value / T)),
  };
}
type Batch = ReturnType<typeof batch>;
type Name = "oldLogp" | "refLogp" | "samplerLogp" | "entropy";

/** Runs the batches as micro-batches of one step: dlogp of the last, and the statistics of all. */
async function run(batches: Batch[], options: GrpoLossOptions, given: readonly Name[], capacity?: number) {
  const device = await sharedDevice();
  const rec = new Recorder(device, "grpo");
  const T = rec.dim("T", capacity ?? Math.max(...batches.map((each) => each.logp.length)));
  const f32 = (name: string) => rec.input(name, [T], "f32");
  const optional = Object.fromEntries(given.map((name) => [name, f32(name)]));
  const stats = device.tensor("stats", [OBJECTIVE_STATS], "f32", new Float32Array(OBJECTIVE_STATS).fill(99));
  const dlogp = rec.tensor("dlogp", [T], "f32");
  emitGrpoLoss(rec, {
    logp: f32("logp"),
    ...optional,
    advantages: rec.input("advantages", [7], "f32"),
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

function expected(data: Batch, options: Partial<ObjectiveOptions>, given: readonly Name[]) {
  return policyObjective({
    logp: data.logp,
    oldLogp: given.includes("oldLogp") ? data.oldLogp : null,
    refLogp: given.includes("refLogp") ? data.refLogp : null,
    advantages: Float64Array.from(data.sequence, (s) => data.advantages[s]),
    weights: data.weights,
    options,
  });
}

const all = ["oldLogp", "refLogp", "samplerLogp", "entropy"] as const;

describe("grpo-loss", () => {
  const cases: Partial<ObjectiveOptions>[] = [
    { klCoef: 0.04 },
    { klCoef: 0.04, klType: "k1", clipRatioHigh: 0.28 },
    { klCoef: 0.1, klType: "k2", clipRatioDual: 1.3 },
    { klCoef: 0.1, delta: 1.4 },
    { klCoef: 0.1, klClamp: true },
  ];
  test.each(cases)("%j agrees with the reference and with rl/objective.ts", async (options) => {
    const data = batch(300, 3);
    const actual = await run([data], options, all);
    const twin = expected(data, options, all);
    const { abs, rel } = tolerance("f32", 4);
    expectClose(actual.dlogp, twin.dlogp, { abs: abs / 100, rel: rel * 4 }, "dlogp");
    if (!options.klClamp) {
      const defaults = {
        clipRatioLow: 0.2,
        clipRatioHigh: 0.2,
        clipRatioDual: null,
        delta: null,
        klCoef: 0,
        klType: "k3",
      } as const;
      expectClose(
        actual.dlogp,
        grpoLossBackward({ ...data, options: { ...defaults, ...options } }),
        { abs: abs / 100, rel: rel * 4 },
        "dlogp, reference",
      );
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
    };
    expect(want.clipLow).toBeGreaterThan(0);
    expect(want.clipHigh).toBeGreaterThan(0);
    if (options.clipRatioDual) expect(want.clipDual).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(want)) {
      expectClose([actual.stats[name as keyof typeof want]], [value], tolerance("f32", 300), name);
    }
  });

  test.each([1, 127, 128, 129, 20_001])("T = %d", async (T) => {
    const data = batch(T, 40);
    data.weights[0] = 0.5;
    const actual = await run([data], { klCoef: 0.1 }, all, T + 5);
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
});
