/** What the command line says of a training run, in lines of at most 80 columns. Pure. */
import type { EvaluationSummary, Proportion } from "../evaluation/accuracy.ts";
import type { ChangedExample } from "../evaluation/changed-examples.ts";
import { formatBudget } from "../gpu/plan.ts";
import type { Task } from "../tasks/task.ts";
import type { Recipe } from "../train/recipe.ts";
import { denseOf, trainingOf } from "../train/run-recipe.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import {
  describeTerm,
  formatClock,
  formatDuration,
  formatNumber,
  formatPercent,
  formatTable,
  lineWidth,
} from "./format.ts";

const termColumn = 10;

/** Terms and what there is to say of each, aligned. */
export function describeTerms(terms: readonly (readonly [term: string, text: string])[]): string {
  return terms.map(([term, text]) => describeTerm(term, text, termColumn)).join("\n");
}

/** What a run will do, in a few lines. @param name of the recipe. */
export function describeRecipe(
  name: string,
  recipe: RunRecipe,
  { description, sizes }: Pick<Task, "description" | "sizes">,
): [term: string, text: string][] {
  const { task, format, lora, evaluation, model } = recipe;
  const options = Object.entries(task).filter(([option]) => option !== "name");
  const set = options.flatMap(describeOption);
  const { scenes, split } = evaluation;
  const dense = denseOf(recipe);
  const asked = Math.min(scenes, sizes?.[split] ?? Infinity);
  return [
    ["task", `${[task.name, ...set].join(", ")}. ${description}`],
    [
      "policy",
      dense
        ? `${model}, every weight of ${dense === "all" ? "it" : "its decoder"} in f32`
        : `${model}, weights as ${format ?? "they are stored"}, LoRA of rank ${lora.rank} (alpha ${lora.alpha})`,
    ],
    ["recipe", `${name}: ${describeTraining(recipe)}`],
    [
      "measured",
      scenes > 0
        ? `greedy answers to ${heldOut(asked)} (${split}), before and after`
        : "nothing beside the steps' own metrics (--eval N answers N held-out examples)",
    ],
  ];
}

/** "12 held-out examples". */
export function heldOut(count: number): string {
  return `${count} held-out example${count === 1 ? "" : "s"}`;
}

/** A task's option; nothing for a long list, which may be a set of pictures: the task's description tells of it. */
function describeOption([option, value]: [string, unknown]): string[] {
  if (option === "system" && typeof value === "string")
    return [`a system prompt of ${value.length} characters`];
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return Array.isArray(value) && text.length > lineWidth ? [] : [`${option} ${text}`];
}

function describeTraining(recipe: RunRecipe): string {
  const { steps, learningRate, seed } = trainingOf(recipe);
  if ("sft" in recipe) {
    const { batchSize, mode, tokensPerBatch } = recipe.sft;
    const modes = {
      think: "that think first",
      answer: "that answer at once",
    };
    const packed = tokensPerBatch > 0 ? `, ${tokensPerBatch} tokens at a time` : "";
    const which = typeof mode === "number" ? `of which ${formatPercent(mode, 0)} think first` : modes[mode];
    return `${steps} steps of ${batchSize} demonstrations ${which}${packed}; learning rate ${learningRate}, seed ${seed}`;
  }
  const { promptsPerStep, numGenerations, maxCompletionLength, temperature } = recipe.grpo;
  const parts = [
    `learning rate ${learningRate}`,
    describeKl(recipe.grpo),
    ...describeAlgorithm(recipe.grpo),
    `temperature ${temperature}`,
    `seed ${seed}`,
  ];
  return (
    `${steps} steps of ${promptsPerStep} prompts × ${numGenerations} responses of up to ` +
    `${maxCompletionLength} tokens; ${parts.join(", ")}`
  );
}

function describeKl({ klCoef, logKl, klPlacement, klController, klTarget }: Recipe): string {
  if (klCoef === 0) return logKl ? "KL measured only" : "no KL";
  const weight = klController === "adaptive" ? `${klCoef} (towards a KL of ${klTarget})` : String(klCoef);
  return `${weight} × KL${klPlacement === "reward" ? " in the reward" : ""}`;
}

/** What differs from the default, in words. */
function describeAlgorithm(recipe: Recipe): string[] {
  const { lossType, advEstimator, onlineFiltering, filterKey, filterLow, filterHigh, maxTryMakeBatch } =
    recipe;
  const key = filterKey === "overall" ? "reward" : filterKey;
  return [
    ...(lossType === "dapo" ? [] : [`loss ${lossType}`]),
    ...(advEstimator === "grpo" ? [] : [`advantages by ${advEstimator}`]),
    ...(onlineFiltering
      ? [`groups of a mean ${key} between ${filterLow} and ${filterHigh} from up to ${maxTryMakeBatch} draws`]
      : []),
  ];
}

/** The memory plan as a table; what each program holds for itself is one row for all of them. */
export function describeMemory(budget: readonly (readonly [name: string, bytes: number])[]): string {
  const own = budget.filter(([name]) => name.endsWith(perProgram));
  const others = budget.filter(([name]) => !name.endsWith(perProgram));
  const sum = own.reduce((total, [, bytes]) => total + bytes, 0);
  return formatBudget([...others, [`${own.length} programs${perProgram}`, sum]]);
}

/** What the trainer's budget calls the buffers that one program alone uses. */
const perProgram = ": inputs, outputs, parameters";

