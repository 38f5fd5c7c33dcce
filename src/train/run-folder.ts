import * as v from "valibot";
import type { Evaluation } from "../evaluation/accuracy.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { listCheckpoints, loadLatestCheckpoint, saveCheckpoint } from "../storage/checkpoint.ts";
import type { Checkpoint, LoadedCheckpoint } from "../storage/checkpoint.ts";
import { CheckpointError, CorruptFileError } from "../util/errors.ts";
import type { GroupRecord } from "./events.ts";
import { parseRunRecipe } from "./run-recipe.ts";
import type { RunRecipe } from "./run-recipe.ts";
import { parseRecordedStep, parseRunRecord } from "./run-record.ts";
import type { RecordedStep, RunRecord } from "./run-record.ts";

/** Before the first step, or after the last. */
export type When = "before" | "after";

/** Where the weights of a model are that was trained whole. */
export const modelFile = "model.safetensors";

/** What stands in a run's folder, besides its checkpoints. */
const files = {
  record: "run.json",
  curves: "curves.svg",
  metrics: "metrics.jsonl",
  rollouts: "rollouts.jsonl",
  recipe: "recipe.json",
  before: "evaluation-before.json",
  after: "evaluation-after.json",
  adapter: "adapter_model.safetensors",
  adapterConfig: "adapter_config.json",
  model: modelFile,
} as const;

/** Checkpoints kept: were the newest torn, the one before it is there. */
const checkpointsKept = 2;

/** An evaluation as it is kept, with the state of the policy it is of. */
export interface KeptEvaluation {
  /** Steps that the policy had taken. */
  step: number;
  /** Of the run, when it was done. */
  wallMs: number;
  evaluation: Evaluation;
}

const Kept = v.object({
  step: v.number(),
  wallMs: v.number(),
  evaluation: v.object({ results: v.array(v.unknown()) }),
});

/** A completion in rollouts.jsonl, one a line. */
export interface RolloutLine {
  step: number;
  /** Updates of the policy that drew it. */
  policyVersion: number;
  example: string;
  /** Of the example: `task.example(seed)`. */
  seed: number;
  prompt: string;
  answer: string | null;
  text: string;
  tokens: number[];
  /** Of each token, under the policy that drew it, to four decimals. */
  logps: number[];
  finishReason: string;
  reward: number | null;
  parts: Record<string, number>;
  advantage: number;
}

/**
 * Everything a run leaves behind, in any store: a folder in Node, the private file system of a page.
 *
 * - `run.json`: the record of a finished run, see {@link RunRecord}; written last
 * - `curves.svg`: reward, thinking, length and KL over the steps
 * - `adapter_model.safetensors`, `adapter_config.json`: the adapter, as PEFT has it
 * - `model.safetensors`: in place of them the weights, where every one of them was trained
 * - `rollouts.jsonl`: every completion, a line each, see {@link RolloutLine}
 * - `metrics.jsonl`: every step, a line each
 * - `recipe.json`: the recipe with every option, written first
 * - `evaluation-before.json`, `evaluation-after.json`: the greedy answers to held-out examples
 * - `checkpoint-00000012.safetensors`: adapter and moments after 12 steps; the two newest
 *
 * All but the `.jsonl` are saved as a whole or not at all. Lines are added before the checkpoint of their step is saved,
 * so a run that goes on from a checkpoint finds at least the lines up to it, and cuts off the rest.
 */
export class RunFolder {
  constructor(readonly store: BlobStore) {}

  /** For messages. */
  get name(): string {
    return this.store.name;
  }

  /** run.json, or null when no run has finished here. @throws CorruptFileError */
  async record(): Promise<RunRecord | null> {
    const json = await this.#loadJson(files.record);
    return json === null ? null : parseRunRecord(json, this.#path(files.record));
  }

  /** How far the run is; null for a folder without one. Reads no checkpoint. */
  async status(): Promise<{ steps: number; finished: boolean } | null> {
    const keys = await this.#ownKeys();
    if (keys.length === 0) return null;
    const steps = (await this.steps()).length;
    return { steps, finished: keys.includes(files.record) && (await this.record())?.steps === steps };
  }

  /** Deletes the run, and nothing that is not of a run. */
  async clear(): Promise<void> {
    const keys = await this.#ownKeys();
    // What a run is resumed by goes first: a clearing that is cut off leaves nothing that looks like a run's middle.
    for (const key of keys.reverse()) await this.store.delete(key);
  }

  async #ownKeys(): Promise<string[]> {
    const known = new Set<string>(Object.values(files));
    const keys = await this.store.list();
    return [...keys.filter((key) => known.has(key)), ...(await listCheckpoints(this.store))];
  }

  /**
   * The recipe of the run, from its very beginning on; null for a folder without a run.
   * @throws CorruptFileError, InvalidOptionError when it is none of this version.
   */
  async recipe(): Promise<RunRecipe | null> {
    const json = await this.#loadJson(files.recipe);
    return json === null ? null : parseRunRecipe(json);
  }

  /** Keeps the recipe that the run is made by. */
  saveRecipe(recipe: RunRecipe): Promise<void> {
    return this.#saveJson(files.recipe, recipe);
  }

