import type { JudgeAnswer } from "../src/rl/hybrid-reward.ts";
import type { MathEngine } from "../src/rl/math/math-json.ts";
import { recordReward } from "../src/tasks/record-reward.ts";
import type { RecordRewardOptions } from "../src/tasks/record-reward.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import { RewardService } from "./rewards.ts";
import type { AnyReward } from "./rewards.ts";

/** Rewards of records: the rules with mathematics, and the user's own functions. The data itself is not opened. */
export class HybridRewardService extends RewardService {
  /** @param math asked for when the first formula comes */
  constructor(private readonly math: () => Promise<MathEngine>) {
    super();
  }

  protected override async rewardOf(spec: TaskSpec, judge: JudgeAnswer): Promise<AnyReward> {
    const reward = await recordReward(spec.reward as RecordRewardOptions | undefined, {
      math: this.math,
      judge,
    });
    return (completion, example) => reward(completion, example);
  }
}
