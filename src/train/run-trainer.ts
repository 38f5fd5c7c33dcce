import * as v from "valibot";
import type { EvaluateOptions } from "../evaluation/accuracy.ts";
import type { Policy } from "../rollout/policy.ts";
import type { Checkpoint, LoadedCheckpoint } from "../storage/checkpoint.ts";
import type { UserObjective } from "../rl/user-objective.ts";
import { isTaught, roundStart } from "../tasks/task.ts";
import type { Task } from "../tasks/task.ts";
import { CheckpointError, InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import type { TrainEvent } from "./events.ts";
import { GrpoTrainer } from "./grpo-trainer.ts";
import type { Scorer } from "./grpo-trainer.ts";
import { parseSftRunOptions, trainingOf } from "./run-recipe.ts";
import type { GrpoRunRecipe, RunRecipe, SftRunOptions, SftRunRecipe } from "./run-recipe.ts";
import { sftSchema } from "./sft-recipe.ts";
import { SftTrainer } from "./sft-trainer.ts";
import type { SftData } from "./sft-trainer.ts";
import { fromCheckpoint, readStateTensors, stateTensors, toCheckpoint } from "./trainer-checkpoint.ts";

/** What a run asks of a trainer of any kind. */
export interface RunTrainer {
  /** Steps done so far. */
  readonly step: number;
  /** Records and places everything the first step needs, without running it. @throws MemoryBudgetError */
  prepare(): Promise<{ budget: [name: string, bytes: number][] }>;
  /** Runs up to the recipe's last step. */
  run(options: { signal?: AbortSignal }): AsyncGenerator<TrainEvent, void, void>;
  /** Everything a later process needs to go on with the same bits. @param versions as CheckpointState has them. */
  checkpoint(versions: Record<string, string>): Promise<Checkpoint>;
  /** Goes on from what {@link RunTrainer.checkpoint} gave. @throws CheckpointError when it is another run's. */
  restore(checkpoint: LoadedCheckpoint): Promise<void>;
  destroy(): void;
}

export interface RunTrainerOptions<R extends RunRecipe = RunRecipe> {
  policy: Policy;
  task: Task;
  recipe: R;
  /** Rewards computed elsewhere, such as in a worker. */
  scorer?: Scorer;
  /** In place of the loss kernel, with `grpo`: see {@link GrpoTrainer}. Default: what the recipe's `objective` names. */
  objective?: UserObjective;
}

/**
 * The trainer of a recipe.
 * @throws InvalidOptionError for a supervised recipe of a task without demonstrations, and for a system turn of the
 *   recipe's on top of the task's.
 */
export function createRunTrainer({ recipe, ...options }: RunTrainerOptions): RunTrainer {
  const { system, name } = options.task;
  if (typeof system === "string" && trainingOf(recipe).system !== null) {
    throw new InvalidOptionError(
      "recipe: system",
      "a system turn besides the task's own",
      `none: the option \`system\` of task ${name} says it`,
    );
  }
  return "sft" in recipe ? supervised({ recipe, ...options }) : rewarded({ recipe, ...options });
}

/** How the held-out examples of a run are answered. */
export function evaluationOptions(recipe: RunRecipe, signal?: AbortSignal): EvaluateOptions {
  const { split, scenes: count } = recipe.evaluation;
  const { maxCompletionLength: maxNewTokens, system } = trainingOf(recipe);
  // As many at a time as a step has responses: the policy has room for them in training.
  const batch =
    "sft" in recipe ? recipe.sft.batchSize : recipe.grpo.promptsPerStep * recipe.grpo.numGenerations;
  return { split, count, batch, maxNewTokens, system: system ?? undefined, signal };
}

function rewarded({ policy, task, recipe, scorer, objective }: RunTrainerOptions<GrpoRunRecipe>): RunTrainer {
  const { model, grpo } = recipe;
  const trainer = new GrpoTrainer(policy, task, grpo, scorer, objective);
  return {
    get step() {
      return trainer.step;
    },
    prepare: () => trainer.prepare(),
    run: (options) => trainer.run(options),
    checkpoint: async (versions) => toCheckpoint(await trainer.state(), { model, versions }),
    restore: async (checkpoint) => {
      trainer.restore(await fromCheckpoint(checkpoint, model));
    },
    destroy: () => {
      trainer.destroy();
    },
  };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const SupervisedConfig = v.object({
  task: v.string(),
  model: v.string(),
  sft: v.record(v.string(), v.unknown()),
});
const SupervisedProgress = v.object({
  updates: count,
  numTokens: count,
  policyVersion: count,
  drawn: v.optional(count),
  skipped: v.optional(count),
  capacity: v.nullable(v.object({ tokens: count, scored: count, segments: count, patches: count })),
});

function supervised({ policy, task, recipe }: RunTrainerOptions<SftRunRecipe>): RunTrainer {
  const { model, sft } = recipe;
  // The trainer's own options, without those of the run.
  const options = v.parse(v.object(sftSchema.entries), sft);
  const trainer = new SftTrainer(policy, demonstrations(task, sft), options, sft.system ?? undefined);
  const config = { task: task.name, model, sft };
  return {
    get step() {
      return trainer.step;
    },
    prepare: () => trainer.prepare(),
    run: (running) => trainer.run(running),
    checkpoint: async (versions) => {
      const { step, tensors, ...progress } = await trainer.state();
      return {
        state: { step, seed: sft.seed, config, versions, progress },
        tensors: stateTensors(tensors),
      };
    },
    restore: async ({ state, tensors }) => {
      const kept = v.safeParse(SupervisedConfig, state.config);
      const progress = v.safeParse(SupervisedProgress, state.progress);
      if (!kept.success || !progress.success)
        throw new CheckpointError("checkpoint: its state is not that of a supervised run");
      // A run may be made longer; everything else has to be as it was.
      const then = parseSftRunOptions({ ...kept.output.sft, steps: sft.steps });
      const got = JSON.stringify({ ...kept.output, sft: then });
      const expected = JSON.stringify(config);
      if (got !== expected)
        throw new CheckpointError(`the checkpoint is of another run: got ${got}, expected ${expected}`);
      trainer.restore({ step: state.step, ...progress.output, tensors: await readStateTensors(tensors) });
    },
    destroy: () => {
      trainer.destroy();
    },
  };
}

/** Streams of a run's generator. */
const streams = { order: 0x73_6674, mode: 0x6d_6f64 };

/**
 * The task's training examples one after another, from a place that the seed decides: where there are only so many, from
 * the beginning of a round, and so each once before any comes again. Whether one thinks is drawn for each.
 */
export function demonstrations(task: Task, { seed, mode }: SftRunOptions): SftData {
  if (!isTaught(task))
    throw new InvalidOptionError("sft: task", task.name, "a task with demonstrations, such as shapes");
  const first = roundStart(new Rng(seed, streams.order).uint32(), task);
  const thinking = typeof mode === "number" ? mode : Number(mode === "think");
  return async (index) => {
    const example = await task.example(first + index, "train");
    const thinks = new Rng(seed, streams.mode, index).uniform() < thinking;
    return {
      messages: example.messages,
      response: task.demonstration(example, thinks ? "think" : "answer"),
    };
  };
}
