import type { Device } from "../gpu/device.ts";
import { emitAdvantage } from "../kernels/advantage.ts";
import { emitGrpoLoss, OBJECTIVE_STATS, readObjectiveStats } from "../kernels/grpo-loss.ts";
import { emitLogprob, emitLogprobBackward, ignoredTarget } from "../kernels/logprob.ts";
import { emitReturnAdvantages, emitTokenRewards } from "../kernels/returns.ts";
import { bannedMask } from "../kernels/sampling.ts";
import { denseWeight } from "../kernels/weight.ts";
import { advantageForward } from "../reference/advantage.ts";
import { grpoLossBackward, grpoLossForward } from "../reference/grpo-loss.ts";
import type { GrpoLossOptions } from "../reference/grpo-loss.ts";
import { logprobBackward, logprobForward } from "../reference/logprob.ts";
import { returnAdvantagesForward, tokenRewardsForward } from "../reference/returns.ts";
import { integers, normals, runOnce, tolerance } from "./case.ts";
import type { Check, SelfTestCase } from "./case.ts";

const grpoLossVariants: readonly [part: string, options: Partial<GrpoLossOptions>][] = [
  ["with k1", { klType: "k1" }],
  ["with k2", { klType: "k2" }],
  ["with k3", { klType: "k3" }],
  ["with abs", { klType: "abs", useBiasCorrectionKl: true }],
  ["cispo", { surrogate: "cispo", clipRatioDual: null }],
  ["sapo", { surrogate: "sapo", clipRatioDual: null }],
  ["vespo", { surrogate: "vespo", level: "sequence", clipRatioDual: null }],
  ["of sequences", { level: "sequence" }],
  ["of sequences by token", { level: "sequence_token", delta: 1.5 }],
];

export function objectiveCases(): SelfTestCase[] {
  return [
    { kernel: "logprob", part: "forward and backward", run: logprobCase },
    ...(["group", "batch", "none"] as const).map((scale): SelfTestCase => {
      return {
        kernel: "advantage",
        part: `scaled by ${scale}`,
        run: (device) => advantageCase(device, "grpo", scale),
      };
    }),
    ...(["grpo_passk", "rloo"] as const).map((estimator): SelfTestCase => {
      return {
        kernel: "advantage",
        part: estimator,
        run: (device) => advantageCase(device, estimator, "group"),
      };
    }),
    ...(["k1", "k2", "k3", "abs"] as const).map((klType): SelfTestCase => {
      return { kernel: "returns", part: `with ${klType}`, run: (device) => returnsCase(device, klType) };
    }),
    ...grpoLossVariants.map(([part, variant]): SelfTestCase => {
      return { kernel: "grpo-loss", part, run: (device) => grpoLossCase(device, variant) };
    }),
  ];
}

async function logprobCase(device: Device): Promise<Check[]> {
  const [T, C, V] = [9, 24, 203];
  const temperature = 0.7;
  const banned = [5, 64, 202];
  const targets = integers(T, 60, 1).map((target) => (target === 5 ? 6 : target));
  targets[2] = ignoredTarget;
  const x = normals(T * C, 2);
  const head = normals(V * C, 3, "f32", 0.3);
  const dlogp = normals(T, 4);
  const dentropy = normals(T, 5);
  const got = await runOnce(
    device,
    (rec) => {
      const common = {
        x: rec.input("x", [T, C], "f32"),
        head: denseWeight(rec.input("head", [V, C], "f32")),
        targets: rec.input("targets", [T], "u32"),
        banned: rec.input("banned", [Math.ceil(V / 32)], "u32"),
        temperature,
        chunkRows: 64,
      };
      const [logp, entropy, lse] = ["logp", "entropy", "lse"].map((name) => rec.tensor(name, [T], "f32"));
      const dx = rec.like(common.x, "dx");
      const dhead = rec.tensor("dhead", [V, C], "f32");
      rec.zero(dhead);
      emitLogprob(rec, { ...common, logp, entropy, lse });
      const gradients = {
        dlogp: rec.input("dlogp", [T], "f32"),
        dentropy: rec.input("dentropy", [T], "f32"),
      };
      emitLogprobBackward(rec, { ...common, ...gradients, lse, entropy, dx, dhead });
      return { logp, entropy, lse, dx, dhead };
    },
    { x, head, targets, banned: bannedMask(V, banned), dlogp, dentropy },
  );
  const reference = { x, head, targets, T, C, V, temperature, banned: new Set(banned) };
  const forward = logprobForward(reference);
  const backward = logprobBackward(reference, { dlogp, dentropy });
  const allowed = tolerance("f32", V, 4);
  return [
    { what: "logp", actual: got.logp, expected: forward.logp, tolerance: allowed },
    { what: "entropy", actual: got.entropy, expected: forward.entropy, tolerance: allowed },
    { what: "lse", actual: got.lse, expected: forward.lse, tolerance: allowed },
    { what: "dx", actual: got.dx, expected: backward.dx, tolerance: allowed },
    { what: "dhead", actual: got.dhead, expected: backward.dhead, tolerance: allowed },
  ];
}

