import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import source from "../../shaders/grpo-loss.wgsl?raw";

const wgsl = [finite, source];
/** Tokens per workgroup: LANES in the shader. */
const block = 128;
const blocks = ({ T }: Record<string, number>) => rows(Math.ceil(T / block));

/** dlogp [T] and a row of 12 sums per 128 tokens. See shaders/grpo-loss.wgsl. */
export const grpoLoss = defineKernel({
  name: "grpo-loss",
  wgsl,
  entry: "loss",
  tensors: {
    logp: ["T"],
    old_logp: ["T"],
    ref_logp: ["T"],
    advantages: ["S"],
    sequence: ["T"],
    weights: ["T"],
    dlogp: ["T"],
    loss_rows: ["W", 12],
  },
  optional: ["old_logp", "ref_logp"],
  workgroups: blocks,
});

/** A row of sums over |logp − sampler_logp| and entropy per 128 tokens. */
export const grpoGap = defineKernel({
  name: "grpo-loss",
  wgsl,
  entry: "gap",
  tensors: { logp: ["T"], sampler_logp: ["T"], entropy: ["T"], weights: ["T"], gap_rows: ["W", 4] },
  optional: ["sampler_logp", "entropy"],
  workgroups: blocks,
});

/** Adds the rows up into stats [16]. T, which the rows are counted from, is a parameter. */
export const grpoFinish = defineKernel({
  name: "grpo-loss",
  wgsl,
  entry: "finish",
  tensors: { loss_sums: ["W", 12], gap_sums: ["W", 4], stats: [16] },
  workgroups: () => 1,
});

/** Elements of the statistics tensor. */
export const OBJECTIVE_STATS = 16;

const klTypes = { k1: 1, k2: 2, k3: 3 } as const;

/** Numbers as in `ObjectiveOptions` of rl/objective.ts; each may also be a Scalar of the run. */
export interface GrpoLossOptions {
  /** Default 0.2. */
  clipRatioLow?: number;
  /** Default: clipRatioLow. */
  clipRatioHigh?: number;
  clipRatioDual?: number | null;
  delta?: number | null;
  /** Default 0: with a reference the KL is measured, but not trained on. */
  klCoef?: ParamValue;
  klType?: keyof typeof klTypes;
  klClamp?: boolean;
}

export interface GrpoLossTensors {
  /** f32 [T] under the policy. */
  logp: Tensor;
  /** f32 [T] when sampled (or before the first update on these rollouts); absent: on-policy, the ratio is 1. */
  oldLogp?: Tensor;
  /** f32 [T] under the reference; absent: no KL. */
  refLogp?: Tensor;
  /** f32 [T] as the sampler stored it, for statistics only. */
  samplerLogp?: Tensor;
  /** f32 [T], for statistics only. */
  entropy?: Tensor;
  /** f32 [S] */
  advantages: Tensor;
  /** u32 [T]: which sequence a token belongs to; anything below S where the weight is 0. */
  sequence: Tensor;
  /** f32 [T] as `tokenWeights` of rl/objective.ts gives them; 0: not a completion token. */
  weights: Tensor;
  /** f32 [T], overwritten; NaN for a token whose loss or gradient is not finite. */
  dlogp: Tensor;
  /** f32 [OBJECTIVE_STATS] sums: see {@link readObjectiveStats}. */
  stats: Tensor;
}

/**
 * Records the objective of rl/objective.ts: dlogp, and statistics, which are added to those before with `accumulate`
 * 1 (the second and later micro-batches of a step) and replace them with 0.
 */
export function emitGrpoLoss(
  rec: Recorder,
  tensors: GrpoLossTensors & { options?: GrpoLossOptions; accumulate?: boolean | ParamValue },
): void {
  const { logp, oldLogp, refLogp, samplerLogp, entropy, advantages, sequence, weights, dlogp, stats } =
    tensors;
  const { options = {}, accumulate = false } = tensors;
  const low = options.clipRatioLow ?? 0.2;
  const [T] = logp.shape;
  const params = {
    T,
    S: advantages.shape[0],
    on_policy: oldLogp ? 0 : 1,
    has_ref: refLogp ? 1 : 0,
    has_sampler: samplerLogp ? 1 : 0,
    has_entropy: entropy ? 1 : 0,
    kl_type: klTypes[options.klType ?? "k3"],
    kl_clamp: options.klClamp ? 1 : 0,
    accumulate: typeof accumulate === "boolean" ? Number(accumulate) : accumulate,
    low: 1 - low,
    high: 1 + (options.clipRatioHigh ?? low),
    dual: options.clipRatioDual ?? 0,
    delta: options.delta ?? 0,
    kl_coef: options.klCoef ?? 0,
  };
  const W = Math.ceil(capacity(T) / block);
  const lossRows = rec.tensor("grpo loss sums", [W, 12], "f32");
  const gapRows = rec.tensor("grpo gap sums", [W, 4], "f32");
  rec.run(
    grpoLoss,
    { logp, old_logp: oldLogp, ref_logp: refLogp, advantages, sequence, weights, dlogp, loss_rows: lossRows },
    params,
  );
  rec.run(grpoGap, { logp, sampler_logp: samplerLogp, entropy, weights, gap_rows: gapRows }, params);
  rec.run(grpoFinish, { loss_sums: lossRows, gap_sums: gapRows, stats }, params);
}

/** Means over the completion tokens of a step (sums for `loss`, `policyLoss`, `tokens`, `nonFinite`). Zeros without a token. */
export interface ObjectiveStatsValues {
  loss: number;
  policyLoss: number;
  kl: number;
  clipLow: number;
  clipHigh: number;
  clipRegion: number;
  clipDual: number;
  ratioMean: number;
  ratioMin: number;
  ratioMax: number;
  logpDifferenceMean: number;
  logpDifferenceMax: number;
  entropy: number;
  tokens: number;
  nonFinite: number;
}

/** What the statistics tensor of {@link emitGrpoLoss} says; has the fields of `ObjectiveStats` of rl/metrics.ts. */
export function readObjectiveStats(stats: ArrayLike<number>): ObjectiveStatsValues {
  const tokens = stats[3];
  const mean = (sum: number) => (tokens > 0 ? sum / tokens : 0);
  return {
    loss: stats[0],
    policyLoss: stats[1],
    kl: mean(stats[2]),
    clipLow: mean(stats[4]),
    clipHigh: mean(stats[5]),
    clipRegion: mean(stats[4] + stats[5]),
    clipDual: mean(stats[6]),
    ratioMean: mean(stats[7]),
    ratioMin: tokens > 0 ? -stats[11] : 0,
    ratioMax: tokens > 0 ? stats[10] : 0,
    logpDifferenceMean: mean(stats[12]),
    logpDifferenceMax: tokens > 0 ? stats[14] : 0,
    entropy: mean(stats[13]),
    tokens,
    nonFinite: stats[8],
  };
}
