import type { PolicyCompletion } from "../rollout/policy.ts";

/** One completion of a step, with what became of it. */
export interface RolloutRecord {
  text: string;
  tokens: number[];
  /** Log-probability of each token under the policy that drew it. */
  logps: number[];
  finishReason: PolicyCompletion["finishReason"];
  reward: number | null;
  rewardParts: Record<string, number>;
  advantage: number;
}

/** A question of a step and its completions. */
export interface GroupRecord {
  exampleId: string;
  /** `task.example(seed)` gives the example again. */
  seed: number;
  prompt: string;
  answer: string | null;
  rollouts: RolloutRecord[];
}

/** What a trainer yields. Every event carries the step it belongs to, from 0. */
export type TrainEvent =
  | {
      type: "plan";
      step: number;
      steps: number;
      budget: [name: string, bytes: number][];
      adapter: Record<string, unknown>;
    }
  | { type: "phase"; step: number; phase: "rollout" | "reward" | "train" }
  | { type: "rollouts"; step: number; policyVersion: number; groups: GroupRecord[] }
  | { type: "step"; step: number; metrics: Record<string, number> }
  | {
      type: "warning";
      step: number;
      code:
        | "no-weight-changed"
        | "non-finite"
        | "zero-variance"
        | "reward-failed"
        | "online-filtering"
        | "skipped-demonstration"
        | "skipped-example";
      message: string;
    }
  | { type: "done"; step: number; reason: "finished" | "stopped" };