  /** An evaluation that was kept; null when there is none. */
  async evaluation(when: When): Promise<KeptEvaluation | null> {
    const json = await this.#loadJson(files[when]);
    if (json === null) return null;
    if (v.is(Kept, json)) return json as KeptEvaluation;
    throw new CorruptFileError(`${this.#path(files[when])}: it is no evaluation`);
  }

  /** Keeps an evaluation with its answers. */
  saveEvaluation(when: When, kept: KeptEvaluation): Promise<void> {
    return this.#saveJson(files[when], kept);
  }

  /** The steps recorded so far, from 0 and without a gap. */
  async steps(): Promise<RecordedStep[]> {
    const lines = await this.#lines(files.metrics);
    const steps = lines.map((line) => parseRecordedStep(line, this.#path(files.metrics)));
    const gap = steps.findIndex(({ step }, index) => step !== index);
    return gap < 0 ? steps : steps.slice(0, gap);
  }

  /** Adds a step's line to the metrics and those of its completions to the rollouts. */
  async addStep(step: RecordedStep, policyVersion: number, groups: readonly GroupRecord[]): Promise<void> {
    const rollouts = groups.flatMap((group) =>
      group.rollouts.map((rollout): RolloutLine => {
        const { text, tokens, finishReason, reward, rewardParts, advantage } = rollout;
        const { exampleId: example, seed, prompt, answer } = group;
        return {
          step: step.step,
          policyVersion,
          example,
          seed,
          prompt,
          answer,
          text,
          tokens,
          logps: rollout.logps.map((logp) => Math.round(logp * 1e4) / 1e4),
          finishReason,
          reward,
          parts: rewardParts,
          advantage,
        };
      }),
    );
    // A supervised step has none.
    if (rollouts.length > 0) await this.store.append(files.rollouts, encodeLines(rollouts));
    await this.store.append(files.metrics, encodeLines([step]));
  }

  /**
   * Cuts the lines back to the first `steps` steps, a torn line included, and returns the metrics that are left.
   * @throws CheckpointError when lines of these steps are missing.
   */
  async cutBack(steps: number): Promise<RecordedStep[]> {
    const kept = (await this.steps()).slice(0, steps);
    if (kept.length < steps) {
      throw new CheckpointError(
        `${this.#path(files.metrics)}: got ${kept.length} steps, expected the ${steps} of the checkpoint`,
      );
    }
    for (const key of [files.metrics, files.rollouts]) {
      const lines = await this.#lines(key);
      await this.#rewrite(
        key,
        lines.filter((line) => stepOf(line) < steps),
      );
    }
    return kept;
  }

  async #rewrite(key: string, lines: readonly unknown[]): Promise<void> {
    if (lines.length === 0) await this.store.delete(key);
    else await this.store.save(key, encodeLines(lines));
  }

  /** Saves a checkpoint, then deletes the ones it makes superfluous. Returns its key. */
  async saveCheckpoint(checkpoint: Checkpoint): Promise<string> {
    const key = await saveCheckpoint(this.store, checkpoint);
    for (const old of (await listCheckpoints(this.store)).slice(0, -checkpointsKept))
      await this.store.delete(old);
    return key;
  }

  /** The newest whole checkpoint and the keys of torn ones after it. @throws CheckpointError when all are torn. */
  latestCheckpoint(): Promise<(LoadedCheckpoint & { key: string; torn: string[] }) | null> {
    return loadLatestCheckpoint(this.store);
  }

  /** What was trained, by file: the two of an adapter, as writeAdapter gives them, or `model.safetensors`. */
  async saveWeights(weights: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [name, bytes] of weights) await this.store.save(name, bytes);
  }

  /** Keeps the curves as a picture. */
  saveCurves(svg: string): Promise<void> {
    return this.store.save(files.curves, new TextEncoder().encode(svg));
  }

  /** Keeps the record of a run that has ended. */
  saveRecord(record: RunRecord): Promise<void> {
    return this.#saveJson(files.record, record);
  }

  #path(key: string): string {
    return `${key} in ${this.store.name}`;
  }

  async #loadJson(key: string): Promise<unknown> {
    const bytes = await this.store.load(key);
    if (!bytes) return null;
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    } catch (cause) {
      throw new CorruptFileError(`${this.#path(key)}: it is not JSON`, { cause });
    }
  }

  #saveJson(key: string, value: unknown): Promise<void> {
    return this.store.save(key, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
  }

  /** Lines up to the first that is torn: one without its end, or that is not JSON. */
  async #lines(key: string): Promise<unknown[]> {
    const bytes = await this.store.load(key);
    const texts = bytes ? new TextDecoder().decode(bytes).split("\n") : [];
    const lines: unknown[] = [];
    for (const text of texts.slice(0, -1)) {
      try {
        lines.push(JSON.parse(text));
      } catch {
        break;
      }
    }
    return lines;
  }
}

function encodeLines(lines: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

function stepOf(line: unknown): number {
  return typeof line === "object" && line !== null && "step" in line ? Number(line.step) : NaN;
}
