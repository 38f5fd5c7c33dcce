import * as v from "valibot";
import type { Checkpoint, LoadedCheckpoint } from "../storage/checkpoint.ts";
import type { TensorData, TensorTable } from "../storage/safetensors.ts";
import { CheckpointError } from "../util/errors.ts";
import type { TrainerState } from "./grpo-trainer.ts";
import type { TrainedTensors } from "./optimizer-program.ts";
import { parseRecipe } from "./recipe.ts";

const kinds = ["param", "m", "v"] as const;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const Config = v.object({ task: v.string(), model: v.string(), recipe: v.unknown() });
const ProgressOfRun = v.object({
  updates: count,
  numTokens: count,
  policyVersion: count,
  // Checkpoints of before there were several rounds to a step, and adaptive weights, lack them.
  rounds: v.optional(count),
  klCoef: v.optional(v.number()),
  capacity: v.nullish(v.object({ tokens: count, scored: count, segments: count }), null),
});

/** Trained weights and both moments, named `param/NAME`, `m/NAME`, `v/NAME`. */
export function stateTensors(tensors: TrainedTensors): TensorData[] {
  return kinds.flatMap((kind) =>
    [...tensors[kind]].map(([name, data]): TensorData => {
      return { name: `${kind}/${name}`, dtype: "F32", shape: [data.length], data };
    }),
  );
}

/** What {@link stateTensors} named. */
export async function readStateTensors(table: TensorTable): Promise<TrainedTensors> {
  const read = async (kind: (typeof kinds)[number]) => {
    const values = new Map<string, Float32Array>();
    for (const name of table.tensors.keys()) {
      if (name.startsWith(`${kind}/`)) values.set(name.slice(kind.length + 1), await table.readFloat32(name));
    }
    return values;
  };
  return { param: await read("param"), m: await read("m"), v: await read("v") };
}

/** A trainer's state as a checkpoint. */
export function toCheckpoint(
  state: TrainerState,
  { model, versions }: { model: string; versions: Record<string, string> },
): Checkpoint {
  const { recipe, task, step, updates, numTokens, policyVersion, rounds, klCoef, capacity } = state;
  const tensors = stateTensors(state.tensors);
  return {
    state: {
      step,
      seed: recipe.seed,
      config: { task, model, recipe },
      versions,
      progress: { updates, numTokens, policyVersion, rounds, klCoef, capacity },
    },
    tensors,
  };
}

/**
 * What {@link toCheckpoint} made, as a trainer restores it.
 * @throws CheckpointError when it is of another model, or not a trainer's.
 */
export async function fromCheckpoint(
  { state, tensors }: LoadedCheckpoint,
  model: string,
): Promise<TrainerState> {
  const config = v.safeParse(Config, state.config);
  const progress = v.safeParse(ProgressOfRun, state.progress);
  if (!config.success || !progress.success) {
    throw new CheckpointError("checkpoint: its state is not that of a GRPO run");
  }
  if (config.output.model !== model) {
    throw new CheckpointError(
      `the checkpoint is of another model: got ${config.output.model}, expected ${model}`,
    );
  }
  const recipe = parseRecipe(config.output.recipe);
  const { rounds = state.step, klCoef = recipe.klCoef, ...counts } = progress.output;
  return {
    recipe,
    task: config.output.task,
    step: state.step,
    rounds,
    klCoef,
    ...counts,
    tensors: await readStateTensors(tensors),
  };
}
