import { defineCommand } from "citty";
import { formatBudget } from "../gpu/plan.ts";
import type { Policy } from "../rollout/policy.ts";
import { loadLatestCheckpoint, saveCheckpoint } from "../storage/checkpoint.ts";
import { folderStore } from "../storage/folder-store.ts";
import { writeAdapter } from "../storage/peft.ts";
import { letterShareTask } from "../tasks/letter-share.ts";
import type { Task } from "../tasks/task.ts";
import type { TrainEvent } from "../train/events.ts";
import { GrpoTrainer } from "../train/grpo-trainer.ts";
import type { RecipeOptions } from "../train/recipe.ts";
import { fromCheckpoint, toCheckpoint } from "../train/trainer-checkpoint.ts";
import { CheckpointError } from "../util/errors.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { loadPolicy, weightFormats } from "./chat.ts";
import { formatNumber, Progress } from "./format.ts";
import { interruptible, openDevice, tinyModel, writeJson } from "./session.ts";
import { dawnVersion, kitVersion } from "./versions.ts";

/** The tasks that ship with the kit, and a recipe that suits each. */
const tasks: Record<string, { task: () => Task; recipe: RecipeOptions }> = {
  "letter-share": {
    task: () => letterShareTask(),
    recipe: { promptsPerStep: 4, numGenerations: 8, maxCompletionLength: 12, learningRate: 2e-2 },
  },
};

const args = {
  task: { type: "enum", description: "What to train on", options: Object.keys(tasks), required: true },
  model: {
    type: "string",
    description: "Hugging Face folder, or `tiny` for a random policy",
    valueHint: "DIR",
    default: tinyModel,
  },
  format: {
    type: "enum",
    description: "How the frozen weights are stored on the GPU (default q8)",
    options: weightFormats,
  },
  rank: { type: "string", description: "Rank of the LoRA adapter", valueHint: "R", default: "8" },
  steps: {
    type: "string",
    description: "Steps of the run, those of an earlier part included (default 40)",
    valueHint: "N",
  },
  seed: { type: "string", description: "Seed of examples and draws (default 1)", valueHint: "N" },
  lr: { type: "string", description: "Learning rate (default: the task's)", valueHint: "X" },
  out: { type: "string", description: "Folder for the adapter (PEFT) and a checkpoint", valueHint: "DIR" },
  resume: { type: "boolean", description: "Go on from the newest checkpoint in --out" },
  json: {
    type: "string",
    description: "Write recipe and metrics of each step to this file",
    valueHint: "FILE",
  },
} as const;

export const trainCommand = defineCommand({
  meta: { name: "train", description: "Train a LoRA adapter by GRPO on a built-in task" },
  args,
  async run({ args: given }) {
    const chosen = tasks[given.task];
    const rank = numberOption("rank", given.rank) ?? 8;
    if (!(Number.isInteger(rank) && rank > 0))
      throw new UsageError(`--rank: got ${given.rank}, expected a positive integer`);
    if (given.resume && given.out === undefined)
      throw new UsageError("--resume needs --out, where the checkpoint is");
    const set = {
      steps: numberOption("steps", given.steps),
      seed: numberOption("seed", given.seed),
      learningRate: numberOption("lr", given.lr),
    };
    const recipe = {
      ...chosen.recipe,
      ...Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined)),
    };
    await interruptible(async (signal) => {
      const progress = new Progress();
      const device = await openDevice();
      try {
        const policy = await loadPolicy(
          device,
          given.model,
          { format: given.format, rank },
          progress,
          signal,
        );
        const trainer = new GrpoTrainer(policy, chosen.task(), recipe);
        const run = new Run(policy, trainer, given.model, given.out);
        if (given.resume) await run.resume();
        await run.train(signal, progress, given.json);
      } finally {
        progress.clear();
        device.destroy();
      }
    });
  },
});

type StepEvent = Extract<TrainEvent, { type: "step" }>;

/** One training run of the command line: drives the trainer, prints, saves. */
class Run {
  readonly #steps: Pick<StepEvent, "step" | "metrics">[] = [];

  constructor(
    private readonly policy: Policy,
    private readonly trainer: GrpoTrainer,
    private readonly model: string,
    private readonly out: string | undefined,
  ) {}

  /** @throws CheckpointError when there is none, or it is another run's. */
  async resume(): Promise<void> {
    const folder = this.out ?? "";
    const found = await loadLatestCheckpoint(folderStore(folder));
    if (!found)
      throw new CheckpointError(`${folder}: no checkpoint to resume from, expected one of an earlier run`);
    for (const torn of found.torn) console.error(`${torn} is torn and was passed over`);
    this.trainer.restore(await fromCheckpoint(found, this.model));
    console.error(`resumed after step ${this.trainer.step} from ${found.key}`);
  }

  /** What was trained before an interruption or an error is saved all the same. */
  async train(signal: AbortSignal, progress: Progress, json: string | undefined): Promise<void> {
    try {
      for await (const event of this.trainer.run({ signal })) this.#show(event, progress);
    } finally {
      progress.clear();
      await this.#save();
      const { recipe, task } = this.trainer;
      if (json !== undefined) {
        const adapter = this.policy.device.info;
        await writeJson(json, { task: task.name, model: this.model, recipe, adapter, steps: this.#steps });
      }
    }
    signal.throwIfAborted();
  }

  #show(event: TrainEvent, progress: Progress): void {
    switch (event.type) {
      case "plan":
        progress.clear();
        console.log(
          `Memory plan of ${event.steps} steps on ${this.policy.device.info.description}:\n${formatBudget(event.budget)}\n`,
        );
        return;
      case "phase":
        progress.glimpse(`step ${event.step + 1}/${this.trainer.recipe.steps} ${event.phase}`);
        return;
      case "step":
        progress.clear();
        this.#steps.push({ step: event.step, metrics: event.metrics });
        console.log(describeStep(event, this.trainer.recipe.steps));
        return;
      case "warning":
        progress.line(`step ${event.step + 1}: ${event.message}`);
        return;
      case "done":
        progress.line(
          event.reason === "finished"
            ? `finished after step ${event.step}`
            : `stopped after step ${event.step}`,
        );
        return;
      case "rollouts":
        return;
    }
  }

  async #save(): Promise<void> {
    if (this.out === undefined || this.trainer.step === 0) return;
    const { model } = this.policy;
    const store = folderStore(this.out);
    const versions = {
      thinktab: kitVersion(),
      node: process.versions.node,
      webgpu: dawnVersion() ?? "unknown",
    };
    const key = await saveCheckpoint(
      store,
      toCheckpoint(await this.trainer.state(), { model: this.model, versions }),
    );
    const adapter = { ...(await model.readAdapter()), baseModel: this.model };
    for (const [name, bytes] of writeAdapter(adapter, { architecture: model.config.architecture })) {
      await store.save(name, bytes);
    }
    console.error(`saved adapter_model.safetensors, adapter_config.json and ${key} in ${this.out}`);
  }
}

function describeStep({ step, metrics }: StepEvent, steps: number): string {
  const parts = [
    ["reward", metrics.reward],
    ["std", metrics.reward_std],
    ["kl", metrics.kl],
    ["grad norm", metrics.grad_norm],
    ["tokens/s", metrics.tokens_per_second],
  ] as const;
  const shown = parts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${formatNumber(value)}`);
  return `step ${String(step + 1).padStart(String(steps).length)}/${steps}  ${shown.join("  ")}`;
}