export interface StepNumbers {
  /** From 0. */
  step: number;
  steps: number;
  metrics: Readonly<Record<string, number>>;
}

/** Metrics of a step that say how the run goes, in order of weight; those that a run lacks are left out. */
function stepParts({ metrics }: StepNumbers): string[] {
  const value = (name: string): number | undefined => metrics[name];
  const parts: [value: number | undefined, text: (value: number) => string][] = [
    [value("reward"), (reward) => `reward ${fixed(reward, 2)}`],
    [value("filter/kept"), (kept) => `kept ${kept} of ${groupsOf(metrics)}`],
    // Of a rewarded run it says nothing.
    [value("reward") === undefined ? value("loss") : undefined, (loss) => `loss ${fixed(loss, 3)}`],
    [value("rewards/thinking/mean"), (share) => `thinks ${formatPercent(share, 0)}`],
    [value("completions/mean_length"), (tokens) => `length ${fixed(tokens, 1)}`],
    [value("kl"), (kl) => `KL ${fixed(kl, 3)}`],
    [value("tokens_per_second"), (rate) => `${rate.toFixed(0)} tok/s`],
  ];
  return parts.flatMap(([found, text]) => (found === undefined ? [] : [text(found)]));
}

/** Groups that a step with online filtering drew. */
function groupsOf(metrics: StepNumbers["metrics"]): number {
  const counts = Object.entries(metrics).filter(([name]) => /^filter\/(kept|dropped_|excess)/.test(name));
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

/** A step as a line of its own: for logs, files and pipes. @param ms that the step took. */
export function describeStep(numbers: StepNumbers, ms: number): string {
  const count = `step ${String(numbers.step + 1).padStart(String(numbers.steps).length)}/${numbers.steps}`;
  return fit([count, ...stepParts(numbers), formatDuration(ms)], "  ");
}

/** What stands behind the bar in a terminal. @param leftMs until the end, where it is known. */
export function describeProgress(numbers: StepNumbers, leftMs: number | undefined, columns: number): string {
  const left = leftMs === undefined ? [] : [formatClock(leftMs)];
  const parts = stepParts(numbers);
  return fit([`${numbers.step + 1}/${numbers.steps}`, ...parts, ...left], " ", columns - 8);
}

/** Joins parts; where they do not fit, those before the last one go, from behind. */
function fit(parts: readonly string[], between: string, width = lineWidth): string {
  const line = parts.join(between);
  return [...line].length <= width || parts.length <= 2
    ? line
    : fit([...parts.slice(0, -2), ...parts.slice(-1)], between, width);
}

/** So many decimals, fewer from 100 up. */
function fixed(value: number, digits: number): string {
  return Math.abs(value) < 100 ? value.toFixed(digits) : formatNumber(value);
}

/** Accuracy before and after by kind of question, each with its 95% interval; then how the answers were given. */
export function resultTable(before: EvaluationSummary, after: EvaluationSummary): string {
  const share = ({ accuracy, interval: [low, high] }: Proportion) => [
    formatPercent(accuracy),
    `${(100 * low).toFixed(0)}–${(100 * high).toFixed(0)}`,
  ];
  const row = (name: string, old: Proportion, now: Proportion) => [
    name,
    String(now.count),
    ...share(old),
    ...share(now),
    signed(100 * (now.accuracy - old.accuracy)),
  ];
  const kinds = Object.keys(after.byKind).filter((kind) => Object.hasOwn(before.byKind, kind));
  const plain = (name: string, old: string, now: string, change: number) => [
    name,
    "",
    old,
    "",
    now,
    "",
    signed(change),
  ];
  const parts = Object.keys(after.parts).filter(
    (part) => Object.hasOwn(before.parts, part) && part !== "accuracy" && part !== "thinking",
  );
  const rows = [
    ["", "examples", "before", "95%", "after", "95%", "change"],
    ...kinds.map((kind) => row(kind, before.byKind[kind], after.byKind[kind])),
    row("all", before, after),
    plain(
      "thinks first",
      formatPercent(before.thinking),
      formatPercent(after.thinking),
      100 * (after.thinking - before.thinking),
    ),
    ...parts.map((part) =>
      plain(
        part,
        formatPercent(before.parts[part]),
        formatPercent(after.parts[part]),
        100 * (after.parts[part] - before.parts[part]),
      ),
    ),
    plain(
      "tokens",
      before.meanLength.toFixed(1),
      after.meanLength.toFixed(1),
      after.meanLength - before.meanLength,
    ),
  ];
  return formatTable(rows, [1, 2, 3, 4, 5, 6]);
}

function signed(value: number): string {
  const text = value.toFixed(1);
  return Number(text) > 0 ? `+${text}` : text.replace(/^-(?=0\.0$)/, "");
}

/** @param question as the user asked it, without the chat's marks. */
export function describeChange({ before, after }: ChangedExample, question: string): string {
  const lines: [string, string][] = [
    ["question", question],
    ["right", after.answer ?? "(not stated)"],
    ["before", visible(before.text)],
    ["after", visible(after.text)],
  ];
  return [after.id, ...lines.map(([term, text]) => describeTerm(`  ${term}`, text, 12))].join("\n");
}

/** A policy may write anything: what a terminal would not show, or obey, stands as `·`. */
function visible(text: string): string {
  return text.trim() === "" ? "(nothing)" : text.replaceAll(/[\p{C}]/gu, "·");
}
