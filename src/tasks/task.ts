import type { Message } from "../data/chat-template.ts";
import type { Completion, Example, RewardResult } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";

/** Examples that are trained on, chosen by, and reported on. No example is in two of them. */
export const splits = ["train", "validation", "test"] as const;
/** "train", "validation" or "test". */
export type Split = (typeof splits)[number];

/** The name under which a recipe gives a task of its own: `{ "name": "module", "url": "./my-task.js", … }`. */
export const moduleTaskName = "module";

/** The name of the task of a data set's records: `{ "name": "records", "data": "records.jsonl", … }`. */
export const recordsTaskName = "records";

/** One thing to do: what the policy is shown, and what the reward is computed from. */
export interface TaskExample extends Example {
  /** Unique within the task and the same for the same seed and split. */
  id: string;
  /** What is asked for, where a task has several kinds of question: accuracy is also reported per kind. */
  kind?: string;
  messages: Message[];
}

/**
 * Examples and their reward. `example(seed, split)` is a pure function of both, so a run that is resumed, replayed or
 * repeated sees the same examples without storing where it was.
 */
export interface Task<E extends TaskExample = TaskExample> {
  readonly name: string;
  /** What the demo and the command line say about it. */
  readonly description: string;
  /** Examples of each split, where there are only so many: an evaluation asks each once. */
  readonly sizes?: Readonly<Record<Split, number>>;
  /** The system turn that the examples' chats begin with, where all of them have the same. */
  readonly system?: string | null;
  /**
   * One example; a pure function of seed and split.
   * @param seed an integer of 0 to 2^40 − 1.
   * @param split "train" when left out.
   */
  example(seed: number, split?: Split): E | Promise<E>;
  /** A method, so that a task of narrower examples is a `Task`: the examples it is given are its own. */
  reward(completion: Completion, example: E): RewardResult | Promise<RewardResult>;
}

/** "think": reasoning and then the answer; "answer": the answer at once. */
export type DemonstrationMode = "think" | "answer";

/** A task that knows how an ideal response reads: what supervised training learns from. */
export interface TaughtTask<E extends TaskExample = TaskExample> extends Task<E> {
  /** The example of a seed and split, at once. */
  example(seed: number, split?: Split): E;
  /** `<think> … </think> <answer> x </answer>`, or `<answer> x </answer>`; every word and tag apart by one space. */
  demonstration(example: E, mode: DemonstrationMode): string;
}

/** Whether a task knows the ideal response; its examples may still take their time. */
export function isTaught(task: Task): task is Task & Pick<TaughtTask, "demonstration"> {
  return "demonstration" in task;
}

/** Seeds that a split has. */
export const seedsPerSplit = 2 ** 40;

/**
 * The seed to draw an example from: each split has a range of seeds of its own.
 * @throws InvalidOptionError for a seed out of range or an unknown split.
 */
export function splitSeed(seed: number, split: Split): number {
  if (!Number.isInteger(seed) || seed < 0 || seed >= seedsPerSplit)
    throw new InvalidOptionError("example: seed", seed, "an integer of 0 to 2^40-1");
  const index = splits.indexOf(split);
  // The split may come from a recipe file, whatever the type says.
  if (index < 0) throw new InvalidOptionError("example: split", split, splits);
  return index * seedsPerSplit + seed;
}

/** The first seed of the round of training examples that a seed is in; the seed itself where there is no end of them. */
export function roundStart(seed: number, { sizes }: Pick<Task, "sizes">): number {
  return seed - (seed % Math.max(1, sizes?.train ?? 1));
}
