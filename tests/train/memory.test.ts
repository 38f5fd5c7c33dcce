import { describe, expect, it } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import { GrpoTrainer } from "../../src/train/grpo-trainer.ts";
import { sharedDevice } from "../support/device.ts";

describe("memory of a long run", () => {
  it("is flat over 500 steps: GPU buffers exactly, the process but for what collection leaves", async () => {
    const device = await sharedDevice();
    const policy = await Policy.load(device, await tinyPolicySource(1), { format: "q8", lora: { rank: 4 } });
    const recipe = { steps: 500, promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 4, logKl: true };
    const trainer = new GrpoTrainer(policy, letterShareTask(), { ...recipe, learningRate: 1e-3 });
    const samples: { bytes: number; buffers: number; processMiB: number }[] = [];
    for await (const event of trainer.run()) {
      if (event.type !== "step" || (event.step + 1) % 50 !== 0) continue;
      const processMiB = process.memoryUsage.rss() / 2 ** 20;
      samples.push({ bytes: device.liveBytes, buffers: device.liveBuffers, processMiB });
    }
    trainer.destroy();
    policy.destroy();
    expect(samples).toHaveLength(10);
    const [first] = samples;
    for (const { bytes, buffers } of samples) {
      expect(bytes).toBe(first.bytes);
      expect(buffers).toBe(first.buffers);
    }
    // A leak of one small object or buffer a step would be 300 × some kB; the heap alone breathes by tens of MiB.
    const half = (from: number, to: number) =>
      Math.min(...samples.slice(from, to).map(({ processMiB }) => processMiB));
    expect(
      half(5, 10) - half(1, 5),
      samples.map(({ processMiB }) => processMiB.toFixed(0)).join(" "),
    ).toBeLessThan(60);
  });
});
