import type { Policy } from "../src/rollout/policy.ts";
import type { Task } from "../src/tasks/task.ts";
import { trainRun } from "../src/train/run.ts";
import type { RunEvent } from "../src/train/run.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import type { EngineRunEvent } from "./protocol.ts";
import type { PoolJudge, RewardPool } from "./rewards.ts";
import type { HeldRun, Runs } from "./runs.ts";
import { Gate } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** What the policies of an engine share. */
export interface Shared {
  rewards: RewardPool;
  runs: Runs;
  kit: { version: string } & Record<string, string>;
}

export interface EngineRunOptions {
  policy: Policy;
  task: Task;
  recipe: RunRecipe;
  /** Let go of when the run ends. */
  held: HeldRun;
  shared: Pick<Shared, "rewards" | "kit">;
  /** Of the policy's users. */
  turn: Turn;
  resume: boolean;
  /** Of descriptive answers. */
  judge?: PoolJudge;
}

/**
 * A training run on the engine's side. It has the policy's turn for a step (with online filtering: for a round of one),
 * or a batch of an evaluation, at a time: between them questions are answered. The gate stands before the next step; a
 * run that waits there has saved a checkpoint of the one before.
 */
export class EngineRun {
  readonly #gate = new Gate();
  readonly #stopped = new AbortController();
  /** Those who wait for a checkpoint. */
  #waiting: ((key: string | null) => void)[] = [];
  /** Steps done, the newest checkpoint, and the steps that are in it. */
  #done = 0;
  #saved: { key: string | null; steps: number } = { key: null, steps: 0 };
  /** The last step whose first phase was told. */
  #begun = -1;
  #ended = false;

  constructor(private readonly options: EngineRunOptions) {}

  /** Resolves when the run stands still between two steps, or has ended. */
  pause(): Promise<void> {
    return this.#gate.close();
  }

  resume(): void {
    this.#gate.open();
  }

  stop(): void {
    this.#stopped.abort();
    this.#gate.end();
  }

  /**
   * The key of a checkpoint of the step that is going on, when it is saved; null when nothing was done yet, or the run
   * ended without one.
   */
  checkpoint(): Promise<string | null> {
    const upToDate = this.#gate.standing && this.#saved.steps === this.#done;
    if (upToDate || this.#ended) return Promise.resolve(this.#saved.key);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async *events(): AsyncGenerator<EngineRunEvent, void, void> {
    const { recipe, task, policy, resume, shared, turn, judge } = this.options;
    const { folder, unkept, release } = this.options.held;
    const failures: string[] = [];
    const scorer = shared.rewards.scorer(recipe.task, (lost) => failures.push(...lost), judge);
    let end: (() => void) | undefined;
    try {
      if (unkept !== undefined) yield { type: "unkept", reason: unkept };
      if (!resume) await folder.clear();
      const run = trainRun({
        policy,
        task,
        recipe,
        folder,
        kit: shared.kit,
        resume,
        signal: this.#stopped.signal,
        scorer,
        saveRequested: () => this.#waiting.length > 0 || this.#gate.closed,
      });
      try {
        for (;;) {
          end ??= await turn.take();
          const { done, value: event } = await run.next();
          if (done) return;
          this.#note(event);
          const beforeStep = this.#isBeforeStep(event);
          if (isBetweenSteps(event, recipe)) {
            end();
            end = undefined;
          }
          if (beforeStep || event.type === "evaluating") await this.#gate.pass();
          yield event;
          if (event.type === "step" && failures.length > 0) {
            const message = `${failures.length} rewards were lost, their samples left out: ${failures[0]}`;
            failures.length = 0;
            yield { type: "warning", step: event.step, code: "reward-failed", message };
          }
        }
      } finally {
        await run.return();
      }
    } finally {
      end?.();
      this.#ended = true;
      this.#answer(null);
      this.#gate.end();
      release();
    }
  }

  /**
   * The first phase of a step: nothing of it has been done. With online filtering the phase comes again with each round
   * of the step; a run that stood still there would have no whole step to save.
   */
  #isBeforeStep(event: RunEvent): boolean {
    if (!beginsRollouts(event, this.options.recipe) || event.step <= this.#begun) return false;
    this.#begun = event.step;
    return true;
  }

  #note(event: RunEvent): void {
    if (event.type === "step") this.#done = event.step + 1;
    if (event.type !== "saved") return;
    this.#saved = { key: event.key, steps: event.step };
    this.#answer(event.key);
  }

  #answer(key: string | null): void {
    for (const resolve of this.#waiting.splice(0)) resolve(key);
  }
}

/** Events at which the run does not have the policy for itself: between steps, and between the rounds of one. */
export function isBetweenSteps(event: EngineRunEvent, recipe: RunRecipe): boolean {
  return event.type !== "rollouts" && (event.type !== "phase" || beginsRollouts(event, recipe));
}

/** The first phase of a step, or of another round of one: the trainer has yet to place its prompts. */
function beginsRollouts(event: EngineRunEvent, recipe: RunRecipe): boolean {
  return event.type === "phase" && event.phase === ("sft" in recipe ? "train" : "rollout");
}
