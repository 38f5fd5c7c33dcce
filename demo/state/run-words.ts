/** What is said of a run: for the live region, so in whole sentences. */
import { trainingOf } from "../../workers/client.ts";
import type { SavedRun } from "../../workers/client.ts";
import { showDuration } from "../components/format.ts";

export type RunPhase = "rollout" | "reward" | "train" | "evaluate";

const phases: Readonly<Record<RunPhase, string>> = {
  rollout: "generating answers",
  reward: "computing rewards",
  train: "updating the weights",
  evaluate: "answering held-out questions",
};

export function phaseWords(phase: RunPhase | null, ending: boolean): string {
  if (ending) return "finishing what was begun…";
  return phase === null ? "" : `${phases[phase]}…`;
}

/** A step that is done, by its reward, or its loss where nothing is rewarded. */
export function stepWords(
  done: number,
  planned: number,
  metrics: Readonly<Record<string, number | undefined>>,
  msLeft: number | null,
): string {
  const { reward, loss } = metrics;
  const figure =
    reward !== undefined
      ? `: reward ${reward.toFixed(3)}`
      : loss === undefined
        ? ""
        : `: loss ${loss.toFixed(3)}`;
  const left = msLeft === null || done >= planned ? "" : `, about ${showDuration(msLeft)} left`;
  return `Step ${done} of ${planned}${figure}${left}.`;
}

export function evaluationWords(when: "before" | "after", done: number, total: number): string {
  return `Evaluating ${when} the run: ${done} of ${total} held-out questions.`;
}

/** Of a run that has ended. @param inUse its weights are those of the policy that answers. */
export function lastRunWords(steps: number, inUse: boolean): string {
  return `The last run finished ${steps} steps. The policy that answers is ${inUse ? "the trained one" : "the one before it"}.`;
}

/** Of a run that an earlier visit began, or that another tab is training. */
export function savedWords({ recipe, steps, inUse }: SavedRun): string {
  const { steps: planned } = trainingOf(recipe);
  const where =
    steps.length > 0 ? `after step ${steps.length} of ${planned}` : `before its first step of ${planned}`;
  return inUse
    ? `A run of ${recipe.model} on ${recipe.task.name} is going on in another tab, ${where}. One tab trains at a time: go on there, or close that tab first.`
    : `A run of ${recipe.model} on ${recipe.task.name} was left ${where}. Going on from there gives the same weights as if it had not been interrupted.`;
}
