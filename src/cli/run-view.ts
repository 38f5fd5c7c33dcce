import { changedExamples } from "../evaluation/changed-examples.ts";
import type { Task } from "../tasks/task.ts";
import { denseOf, trainingOf } from "../train/run-recipe.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import type { RunEvent } from "../train/run.ts";
import { formatBar, formatDuration, wrapText } from "./format.ts";
import type { Progress } from "./format.ts";
import {
  describeChange,
  describeMemory,
  describeProgress,
  describeStep,
  heldOut,
  resultTable,
} from "./run-text.ts";

type Finished = Extract<RunEvent, { type: "finished" }>;
type Step = Extract<RunEvent, { type: "step" }>;

/** Steps that the time left is judged by: responses grow, and the first step compiles. */
const recentSteps = 5;

export interface RunViewOptions {
  recipe: RunRecipe;
  task: Task;
  /** Takes lines that stay. */
  print: (text: string) => void;
  /** A line for each step: where lines do not follow a bar in a terminal. */
  eachStep: boolean;
  progress: Progress;
}

/** Shows a training run as its events come: plan, progress, and what came of it. */
export class RunView {
  #phaseBegan = performance.now();
  #begunStep: number | undefined;
  #evaluationMs = 0;
  readonly #stepMs: number[] = [];
  #bar = "";

  constructor(private readonly options: RunViewOptions) {}

  show(event: RunEvent): void {
    const { progress, print } = this.options;
    switch (event.type) {
      case "plan":
        progress.clear();
        print(`\nMemory on the GPU:\n${describeMemory(event.budget)}\n`);
        return;
      case "resumed":
        progress.clear();
        for (const key of event.torn) print(`${key} is torn: passed over for the one before it`);
        print(`Goes on after step ${event.step}.`);
        return;
      case "evaluating":
        if (event.done === 0) this.#phaseBegan = performance.now();
        progress.show(`answering held-out examples ${event.when} the run`, `${event.done}/${event.total}`);
        return;
      case "evaluation":
        this.#evaluationMs = performance.now() - this.#phaseBegan;
        progress.clear();
        return;
      case "phase":
        // With online filtering a step may come to its first phase again.
        if (event.phase === firstPhase(this.options.recipe) && event.step !== this.#begunStep) {
          this.#phaseBegan = performance.now();
          this.#begunStep = event.step;
        }
        progress.glimpse(this.#bar === "" ? `step ${event.step + 1}: ${event.phase}` : this.#bar);
        return;
      case "step":
        this.#stepped(event);
        return;
      case "warning":
        progress.clear();
        for (const line of wrapText(`step ${event.step + 1}: ${event.message}`)) print(line);
        return;
      case "rollouts":
      case "saved":
      case "done":
      case "finished":
        return;
    }
  }

  #stepped({ step, metrics }: Step): void {
    const { recipe, progress, print, eachStep } = this.options;
    const { steps } = trainingOf(recipe);
    const ms = performance.now() - this.#phaseBegan;
    this.#stepMs.push(ms);
    progress.clear();
    if (eachStep) print(describeStep({ step, steps, metrics }, ms));
    const left = this.#leftMs(steps - 1 - step);
    // The first step compiles what the others find ready.
    if (this.#stepMs.length === 2 && step + 1 < steps) {
      const evaluation = recipe.evaluation.scenes > 0 && this.#evaluationMs > 0;
      const after = evaluation ? `, the examples after them ${formatDuration(this.#evaluationMs)}` : "";
      const expected = `Expected: about ${formatDuration(left)} more (a step takes ${formatDuration(ms)}${after}).`;
      print(wrapText(expected).join("\n"));
    }
    this.#bar = formatBar(
      (step + 1) / steps,
      describeProgress({ step, steps, metrics }, left, progress.columns),
      progress.columns,
    );
    progress.glimpse(this.#bar);
  }

  #leftMs(steps: number): number {
    const recent = this.#stepMs.slice(1).slice(-recentSteps);
    const known = recent.length > 0 ? recent : this.#stepMs;
    return (steps * known.reduce((sum, ms) => sum + ms, 0)) / known.length + this.#evaluationMs;
  }

  /** Accuracy before and after, and examples that changed. */
  async finish({ record, before, after }: Finished): Promise<void> {
    const { print, task, recipe, progress } = this.options;
    progress.clear();
    print("");
    if (before && after) {
      print(`Greedy answers to ${heldOut(after.count)}, and the 95% interval of their accuracy:`);
      print(resultTable(before, after));
      print("");
      const { improved, worsened, shown } = changedExamples(before.results, after.results);
      print(`${improved} went from wrong to right, ${worsened} from right to wrong.`);
      for (const change of shown) {
        const index = after.results.findIndex(({ id }) => id === change.after.id);
        print(`\n${describeChange(change, await questionOf(task, index, recipe))}`);
      }
      print("");
    }
    const skipped = record.metrics.at(-1)?.num_skipped;
    if (skipped !== undefined)
      print(`${skipped} demonstrations were left out: too long, or without a readable image.`);
    print(
      `${record.steps} step${record.steps === 1 ? "" : "s"} in ${formatDuration(record.wallMs)}; ${denseOf(recipe) ? "weights" : "adapter"} sha256`,
    );
    print(record.weightsSha256);
  }
}

function firstPhase(recipe: RunRecipe): "rollout" | "train" {
  return "sft" in recipe ? "train" : "rollout";
}

/** What the user asks in an example of the evaluation. Its examples are those of seeds 0, 1, 2 … */
async function questionOf(task: Task, seed: number, { evaluation }: RunRecipe): Promise<string> {
  const { messages } = await task.example(seed, evaluation.split);
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(" ");
}
