import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import kl from "../../shaders/lib/kl.wgsl?raw";
import pack from "../../shaders/lib/pack-1.wgsl?raw";
import reduce from "../../shaders/lib/reduce.wgsl?raw";
import sigmoid from "../../shaders/lib/sigmoid.wgsl?raw";
import sequenceSource from "../../shaders/grpo-loss-sequence.wgsl?raw";
import source from "../../shaders/grpo-loss.wgsl?raw";
import { klTypeNumbers } from "./kl-types.ts";

const wgsl = [finite, pack, sigmoid, kl, source];
const sequenceWgsl = [finite, reduce, kl, sequenceSource];
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
    old: ["T"],
    ref_logp: ["T"],
    advantages: ["A"],
    advantage_of: ["T"],
    weights: ["T"],
    dlogp: ["T"],
    loss_rows: ["W", 12],
  },
  optional: ["old", "ref_logp"],
  workgroups: blocks,
});

/** A row of sums over |logp − sampler_logp|, entropy and old − logp per 128 tokens. */
export const grpoGap = defineKernel({
  name: "grpo-loss",
  wgsl,
  entry: "gap",
  tensors: {
    logp: ["T"],
    old: ["T"],
    sampler_logp: ["T"],
    entropy: ["T"],
    weights: ["T"],
    gap_rows: ["W", 4],
  },
  optional: ["old", "sampler_logp", "entropy"],
  workgroups: blocks,
});

/** The log-ratio of each token's sequence, [T]. S is a parameter. See shaders/grpo-loss-sequence.wgsl. */
export const grpoSequenceRatio = defineKernel({
  name: "grpo-loss",
  wgsl: sequenceWgsl,
  entry: "ratio",
  tensors: { logp: ["T"], old_logp: ["T"], sequence: ["T"], weights: ["T"], log_ratio: ["T"] },
  workgroups: ({ S }) => rows(S), // one workgroup per sequence
});

/** Hands the gradient by a sequence's log-ratio to its tokens, in dlogp [T]. S is a parameter. */
export const grpoSequenceSpread = defineKernel({
  name: "grpo-loss",
  wgsl: sequenceWgsl,
  entry: "spread",
  tensors: { logp: ["T"], ref_logp: ["T"], sequence: ["T"], weights: ["T"], dlogp: ["T"] },
  optional: ["ref_logp"],
  workgroups: ({ S }) => rows(S),
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

const surrogates = { clip: 0, cispo: 1, sapo: 2, vespo: 3 } as const;

/** Numbers as in `ObjectiveOptions` of rl/loss-types.ts, and what its `lossForm` makes of a loss type. */
export interface GrpoLossOptions {
  /** Default clip. */
  surrogate?: keyof typeof surrogates;
  /** Of the importance ratio. Default token. */
  level?: "token" | "sequence" | "sequence_token";
  /** Default 0.2. */
  clipRatioLow?: number;
  /** Default: clipRatioLow. */
  clipRatioHigh?: number;
  clipRatioDual?: number | null;
  delta?: number | null;
  /** Default 1, and 1.05 where the advantage is negative. */
  tauPositive?: number;
  tauNegative?: number;
  /** Default 2 and 3, and 3 and 2 where the advantage is negative. */
  vespoKPositive?: number;
  vespoLambdaPositive?: number;
  vespoKNegative?: number;
  vespoLambdaNegative?: number;
  /** Default 0: with a reference the KL is measured, but not trained on. */
  klCoef?: ParamValue;
  klType?: keyof typeof klTypeNumbers;
  klClamp?: boolean;
  /** Not at the level of sequences. */
  useBiasCorrectionKl?: boolean;
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
  /** f32 [A] */
  advantages: Tensor;
  /** u32 [T]: which advantage is a token's; anything below A where the weight is 0. Default: `sequence`. */
  advantageIndex?: Tensor;
  /** u32 [T]: which sequence a token belongs to. Ascends, where something is of sequences. */
  sequence: Tensor;
  /** Sequences, where something is of sequences: numbers in `sequence` are below it. Default: the advantages. */
  sequences?: number;
  /** f32 [T] as `tokenWeights` of rl/loss-weights.ts gives them; 0: not a completion token. */
  weights: Tensor;
  /** f32 [T], overwritten; NaN for a token whose loss or gradient is not finite, or whose sequence's is. */
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
  const { options = {}, accumulate = false, advantageIndex = sequence } = tensors;
  const { surrogate = "clip", level = "token" } = options;
  const low = options.clipRatioLow ?? 0.2;
  const [T] = logp.shape;
  const ofSequences = level !== "token";
  const through = level === "sequence" && (surrogate === "clip" || surrogate === "sapo");
  const kl = {
    has_ref: refLogp ? 1 : 0,
    kl_type: klTypeNumbers[options.klType ?? "k3"],
    kl_clamp: options.klClamp ? 1 : 0,
    kl_coef: options.klCoef ?? 0,
  };
  const params = {
    T,
    A: advantages.shape[0],
    surrogate: surrogates[surrogate],
    ratio_of: !oldLogp ? 0 : ofSequences ? 2 : 1,
    kl_apart: through ? 1 : 0,
    has_old: oldLogp ? 1 : 0,
    has_sampler: samplerLogp ? 1 : 0,
    has_entropy: entropy ? 1 : 0,
    kl_by_ratio: options.useBiasCorrectionKl ? 1 : 0,
    accumulate: typeof accumulate === "boolean" ? Number(accumulate) : accumulate,
    low: 1 - low,
    high: 1 + (options.clipRatioHigh ?? low),
    dual: options.clipRatioDual ?? 0,
    delta: options.delta ?? 0,
    tau_positive: options.tauPositive ?? 1,
    tau_negative: options.tauNegative ?? 1.05,
    k_positive: options.vespoKPositive ?? 2,
    lambda_positive: options.vespoLambdaPositive ?? 3,
    k_negative: options.vespoKNegative ?? 3,
    lambda_negative: options.vespoLambdaNegative ?? 2,
    ...kl,
  };
  const S = tensors.sequences ?? advantages.shape[0];
  const W = Math.ceil(capacity(T) / block);
  const lossRows = rec.tensor("grpo loss sums", [W, 12], "f32");
  const gapRows = rec.tensor("grpo gap sums", [W, 4], "f32");
  let old = oldLogp;
  if (ofSequences && oldLogp) {
    old = rec.tensor("grpo log-ratio", [T], "f32");
    const inputs = { logp, old_logp: oldLogp, sequence, weights, log_ratio: old };
    rec.run(grpoSequenceRatio, inputs, { T, S, of_sum: surrogate === "vespo" ? 1 : 0, ...kl });
  }
  rec.run(
    grpoLoss,
    {
      logp,
      old,
      ref_logp: refLogp,
      advantages,
      advantage_of: advantageIndex,
      weights,
      dlogp,
      loss_rows: lossRows,
    },
    params,
  );
  if (through)
    rec.run(
      grpoSequenceSpread,
      { logp, ref_logp: refLogp, sequence, weights, dlogp },
      { T, S, of_sum: 0, ...kl },
    );
  rec.run(
    grpoGap,
    { logp, old: oldLogp, sampler_logp: samplerLogp, entropy, weights, gap_rows: gapRows },
    params,
  );
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
  /** Mean of old − new log-prob: EasyR1's `ppo_kl`. */
  ppoKl: number;
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
    ppoKl: mean(stats[15]),
  };
}
