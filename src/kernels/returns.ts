import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { klTypeNumbers } from "./kl-types.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import kl from "../../shaders/lib/kl.wgsl?raw";
import reduce from "../../shaders/lib/reduce.wgsl?raw";
import source from "../../shaders/returns.wgsl?raw";

const wgsl = [finite, reduce, kl, source];
const lanes = 64;

/** token_rewards [T], scores and kl [S] from rewards [S]. See shaders/returns.wgsl. */
export const penaliseRewards = defineKernel({
  name: "returns",
  wgsl,
  entry: "penalise",
  tensors: {
    rewards: ["S"],
    bounds: ["S", 2],
    logp: ["T"],
    ref_logp: ["T"],
    token_rewards: ["T"],
    scores: ["S"],
    kl: ["S"],
  },
  optional: ["logp", "ref_logp"],
  workgroups: ({ S }) => rows(S),
});

/** returns [T] from token_rewards [T]. */
export const discountRewards = defineKernel({
  name: "returns",
  wgsl,
  entry: "discount",
  tensors: { bounds: ["S", 2], paid: ["T"], returns: ["T"] },
  workgroups: ({ S }) => Math.ceil(S / lanes),
});

/** advantages [T] from returns [T]. */
export const whitenReturns = defineKernel({
  name: "returns",
  wgsl,
  entry: "whiten",
  tensors: { bounds: ["S", 2], ahead: ["T"], advantages: ["T"] },
  workgroups: ({ S }) => (S === 0 ? 0 : 1),
});

export interface TokenRewardTensors {
  /** f32 [S]; NaN: excluded. */
  rewards: Tensor;
  /** u32 [S, 2]: begin and end of each completion in [T], one after the other. */
  bounds: Tensor;
  /** f32 [T] under the policy and under the reference; absent: no KL. */
  logp?: Tensor;
  refLogp?: Tensor;
  /** f32 [T]; what is behind the last completion is left alone, here and in the others. */
  tokenRewards: Tensor;
  /** f32 [S]: sums of tokenRewards. */
  scores: Tensor;
  /** f32 [S]: means over the completion's tokens. */
  kl: Tensor;
}

/** Records rewards of tokens with the KL in them. Twin: `tokenRewards` of rl/returns.ts. */
export function emitTokenRewards(
  rec: Recorder,
  {
    rewards,
    bounds,
    logp,
    refLogp,
    tokenRewards,
    scores,
    kl: measured,
    klCoef = 0,
    klType = "k3",
    klClamp = false,
  }: TokenRewardTensors & { klCoef?: ParamValue; klType?: keyof typeof klTypeNumbers; klClamp?: boolean },
): void {
  rec.run(
    penaliseRewards,
    { rewards, bounds, logp, ref_logp: refLogp, token_rewards: tokenRewards, scores, kl: measured },
    {
      has_ref: logp && refLogp ? 1 : 0,
      kl_type: klTypeNumbers[klType],
      kl_clamp: klClamp ? 1 : 0,
      kl_coef: klCoef,
      gamma: 1,
      eps: 0,
    },
  );
}

/** Records REINFORCE++'s advantages of tokens. Twin: `returnAdvantages` of rl/returns.ts. */
export function emitReturnAdvantages(
  rec: Recorder,
  {
    tokenRewards,
    bounds,
    advantages,
    gamma = 1,
    eps = 1e-8,
  }: { tokenRewards: Tensor; bounds: Tensor; advantages: Tensor; gamma?: ParamValue; eps?: ParamValue },
): void {
  const params = { has_ref: 0, kl_type: 0, kl_clamp: 0, kl_coef: 0, gamma, eps };
  const returns = rec.like(tokenRewards, "returns");
  rec.run(discountRewards, { bounds, paid: tokenRewards, returns }, params);
  rec.run(whitenReturns, { bounds, ahead: returns, advantages }, params);
}