async function advantageCase(
  device: Device,
  estimator: "grpo" | "grpo_passk" | "rloo",
  scale: "group" | "batch" | "none",
): Promise<Check[]> {
  const [P, G] = [5, 6];
  const eps = 1e-4;
  const rewards = normals(P * G, 1);
  rewards.fill(0.25, G, 2 * G); // a group of equal rewards
  rewards[2 * G + 1] = NaN; // excluded
  const got = await runOnce(
    device,
    (rec) => {
      const advantages = rec.tensor("advantages", [P * G], "f32");
      const mean = rec.tensor("mean", [P], "f32");
      const std = rec.tensor("std", [P], "f32");
      const zeroStd = rec.tensor("zeroStd", [P], "u32");
      emitAdvantage(rec, {
        rewards: rec.input("rewards", [P * G], "f32"),
        advantages,
        mean,
        std,
        zeroStd,
        groupSize: G,
        estimator,
        scale,
        eps,
      });
      return { advantages, mean, std, zeroStd };
    },
    { rewards },
  );
  const expected = advantageForward(rewards, { groupSize: G, estimator, scale, eps });
  const allowed = tolerance("f32", P * G, 4);
  return [
    { what: "advantages", actual: got.advantages, expected: expected.advantages, tolerance: allowed },
    { what: "mean", actual: got.mean, expected: expected.mean, tolerance: allowed },
    { what: "std", actual: got.std, expected: expected.std, tolerance: allowed },
    { what: "zeroStd", actual: got.zeroStd, expected: expected.zeroStd, tolerance: 0 },
  ];
}

async function returnsCase(device: Device, klType: "k1" | "k2" | "k3" | "abs"): Promise<Check[]> {
  const lengths = [70, 1, 33, 5]; // more tokens than lanes
  const [S, N] = [lengths.length, 109];
  const bounds = Uint32Array.of(0, 70, 70, 71, 71, 104, 104, 109);
  const rewards = normals(S, 1);
  rewards[3] = NaN; // excluded
  const logp = normals(N, 2).map((value) => Math.fround(-Math.abs(value)));
  const refLogp = logp.map((value, t) => Math.fround(value + 0.3 * normals(N, 3)[t]));
  const [klCoef, gamma, eps] = [0.125, 0.75, 1e-8];
  const got = await runOnce(
    device,
    (rec) => {
      const places = rec.input("bounds", [S, 2], "u32");
      const tokenRewards = rec.tensor("tokenRewards", [N], "f32");
      const scores = rec.tensor("scores", [S], "f32");
      const kl = rec.tensor("kl", [S], "f32");
      const advantages = rec.tensor("advantages", [N], "f32");
      emitTokenRewards(rec, {
        rewards: rec.input("rewards", [S], "f32"),
        bounds: places,
        logp: rec.input("logp", [N], "f32"),
        refLogp: rec.input("refLogp", [N], "f32"),
        tokenRewards,
        scores,
        kl,
        klCoef,
        klType,
      });
      emitReturnAdvantages(rec, { tokenRewards, bounds: places, advantages, gamma, eps });
      return { scores, kl, advantages };
    },
    { rewards, bounds, logp, refLogp },
  );
  const reference = tokenRewardsForward({ rewards, lengths, logp, refLogp, klCoef, klType });
  const advantages = returnAdvantagesForward(reference.tokens, { lengths, gamma, eps });
  const allowed = tolerance("f32", N, 8);
  return [
    {
      what: "scores",
      actual: got.scores.slice(0, 3),
      expected: reference.scores.slice(0, 3),
      tolerance: allowed,
    },
    { what: "kl", actual: got.kl, expected: reference.kl, tolerance: allowed },
    { what: "advantages", actual: got.advantages, expected: advantages, tolerance: allowed },
  ];
}

async function grpoLossCase(device: Device, variant: Partial<GrpoLossOptions>): Promise<Check[]> {
  const [T, S] = [150, 6]; // more than one block of tokens
  const options: GrpoLossOptions = {
    clipRatioLow: 0.2,
    clipRatioHigh: 0.28,
    clipRatioDual: 3,
    delta: null,
    klCoef: 0.1,
    klType: "k3",
    ...variant,
  };
  const logp = normals(T, 1).map((value) => Math.fround(-Math.abs(value)));
  const near = (seed: number) => logp.map((value, t) => Math.fround(value + 0.3 * normals(T, seed)[t]));
  const sequence = Uint32Array.from({ length: T }, (_, t) => Math.floor((t * S) / T));
  const weights = Float64Array.from({ length: T }, (_, t) => (t % 7 === 0 ? 0 : 0.5 + (t % 4) / 4));
  const inputs = { logp, oldLogp: near(2), refLogp: near(3), advantages: normals(S, 4), sequence, weights };
  const got = await runOnce(
    device,
    (rec) => {
      const token = (name: string, dtype: "f32" | "u32" = "f32") => rec.input(name, [T], dtype);
      const dlogp = rec.tensor("dlogp", [T], "f32");
      const stats = rec.tensor("stats", [OBJECTIVE_STATS], "f32");
      emitGrpoLoss(rec, {
        logp: token("logp"),
        oldLogp: token("oldLogp"),
        refLogp: token("refLogp"),
        advantages: rec.input("advantages", [S], "f32"),
        sequence: token("sequence", "u32"),
        weights: token("weights"),
        dlogp,
        stats,
        options,
      });
      return { dlogp, stats };
    },
    inputs,
  );
  const reference = { ...inputs, options };
  const { loss, tokens } = readObjectiveStats(got.stats);
  const allowed = tolerance("f32", T, 4);
  return [
    { what: "dlogp", actual: got.dlogp, expected: grpoLossBackward(reference), tolerance: allowed },
    { what: "loss", actual: [loss], expected: [grpoLossForward(reference)], tolerance: allowed },
    {
      what: "tokens",
      actual: [tokens],
      expected: [weights.filter((weight) => weight !== 0).length],
      tolerance: 0,
    },
  ];
}
