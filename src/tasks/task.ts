import type { Message } from "../data/chat-template.ts";
import type { Completion, Example, RewardResult } from "../rl/reward.ts";

/** One thing to do: what the policy is shown, and what the reward is computed from. */
export interface TaskExample extends Example {
  /** Unique within the task and the same for the same seed. */
  id: string;
  messages: Message[];
}

/**
 * Examples and their reward. `example(seed)` is a pure function of its seed, so a run that is resumed, replayed or
 * repeated sees the same examples without storing where it was.
 */
export interface Task<E extends TaskExample = TaskExample> {
  readonly name: string;
  /** What the demo and the command line say about it. */
  readonly description: string;
  /** An example of the training split. */
  example(seed: number): E | Promise<E>;
  /** A method, so that a task of narrower examples is a `Task`: the examples it is given are its own. */
  reward(completion: Completion, example: E): RewardResult | Promise<RewardResult>;
}
