/** What happens in a run, in two sentences or three: before, during and after. */
import type { EvaluationSummary } from "../../src/evaluation/accuracy.ts";
import { showPercent } from "../components/format.ts";
import type { StepFigures } from "./curves.ts";

/** What a story needs to know of a run. */
export interface StoryFacts {
  kind: "grpo" | "sft";
  task: string;
  /** Of a GRPO step. */
  questions: number;
  samples: number;
}

export type Chapter =
  | { at: "before" }
  /** The accuracy at the beginning or end is being measured. */
  | { at: "measuring"; when: "before" | "after" }
  | { at: "during"; steps: readonly StepFigures[] }
  | { at: "stopped"; step: number }
  | { at: "after"; before: EvaluationSummary | null; after: EvaluationSummary | null };

const taught = new Set(["shapes", "digits"]);

export function storyOf(facts: StoryFacts, chapter: Chapter): string {
  switch (chapter.at) {
    case "before":
      return whatWillHappen(facts);
    case "measuring":
      return chapter.when === "before"
        ? "First it is measured: held-out questions that it is never trained on, answered without chance. That is the “before” to compare with."
        : "Training is over. The same held-out questions are asked again: that is the “after”.";
    case "during":
      return facts.kind === "sft" ? taughtSoFar(chapter.steps) : learntSoFar(facts, chapter.steps);
    case "stopped":
      return `Stopped after step ${chapter.step}, and saved: going on from there gives the same weights as if it had not been stopped.`;
    case "after":
      return whatChanged(facts, chapter.before, chapter.after);
  }
}

function whatWillHappen({ kind, task, questions, samples }: StoryFacts): string {
  if (kind === "sft") {
    return "The policy is shown ideal answers and made likelier to write each of their words. The loss falls as they surprise it less.";
  }
  const rule = `Each step asks ${questions} questions, ${samples} times each. In each group, samples that earn more than the group's mean become likelier, the others less likely: that is all the teaching there is.`;
  return taught.has(task)
    ? `${rule} Some samples happen to think before they answer, and are right more often. Watch what comes of it.`
    : rule;
}

function taughtSoFar(steps: readonly StepFigures[]): string {
  const [first, last] = ends(steps, "loss");
  if (first === null || last === null || steps.length < 2)
    return "Each step shows it a batch of ideal answers, and moves the adapter so that they surprise it less.";
  return `The loss went from ${first.toFixed(2)} to ${last.toFixed(2)} nats a token: the ideal answers surprise it ${last < first ? "less" : "no less"} than at the start.`;
}

function learntSoFar({ questions, samples }: StoryFacts, steps: readonly StepFigures[]): string {
  const [first, last] = ends(steps, "reward");
  if (first === null || last === null || steps.length < 4) {
    return `${questions} questions a step, ${samples} samples each, drawn at random. Those better than their group become likelier; groups that are all right or all wrong teach nothing.`;
  }
  const rewards = `The reward went from ${first.toFixed(2)} to ${last.toFixed(2)}`;
  const best = steps.reduce((most, _, i) => Math.max(most, mean(steps.slice(i, i + 3), "reward") ?? 0), 0);
  if (best - last > 0.25 && best - first > 0.1)
    return `${rewards}, and had been at ${best.toFixed(2)}: the policy has come apart. The learning rate is too high for it; a penalty on the KL would have held it.`;
  if (last - first < 0.05)
    return `${rewards}: not much yet. Early steps are mostly chance; the toy recipe needs about ten before it shows.`;
  const [thoughtFirst, thoughtLast] = ends(steps, "rewards/thinking/mean");
  if (thoughtFirst !== null && thoughtLast !== null && thoughtLast - thoughtFirst > 0.1) {
    return `${rewards}, and samples that think first from ${showPercent(thoughtFirst)} to ${showPercent(thoughtLast)}. Nobody told it to think: such samples were right more often, so they got the higher advantage.`;
  }
  return `${rewards}: answers that earned more than their group's mean have become likelier.`;
}

function whatChanged(
  { kind, task }: StoryFacts,
  before: EvaluationSummary | null,
  after: EvaluationSummary | null,
): string {
  if (!before || !after)
    return "It is done. Nothing was measured before and after: the recipe has no test scenes.";
  const change = after.accuracy - before.accuracy;
  const measured = `On ${after.count} held-out questions it was right in ${showPercent(before.accuracy)} before and in ${showPercent(after.accuracy)} now`;
  if (after.thinking - before.thinking > 0.2 && change > 0.05) {
    const why =
      kind === "grpo" && taught.has(task)
        ? "It could think all along; the reward alone made it a habit."
        : "It now thinks before it answers.";
    return `${measured}, and it thinks first in ${showPercent(after.thinking)} of them instead of ${showPercent(before.thinking)}. ${why}`;
  }
  const overlap = before.interval[1] >= after.interval[0] && after.interval[1] >= before.interval[0];
  if (overlap) return `${measured}. The intervals overlap: so few questions cannot tell these apart.`;
  return change > 0
    ? `${measured}.`
    : `${measured}: it got worse. A lower learning rate, or a penalty on the KL, holds it.`;
}

/** A metric at the beginning and now, each over up to three steps: single steps are noisy. */
function ends(steps: readonly StepFigures[], key: string): [first: number | null, last: number | null] {
  const width = Math.min(3, Math.ceil(steps.length / 2));
  return [mean(steps.slice(0, width), key), mean(steps.slice(-width), key)];
}

function mean(steps: readonly StepFigures[], key: string): number | null {
  const values = steps.flatMap(({ metrics }) => (metrics[key] === undefined ? [] : [metrics[key]]));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
