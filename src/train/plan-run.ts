import { evaluatedCount, reserveEvaluation } from "../evaluation/accuracy.ts";
import type { Policy } from "../rollout/policy.ts";
import type { Task } from "../tasks/task.ts";
import type { Scorer } from "./grpo-trainer.ts";
import { readTrained, restoreTrained, trainedParameters } from "./optimizer-program.ts";
import { trainingOf } from "./run-recipe.ts";
import type { RunRecipe } from "./run-recipe.ts";
import { createRunTrainer, evaluationOptions } from "./run-trainer.ts";
import type { RunTrainer } from "./run-trainer.ts";

/** What a run will take. */
export interface RunPlan {
  steps: number;
  /** GPU memory by purpose, in bytes. */
  budget: [name: string, bytes: number][];
  /** A step, as probed; null without a probe. */
  stepMs: number | null;
  /** All steps and both evaluations, judged by the probe; null without one. */
  expectedMs: number | null;
}

export interface PlanOptions {
  /** Loaded with the recipe's model, format and adapter. It is afterwards as it was. */
  policy: Policy;
  task: Task;
  recipe: RunRecipe;
  /** Tries two steps, of which the first compiles the shaders that the run will use. */
  probe?: boolean;
  scorer?: Scorer;
  signal?: AbortSignal;
}

/**
 * The plan of a run before it starts. A probe tries two steps and takes them back: the second of them, which compiles
 * nothing any more, is what a step takes.
 * @throws MemoryBudgetError with the table when it does not fit; InvalidOptionError when policy, task and recipe do not
 *   go together; the signal's reason.
 */
export async function planRun(options: PlanOptions): Promise<RunPlan> {
  const { policy, task, recipe, probe = false, scorer, signal } = options;
  const trainer = createRunTrainer({ policy, task, recipe, scorer });
  const { steps } = trainingOf(recipe);
  try {
    const evaluation = evaluationOptions(recipe, signal);
    if (recipe.evaluation.scenes > 0) await reserveEvaluation(policy, task, evaluation);
    const { budget } = await trainer.prepare();
    if (!probe) return { steps, budget, stepMs: null, expectedMs: null };
    const { stepMs, answersMs } = await takenBack(policy, () => probeSteps(trainer, steps, signal));
    const count = recipe.evaluation.scenes === 0 ? 0 : evaluatedCount(task, evaluation);
    const evaluationMs = Math.ceil(count / (evaluation.batch ?? count)) * answersMs;
    return { steps, budget, stepMs, expectedMs: steps * stepMs + 2 * evaluationMs };
  } finally {
    trainer.destroy();
  }
}

/** The time of the last of two steps, and what a batch of an evaluation takes, about: as long as a step's rollouts. */
async function probeSteps(
  trainer: RunTrainer,
  steps: number,
  signal: AbortSignal | undefined,
): Promise<{ stepMs: number; answersMs: number }> {
  const probed = Math.min(2, steps);
  let taken = { stepMs: 0, answersMs: 0 };
  let begun = performance.now();
  let answered = begun;
  for await (const event of trainer.run({ signal })) {
    if (event.type === "rollouts") answered = performance.now();
    if (event.type !== "step") continue;
    const now = performance.now();
    // A supervised run draws no answers: its steps say nothing of them but that they are of the same size.
    taken = { stepMs: now - begun, answersMs: (answered > begun ? answered : now) - begun };
    begun = now;
    if (event.step + 1 >= probed) break;
  }
  signal?.throwIfAborted();
  return taken;
}

/** Runs something that trains the policy, and puts weights and moments back afterwards, whatever came of it. */
async function takenBack<T>(policy: Policy, work: () => Promise<T>): Promise<T> {
  const parameters = trainedParameters(policy.model, "plan");
  const { version } = policy;
  const kept = await readTrained(parameters);
  try {
    return await work();
  } finally {
    restoreTrained(parameters, kept);
    policy.version = version;
  }
}
