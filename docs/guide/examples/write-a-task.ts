import type { PolicySource, RunRecord, Thinktab } from "thinktab";

/** Trains a policy on the task of a module and gives the record of the run. */
export async function trainOnTask(
  kit: Thinktab,
  source: PolicySource | string,
  url: string,
): Promise<RunRecord | null> {
  const task = { name: "module", url, size: 48 };
  const lora = { rank: 8, alpha: 16 };
  const policy = await kit.loadPolicy(source, { lora });
  try {
    const grpo = {
      steps: 10,
      promptsPerStep: 4,
      numGenerations: 8,
      maxCompletionLength: 24,
      learningRate: 1e-3,
    };
    const run = policy.train(
      { model: "toy", task, lora, grpo, evaluation: { scenes: 32 } },
      { name: "faded" },
    );
    let record: RunRecord | null = null;
    for await (const event of run) {
      if (event.type === "step")
        console.log(`step ${event.step + 1}: reward ${event.metrics.reward.toFixed(2)}`);
      if (event.type === "finished") record = event.record;
    }
    return record;
  } finally {
    await policy.dispose();
  }
}
