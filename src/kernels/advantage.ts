import { defineKernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import reduce from "../../shaders/lib/reduce.wgsl?raw";
import source from "../../shaders/advantage.wgsl?raw";

/** Group-relative advantages. rewards, advantages [S], mean, deviation, zero_std [P]. See shaders/advantage.wgsl. */
export const advantageForward = defineKernel({
  name: "advantage",
  wgsl: [finite, reduce, source],
  entry: "forward",
  tensors: { rewards: ["S"], advantages: ["S"], mean: ["P"], deviation: ["P"], zero_std: ["P"] },
  workgroups: ({ S }) => (S === 0 ? 0 : 1),
});

const estimators = { grpo: 0, grpo_passk: 1, rloo: 2 } as const;
const scales = { group: 0, batch: 1, none: 2 } as const;

export interface AdvantageTensors {
  /** f32 [S], S = P · groupSize, group by group; NaN: excluded. */
  rewards: Tensor;
  /** f32 [S]; 0 for an excluded reward. */
  advantages: Tensor;
  /** f32 [P] of the valid rewards; NaN for a group that has none. */
  mean: Tensor;
  /** f32 [P], ddof 1; 0 for fewer than two valid rewards. */
  std: Tensor;
  /** u32 [P]: 1 where all valid rewards of the group are equal. */
  zeroStd: Tensor;
}

/**
 * Records advantages within groups: A = (r − mean) / (std + eps) by default, as TRL (eps 1e-4, the default) and EasyR1
 * (eps 1e-6) have it, or another of EasyR1's estimators. `scale` picks the spread that is divided by: the group's, the
 * whole batch's, or none; rloo divides by nothing. Twin: `groupAdvantages` of rl/advantage.ts.
 */
export function emitAdvantage(
  rec: Recorder,
  {
    rewards,
    advantages,
    mean,
    std,
    zeroStd,
    groupSize,
    estimator = "grpo",
    scale = "group",
    eps = 1e-4,
  }: AdvantageTensors & {
    groupSize: ParamValue;
    estimator?: keyof typeof estimators;
    scale?: keyof typeof scales;
    eps?: ParamValue;
  },
): void {
  rec.run(
    advantageForward,
    { rewards, advantages, mean, deviation: std, zero_std: zeroStd },
    { group_size: groupSize, estimator: estimators[estimator], scale: scales[scale], eps },
  );
}
