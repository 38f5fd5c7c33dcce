/** What is known of a run: fed by its events, or by what was saved of it, and read as signals. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { metricsOf, trainingOf } from "../../workers/client.ts";
import type {
  EngineRunEvent,
  Evaluation,
  GroupRecord,
  RecordedStep,
  RunPlan,
  RunRecipe,
  RunRecord,
  SavedRun,
} from "../../workers/client.ts";
import { RunClock } from "./run-clock.ts";
import { evaluationWords, lastRunWords, phaseWords, stepWords } from "./run-words.ts";
import type { RunPhase } from "./run-words.ts";

export type RunState = "idle" | "planning" | "running" | "pausing" | "paused" | "stopping" | "recovering";

export interface StepMetrics {
  /** From 0. */
  step: number;
  metrics: Record<string, number>;
}

/** Steps whose groups stay in memory; older ones are read from the run's folder. */
const stepsKept = 20;

export class RunFollower {
  /** What can change; the page reads it through the signals below. */
  protected readonly now = {
    state: signal<RunState>("idle"),
    status: signal("Not started."),
    phase: signal<RunPhase | null>(null),
    recipe: signal<RunRecipe | null>(null),
    steps: signal<readonly StepMetrics[]>([]),
    groups: signal<ReadonlyMap<number, readonly GroupRecord[]>>(new Map()),
    plan: signal<RunPlan | null>(null),
    evaluating: signal<{ when: "before" | "after"; share: number } | null>(null),
    before: signal<Evaluation | null>(null),
    after: signal<Evaluation | null>(null),
    record: signal<RunRecord | null>(null),
    saved: signal<SavedRun | null>(null),
    note: signal(""),
    warning: signal(""),
    problem: signal<unknown>(null),
    msLeft: signal<number | null>(null),
    msPerStep: signal<number | null>(null),
  };
  #clock = new RunClock();

  readonly state: ReadonlySignal<RunState> = this.now.state;
  /** For the live region. */
  readonly status: ReadonlySignal<string> = this.now.status;
  readonly phase: ReadonlySignal<RunPhase | null> = this.now.phase;
  readonly phaseText: ReadonlySignal<string> = computed(() =>
    phaseWords(this.now.phase.value, ["pausing", "stopping"].includes(this.now.state.value)),
  );
  /** Of the run that is shown: the one that goes on, or the last one. */
  readonly recipe: ReadonlySignal<RunRecipe | null> = this.now.recipe;
  readonly planned: ReadonlySignal<number> = computed(() =>
    this.now.recipe.value ? trainingOf(this.now.recipe.value).steps : 0,
  );
  readonly done: ReadonlySignal<number> = computed(() => (this.now.steps.value.at(-1)?.step ?? -1) + 1);
  /** Of the whole run, 0 to 1, the evaluations counted as a tenth of it each. */
  readonly share: ReadonlySignal<number> = computed(() => {
    if (this.now.record.value) return 1;
    const steps = this.planned.value > 0 ? this.done.value / this.planned.value : 0;
    if ((this.now.recipe.value?.evaluation.scenes ?? 0) === 0) return steps;
    const evaluating = this.now.evaluating.value;
    if (!evaluating) {
      if (this.now.after.value) return 1;
      return steps === 0 && !this.now.before.value ? 0 : 0.1 + 0.8 * steps; // 0: the evaluation is about to begin
    }
    return (evaluating.when === "before" ? 0 : 0.9) + 0.1 * evaluating.share;
  });
  readonly steps: ReadonlySignal<readonly StepMetrics[]> = this.now.steps;
  /** By step, from 0: those in memory. */
  readonly groups: ReadonlySignal<ReadonlyMap<number, readonly GroupRecord[]>> = this.now.groups;
  readonly newestGroups: ReadonlySignal<{ step: number; groups: readonly GroupRecord[] } | null> = computed(
    () => {
      const step = Math.max(...this.now.groups.value.keys());
      const groups = this.now.groups.value.get(step);
      return groups ? { step, groups } : null;
    },
  );
  /** Steps 0 … n − 1 can be asked for with {@link groupsOf}; none of a supervised run. */
  readonly stepsWithGroups: ReadonlySignal<number> = computed(() => {
    if (this.now.recipe.value && "sft" in this.now.recipe.value) return 0;
    return Math.max(this.done.value, (this.newestGroups.value?.step ?? -1) + 1);
  });
  readonly plan: ReadonlySignal<RunPlan | null> = this.now.plan;
  readonly before: ReadonlySignal<Evaluation | null> = this.now.before;
  readonly after: ReadonlySignal<Evaluation | null> = this.now.after;
  /** Of the run that is shown, when it has come to its end. */
  readonly record: ReadonlySignal<RunRecord | null> = this.now.record;
  /** A run that can go on, here or, where it is in use, in the tab that has it. */
  readonly saved: ReadonlySignal<SavedRun | null> = this.now.saved;
  readonly note: ReadonlySignal<string> = this.now.note;
  /** Of the newest step. */
  readonly warning: ReadonlySignal<string> = this.now.warning;
  readonly problem: ReadonlySignal<unknown> = this.now.problem;
  readonly msLeft: ReadonlySignal<number | null> = this.now.msLeft;
  readonly msPerStep: ReadonlySignal<number | null> = this.now.msPerStep;

