/**
 * Group-relative advantages in float64: the definition shaders/advantage.wgsl is held to. Shao et al. 2024,
 * arXiv:2402.03300; `scale` as TRL's `scale_rewards`, the estimators as EasyR1's `adv_estimator`.
 */

export interface AdvantageReference {
  advantages: Float64Array;
  mean: Float64Array;
  std: Float64Array;
  zeroStd: Uint32Array;
}

export interface AdvantageReferenceOptions {
  groupSize: number;
  /** Default grpo. */
  estimator?: "grpo" | "grpo_passk" | "rloo";
  scale: "group" | "batch" | "none";
  eps: number;
}

/** rewards [P·G], group by group, NaN excluded. A = (r − mean) / (std + eps), std with ddof 1, 0 below two values. */
export function advantageForward(
  rewards: Float64Array,
  { groupSize, estimator = "grpo", scale, eps }: AdvantageReferenceOptions,
): AdvantageReference {
  const P = rewards.length / groupSize;
  const advantages = new Float64Array(rewards.length);
  const mean = new Float64Array(P);
  const std = new Float64Array(P);
  const zeroStd = new Uint32Array(P);
  const batch = moments(rewards);
  for (let p = 0; p < P; p++) {
    const group = rewards.subarray(p * groupSize, (p + 1) * groupSize);
    const { mean: centre, std: spread, equal } = moments(group);
    mean[p] = centre;
    std[p] = spread;
    zeroStd[p] = equal ? 1 : 0;
    const divisor = scale === "none" ? 1 : (scale === "batch" ? batch.std : spread) + eps;
    const valid = group.filter(Number.isFinite);
    const [best, second] = [...valid].sort((a, b) => b - a);
    group.forEach((reward, i) => {
      let advantage = 0;
      if (Number.isFinite(reward) && !equal) {
        const others = (centre * valid.length - reward) / (valid.length - 1);
        if (estimator === "grpo") advantage = (reward - centre) / divisor;
        else if (estimator === "rloo") advantage = reward - others;
        else if (reward === best) advantage = (best - second) / divisor;
      }
      advantages[p * groupSize + i] = advantage;
    });
  }
  return { advantages, mean, std, zeroStd };
}

function moments(rewards: Float64Array): { mean: number; std: number; equal: boolean } {
  const valid = rewards.filter(Number.isFinite);
  if (valid.length === 0) return { mean: NaN, std: 0, equal: true };
  const mean = valid.reduce((sum, reward) => sum + reward, 0) / valid.length;
  if (valid.every((reward) => reward === valid[0])) return { mean, std: 0, equal: true };
  const squares = valid.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (valid.length - 1)), equal: false };
}
