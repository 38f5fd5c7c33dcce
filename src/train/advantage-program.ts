import type { Device } from "../gpu/device.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import { view } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitAdvantage } from "../kernels/advantage.ts";
import { emitReturnAdvantages, emitTokenRewards } from "../kernels/returns.ts";
import type { AdvantageEstimator, AdvantageScale } from "../rl/advantage.ts";
import type { KlType } from "../rl/kl.ts";
import { boundsOf } from "../rl/returns.ts";

export interface AdvantageProgramOptions {
  /** Sequences of a step, and tokens that it has at most. */
  sequences: number;
  stepTokens: number;
  groupSize: number;
  estimator: AdvantageEstimator;
  scaleRewards: AdvantageScale;
  advantageEps: number;
  /** Of reinforce_plus_plus. */
  gamma: number;
  /** Set: rewards have the KL to the reference in them. */
  klInReward?: { klType?: KlType; klClamp?: boolean };
  pool?: SlotPool;
}

/** What a step's advantages come from. */
export interface StepRewards {
  /** One per completion; null: excluded. */
  rewards: readonly (number | null)[];
  /** Tokens and the sampler's log-probs. */
  completions: readonly { tokens: readonly number[]; logps: readonly number[] }[];
}

/** From a step's rewards to its advantages, on the GPU. */
export interface AdvantageProgram {
  program: Program;
  rewards: Tensor;
  /** f32 [sequences], or [stepTokens] where each token has its own. */
  advantages: Tensor;
  perToken: boolean;
  /** [stepTokens, 1]: takes the reference's log-probs of the whole step before the program runs; with klInReward. */
  refLogp: Tensor | undefined;
  /** [sequences] mean KL of each completion's tokens; with klInReward. */
  kl: Tensor | undefined;
  /** A step may have fewer completions than there is room for. */
  write(step: StepRewards): void;
  /** Tensors that outlive a run of the program; not freed with it. */
  persistent: Tensor[];
}

/** Records the program. With klInReward a run takes the scalar `klCoef`. */
export async function recordAdvantage(
  device: Device,
  options: AdvantageProgramOptions,
): Promise<AdvantageProgram> {
  const { sequences, stepTokens, groupSize, estimator, klInReward, pool } = options;
  const rec = new Recorder(device, "advantage");
  const perToken = estimator === "reinforce_plus_plus";
  const advantages = device.tensor("advantages", [perToken ? stepTokens : sequences], "f32");
  const refLogp = klInReward && device.tensor("stepRefLogp", [stepTokens, 1], "f32");
  const kl = klInReward && device.tensor("kl", [sequences], "f32");
  const rewards = rec.input("rewards", [sequences], "f32");

  let scores = rewards;
  let bounds: Tensor | undefined;
  let samplerLogp: Tensor | undefined;
  if (perToken || klInReward) {
    bounds = rec.input("bounds", [sequences, 2], "u32");
    if (klInReward) samplerLogp = rec.input("samplerLogp", [stepTokens], "f32");
    const tokenRewards = rec.tensor("tokenRewards", [stepTokens], "f32");
    scores = rec.tensor("scores", [sequences], "f32");
    emitTokenRewards(rec, {
      rewards,
      bounds,
      logp: samplerLogp,
      refLogp: refLogp && view(refLogp, [stepTokens]),
      tokenRewards,
      scores,
      kl: kl ?? rec.tensor("kl", [sequences], "f32"),
      klCoef: klInReward ? rec.scalar("klCoef") : 0,
      klType: klInReward?.klType,
      klClamp: klInReward?.klClamp,
    });
    if (perToken) emitReturnAdvantages(rec, { tokenRewards, bounds, advantages, gamma: options.gamma });
  }
  if (estimator !== "reinforce_plus_plus") {
    const groups = sequences / groupSize;
    const row = (name: string) => rec.tensor(name, [groups], "f32");
    emitAdvantage(rec, {
      rewards: scores,
      advantages,
      mean: row("mean"),
      std: row("std"),
      zeroStd: rec.tensor("zeroStd", [groups], "u32"),
      groupSize,
      estimator,
      scale: options.scaleRewards,
      eps: options.advantageEps,
    });
  }
  const program = await rec.build({ pool });
  return {
    program,
    rewards,
    advantages,
    perToken,
    refLogp,
    kl,
    write(step) {
      const values = Float32Array.from(
        { length: sequences },
        (_, s) => step.rewards.at(s) ?? NaN, // what the step lacks is excluded
      );
      program.write(rewards, values);
      const lengths = step.completions.map(({ tokens }) => tokens.length);
      if (bounds) program.write(bounds, boundsOf(lengths, sequences));
      if (samplerLogp)
        program.write(samplerLogp, Float32Array.from(step.completions.flatMap(({ logps }) => logps)));
    },
    persistent: [advantages, refLogp, kl].filter((tensor) => tensor !== undefined),
  };
}