  /** Forgets the run, for another one or none. */
  protected clear(recipe: RunRecipe | null): void {
    this.#clock = new RunClock();
    batch(() => {
      this.now.recipe.value = recipe;
      this.now.steps.value = [];
      this.now.groups.value = new Map();
      this.now.plan.value = this.now.record.value = this.now.before.value = this.now.after.value = null;
      this.now.evaluating.value = this.now.msLeft.value = this.now.msPerStep.value = null;
      this.now.note.value = this.now.warning.value = "";
      this.now.problem.value = null;
      this.now.status.value = "Not started.";
    });
  }

  /**
   * An earlier visit's run, or another tab's. What this visit has seen itself of the same run stays.
   * @param inUse the weights that the run ended with are those of the policy in use.
   */
  protected showSaved(saved: SavedRun, inUse: boolean): void {
    const { recipe, steps, record, before, after } = saved;
    const known = record ? record.weightsSha256 === this.now.record.peek()?.weightsSha256 : false;
    const seen = this.now.record.peek() === null && steps.length === this.now.steps.peek().length;
    const sameRecipe = JSON.stringify(recipe) === JSON.stringify(this.now.recipe.peek());
    batch(() => {
      if (!known && !(seen && sameRecipe && !record)) {
        this.now.recipe.value = recipe;
        this.now.steps.value = fromRecorded(record?.metrics ?? steps);
        this.now.before.value = before;
        this.now.after.value = after;
        this.now.record.value = record;
        if (!sameRecipe) this.now.groups.value = new Map();
        const at = `step ${steps.length} of ${trainingOf(recipe).steps}`;
        if (steps.length > 0)
          this.now.status.value = saved.inUse ? `In another tab, at ${at}.` : `Left after ${at}.`;
      }
      if (record && !inUse) this.now.status.value = lastRunWords(record.steps, false);
    });
  }

  /** @param earlier the steps that were recorded before this part of the run. */
  protected take(event: EngineRunEvent, earlier: readonly RecordedStep[]): void {
    batch(() => this.#show(event, earlier));
  }

  #show(event: EngineRunEvent, earlier: readonly RecordedStep[]): void {
    const planned = this.planned.peek();
    const running = this.now.state.peek() === "running";
    switch (event.type) {
      case "unkept":
        this.now.note.value = `This run is kept in memory only, and lost when the tab is closed: ${event.reason}.`;
        break;
      case "resumed":
        this.now.steps.value = fromRecorded(earlier.slice(0, event.step));
        if (running) this.now.status.value = `Going on after step ${event.step} of ${planned}…`;
        if (event.torn.length > 0) this.now.note.value = `Torn and passed over: ${event.torn.join(", ")}.`;
        break;
      case "plan":
        this.now.plan.value = {
          stepMs: null,
          expectedMs: null,
          ...this.now.plan.peek(),
          steps: event.steps,
          budget: event.budget,
        };
        break;
      case "evaluating": {
        const { when, done, total } = event;
        this.#clock.evaluating(done, total);
        this.now.evaluating.value = { when, share: done / total };
        this.now.phase.value = "evaluate";
        if (running) this.now.status.value = evaluationWords(when, done, total);
        break;
      }
      case "evaluation":
        if (event.when === "before") this.now.before.value = event.evaluation;
        else this.now.after.value = event.evaluation;
        this.now.evaluating.value = null;
        break;
      case "phase":
        this.now.phase.value = event.phase;
        if (event.phase === "rollout") this.now.warning.value = ""; // it was of the step before
        break;
      case "rollouts":
        this.#keep(event.step, event.groups);
        break;
      case "step": {
        this.#clock.step((event.metrics.step_time ?? 0) * 1000);
        this.now.steps.value = [...this.now.steps.peek(), { step: event.step, metrics: event.metrics }];
        this.now.msPerStep.value = this.#clock.stepMs;
        this.now.msLeft.value = this.#clock.left(planned - event.step - 1);
        this.now.status.value = stepWords(event.step + 1, planned, event.metrics, this.now.msLeft.peek());
        break;
      }
      case "warning":
        this.now.warning.value = `Step ${event.step + 1}: ${event.message}.`;
        break;
      case "done":
        this.now.status.value = `Stopped after step ${event.step} of ${planned}. What was done is saved.`;
        break;
      case "finished":
        this.now.steps.value = fromRecorded(event.record.metrics);
        this.now.record.value = event.record;
        this.now.before.value = event.before;
        this.now.after.value = event.after;
        this.now.status.value = `Finished ${event.step} steps. The policy that answers is the trained one.`;
        break;
      case "saved":
        break;
    }
  }

  /** Keeps the groups of the newest steps. */
  #keep(step: number, groups: readonly GroupRecord[]): void {
    const kept = [...this.now.groups.peek()].filter(([known]) => known !== step && known > step - stepsKept);
    this.now.groups.value = new Map([...kept, [step, groups]]);
  }
}

function fromRecorded(steps: readonly RecordedStep[]): StepMetrics[] {
  return steps.map((recorded) => ({ step: recorded.step, metrics: metricsOf(recorded) }));
}
