import { GrpoTrainer, Policy, shapesTask, type Device, type FileSource } from "thinktab/engine";
import { reward } from "./write-a-reward.ts";

/** A few steps on a task that ships, with a reward of one's own; gives the mean reward of each. */
export async function trainInThisThread(device: Device, source: FileSource): Promise<number[]> {
  const policy = await Policy.load(device, source, { lora: { rank: 8 } });
  const task = { ...shapesTask(), reward };
  const trainer = new GrpoTrainer(policy, task, { steps: 3, promptsPerStep: 4, learningRate: 1e-3 });
  const rewards: number[] = [];
  try {
    for await (const event of trainer.run()) {
      if (event.type === "step") rewards.push(event.metrics.reward);
    }
    return rewards;
  } finally {
    trainer.destroy();
    policy.destroy();
  }
}
