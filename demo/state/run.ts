/** A training run as the page follows it: its events as signals, and the means to hold it. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { DeviceLostError, metricsOf, trainingOf } from "../../workers/client.ts";
import type {
  EngineRunEvent,
  Evaluation,
  GroupRecord,
  RecordedStep,
  RemotePolicy,
  RunPlan,
  RunRecipe,
  RunRecord,
  SavedRun,
  TrainingRun,
} from "../../workers/client.ts";
import { groupsOfStep } from "./rollout-file.ts";
import { RunClock } from "./run-clock.ts";
import { evaluationWords, phaseWords, stepWords } from "./run-words.ts";
import type { RunPhase } from "./run-words.ts";
import { session } from "./session.ts";
import type { Holder, Session } from "./session.ts";

export type RunState = "idle" | "planning" | "running" | "pausing" | "paused" | "stopping" | "recovering";
export interface StepMetrics {
  /** From 0. */
  step: number;
  metrics: Record<string, number>;
}

/** Steps whose groups stay in memory; older ones are read from the run's folder. */
const stepsKept = 20;
/** Files of a finished run's adapter. */
const adapterFiles = ["adapter_model.safetensors", "adapter_config.json"];

export class RunStore {
  readonly #state: Signal<RunState> = signal("idle");
  readonly #status = signal("Not started.");
  readonly #phase = signal<RunPhase | null>(null);
  readonly #recipe = signal<RunRecipe | null>(null);
  readonly #steps = signal<readonly StepMetrics[]>([]);
  readonly #groups: Signal<ReadonlyMap<number, readonly GroupRecord[]>> = signal(new Map());
  readonly #plan = signal<RunPlan | null>(null);
  readonly #evaluating = signal<{ when: "before" | "after"; share: number } | null>(null);
  readonly #before = signal<Evaluation | null>(null);
  readonly #after = signal<Evaluation | null>(null);
  readonly #record = signal<RunRecord | null>(null);
  readonly #saved = signal<SavedRun | null>(null);
  readonly #note = signal("");
  readonly #warning = signal("");
  readonly #problem = signal<unknown>(null);
  readonly #msLeft = signal<number | null>(null);
  readonly #msPerStep = signal<number | null>(null);
  #clock = new RunClock();
  #training: TrainingRun | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;

  readonly state: ReadonlySignal<RunState> = this.#state;
  /** For the live region. */
  readonly status: ReadonlySignal<string> = this.#status;
  readonly phase: ReadonlySignal<RunPhase | null> = this.#phase;
  readonly phaseText: ReadonlySignal<string> = computed(() =>
    phaseWords(this.#phase.value, ["pausing", "stopping"].includes(this.#state.value)),
  );
  /** Of the run that is shown: the one that goes on, or the last one. */
  readonly recipe: ReadonlySignal<RunRecipe | null> = this.#recipe;
  readonly planned: ReadonlySignal<number> = computed(() =>
    this.#recipe.value ? trainingOf(this.#recipe.value).steps : 0,
  );
  readonly done: ReadonlySignal<number> = computed(() => (this.#steps.value.at(-1)?.step ?? -1) + 1);
  /** Of the whole run, 0 to 1, the evaluations counted as a tenth of it each. */
  readonly share: ReadonlySignal<number> = computed(() => {
    if (this.#record.value) return 1;
    const steps = this.planned.value > 0 ? this.done.value / this.planned.value : 0;
    if ((this.#recipe.value?.evaluation.scenes ?? 0) === 0) return steps;
    const evaluating = this.#evaluating.value;
    if (!evaluating) return 0.1 + 0.8 * steps;
    return (evaluating.when === "before" ? 0 : 0.9) + 0.1 * evaluating.share;
  });
  readonly steps: ReadonlySignal<readonly StepMetrics[]> = this.#steps;
  /** By step, from 0: those in memory. */
  readonly groups: ReadonlySignal<ReadonlyMap<number, readonly GroupRecord[]>> = this.#groups;
  readonly newestGroups: ReadonlySignal<{ step: number; groups: readonly GroupRecord[] } | null> = computed(
    () => {
      const step = Math.max(...this.#groups.value.keys());
      const groups = this.#groups.value.get(step);
      return groups ? { step, groups } : null;
    },
  );
  /** Steps 0 … n − 1 can be asked for with {@link groupsOf}; none of a supervised run. */
  readonly stepsWithGroups: ReadonlySignal<number> = computed(() => {
    if (this.#recipe.value && "sft" in this.#recipe.value) return 0;
    return Math.max(this.done.value, (this.newestGroups.value?.step ?? -1) + 1);
  });
  readonly plan: ReadonlySignal<RunPlan | null> = this.#plan;
  readonly before: ReadonlySignal<Evaluation | null> = this.#before;
  readonly after: ReadonlySignal<Evaluation | null> = this.#after;
  /** Of the run that is shown, when it has come to its end. */
  readonly record: ReadonlySignal<RunRecord | null> = this.#record;
  /** A run that can go on, here or, where it is in use, in the tab that has it. */
  readonly saved: ReadonlySignal<SavedRun | null> = this.#saved;
  readonly note: ReadonlySignal<string> = this.#note;
  /** Of the newest step. */
  readonly warning: ReadonlySignal<string> = this.#warning;
  readonly problem: ReadonlySignal<unknown> = this.#problem;
  readonly msLeft: ReadonlySignal<number | null> = this.#msLeft;
  readonly msPerStep: ReadonlySignal<number | null> = this.#msPerStep;
  readonly canStart: ReadonlySignal<boolean> = computed(
    () =>
      this.#state.value === "idle" &&
      this.#saved.value === null &&
      this.session.state.value === "ready" &&
      this.session.heldBy.value === null,
  );

  /**
   * @param name under which the engine keeps the run.
   * @param holder what other parts of the page are told while it goes on.
   */
  constructor(
    private readonly session: Session,
    readonly name: string,
    private readonly holder: Holder = "training",
  ) {}

  /** Looks for what an earlier visit or another tab left, and shows it. */
  async look(): Promise<void> {
    clearTimeout(this.#look);
    const kit = this.session.kit.peek();
    if (!kit || this.#state.peek() !== "idle") return;
    try {
      const saved = await kit.savedRun(this.name);
      if (this.#state.peek() !== "idle") return; // one was started meanwhile
      this.#saved.value = saved && !saved.record ? saved : null;
      if (saved) this.#showSaved(saved);
      // Another tab's run is followed from afar.
      if (saved?.inUse) this.#look = setTimeout(() => void this.look(), 3000);
    } catch (error) {
      batch(() => {
        this.#saved.value = null;
        this.#problem.value = error;
      });
    }
  }

  /** Memory and time of a run before it starts; `probe` tries two steps and takes them back. */
  async makePlan(
    recipe: RunRecipe,
    { probe = false, signal: aborted }: { probe?: boolean; signal?: AbortSignal } = {},
  ): Promise<RunPlan> {
    const release = this.session.hold(this.holder);
    this.#state.value = "planning";
    try {
      const policy = await this.session.fresh(recipe);
      const plan = await policy.plan(recipe, { probe, signal: aborted });
      this.#plan.value = plan;
      return plan;
    } finally {
      this.#state.value = "idle";
      release();
    }
  }

  /** Runs a recipe from the beginning. Resolves when the run has ended; trouble is in {@link problem}. */
  async start(recipe: RunRecipe): Promise<void> {
    if (this.#state.peek() === "idle" && !this.#saved.peek()) await this.#train(recipe, null);
  }

  /** Goes on with the run that was saved. */
  async goOn(): Promise<void> {
    const saved = this.#saved.peek();
    if (this.#state.peek() === "idle" && saved) await this.#train(saved.recipe, saved);
  }

  /** Deletes the run that was saved. */
  async discard(): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    try {
      await this.session.kit.peek()?.discardRun(this.name);
      this.#clear(null);
      this.#saved.value = null;
    } catch (error) {
      this.#problem.value = error;
    }
    await this.look();
  }

  /** Puts the weights of the finished run that is shown into the policy in use. */
  async useTrained(): Promise<void> {
    const record = this.#record.peek();
    if (!record || this.#state.peek() !== "idle") return;
    this.#problem.value = null;
    try {
      const policy = await this.session.fresh(record.recipe);
      const files = await this.#adapter();
      if (files) await policy.importAdapter(files);
      if (files) this.session.noteTrained(record.steps, () => this.#adapter());
    } catch (error) {
      this.#problem.value = error;
    }
  }

  pause(): void {
    if (this.#state.peek() !== "running") return;
    this.#state.value = "pausing";
    void this.#obey();
  }

  resume(): void {
    if (this.#state.peek() !== "paused") return;
    this.#state.value = "running";
    this.#ignoreLoss(this.#training?.resume());
  }

  stop(): void {
    if (["idle", "planning", "stopping"].includes(this.#state.peek())) return;
    this.#state.value = "stopping";
    void this.#obey();
  }

  /** Saves the run where it stands; the key of the checkpoint, or null where there is nothing to save. */
  async checkpoint(): Promise<string | null> {
    return (await this.#training?.checkpoint()) ?? null;
  }

  /** A file of the run, such as run.json; null when it has none of this name. */
  async file(name: string): Promise<Uint8Array | null> {
    return (await this.session.kit.peek()?.runFile(this.name, name)) ?? null;
  }

  /** The groups of a step, from 0: from memory, or from the run's folder. Empty where neither has them. */
  async groupsOf(step: number): Promise<readonly GroupRecord[]> {
    const known = this.#groups.peek().get(step);
    if (known) return known;
    const recipe = this.#recipe.peek();
    if (!recipe || "sft" in recipe) return [];
    const bytes = await this.file("rollouts.jsonl");
    return bytes ? groupsOfStep(bytes, step, recipe.grpo.numGenerations) : [];
  }

  async #adapter(): Promise<ReadonlyMap<string, Uint8Array> | null> {
    const files = new Map<string, Uint8Array>();
    for (const name of adapterFiles) {
      const bytes = await this.file(name);
      if (!bytes) return null;
      files.set(name, bytes);
    }
    return files;
  }

  #clear(recipe: RunRecipe | null): void {
    this.#clock = new RunClock();
    batch(() => {
      this.#recipe.value = recipe;
      this.#steps.value = [];
      this.#groups.value = new Map();
      this.#plan.value = this.#record.value = this.#before.value = this.#after.value = null;
      this.#evaluating.value = this.#msLeft.value = this.#msPerStep.value = null;
      this.#note.value = this.#warning.value = "";
      this.#problem.value = null;
      this.#status.value = "Not started.";
    });
  }

  #showSaved({ recipe, steps, record, before, after }: SavedRun): void {
    batch(() => {
      // What this visit has seen of it stays: its groups are in memory.
      if (this.#recipe.peek() === null || this.#saved.peek()?.inUse) {
        this.#recipe.value = recipe;
        this.#steps.value = fromRecorded(record?.metrics ?? steps);
        this.#before.value = before;
        this.#after.value = after;
      }
      if (record && this.#record.peek()?.weightsSha256 !== record.weightsSha256) {
        this.#record.value = record;
        this.#status.value = `The last run finished ${record.steps} steps. The policy that answers is the one before it.`;
      }
    });
  }

  /** @param saved the run to go on with; null for a new one. */
  async #train(recipe: RunRecipe, saved: SavedRun | null): Promise<void> {
    let release: () => void;
    try {
      release = this.session.hold(this.holder);
    } catch (error) {
      this.#problem.value = error;
      return;
    }
    this.#clear(recipe);
    batch(() => {
      this.#saved.value = null;
      this.#state.value = "running";
      this.#status.value = "Starting… (the first step compiles the shaders)";
    });
    const earlier = saved?.steps ?? [];
    let finished = false;
    try {
      finished = await this.#untilEnd(recipe, earlier, saved !== null);
    } catch (error) {
      batch(() => {
        this.#status.value = `Ended by an error after step ${this.done.peek()}.`;
        this.#problem.value = error;
      });
    } finally {
      this.#training = undefined;
      batch(() => {
        this.#state.value = "idle";
        this.#phase.value = this.#evaluating.value = this.#msLeft.value = null;
      });
      const steps = this.done.peek();
      if (steps > 0) this.session.noteTrained(steps, finished ? () => this.#adapter() : null);
      release();
      await this.look();
    }
  }

  /** Follows the run; when the GPU is lost, it goes on from its last checkpoint on the next one. True: all was saved. */
  async #untilEnd(recipe: RunRecipe, earlier: readonly RecordedStep[], resume: boolean): Promise<boolean> {
    let known = earlier;
    for (let again = resume; ; again = true) {
      let policy: RemotePolicy | null = this.session.policy.peek();
      try {
        policy = await this.session.fresh(recipe);
        this.session.noteTrained(this.done.peek(), null);
        this.#training = policy.train(recipe, { name: this.name, resume: again });
        void this.#obey();
        let complete = false;
        for await (const event of this.#training) {
          this.#take(event, known);
          complete = event.type === "finished" || event.type === "done";
        }
        return complete;
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        this.#training = undefined;
        const wished = this.#state.peek();
        if (wished === "stopping") throw error;
        batch(() => {
          this.#state.value = "recovering";
          this.#status.value = `The GPU was lost after step ${this.done.peek()}. Starting again from the last checkpoint…`;
          this.#phase.value = this.#evaluating.value = null;
        });
        await this.session.ready({ after: policy });
        const now: RunState = this.#state.peek(); // it may have been stopped meanwhile
        if (now === "stopping") throw error;
        this.#state.value = wished === "paused" || wished === "pausing" ? "pausing" : "running";
        known = this.#steps.peek().map(({ step, metrics }) => ({ step, digest: "", wallMs: 0, ...metrics }));
      }
    }
  }

  /** What was wished for before the run could be told, or now. */
  async #obey(): Promise<void> {
    const training = this.#training;
    if (!training) return; // it is being started, and then does as it is told
    const state = this.#state.peek();
    if (state === "stopping") this.#ignoreLoss(training.stop());
    if (state !== "pausing") return;
    try {
      await training.pause();
    } catch {
      return; // what ended the run is told where its events are read
    }
    if (this.#state.peek() !== "pausing" || this.#training !== training) return; // it ended, or was stopped
    batch(() => {
      this.#state.value = "paused";
      this.#status.value = `Paused after step ${this.done.peek()} of ${this.planned.peek()}.`;
    });
  }

  /** Whoever reads the events hears of what went wrong. */
  #ignoreLoss(told: Promise<void> | undefined): void {
    void told?.catch(() => undefined);
  }

  #take(event: EngineRunEvent, earlier: readonly RecordedStep[]): void {
    batch(() => this.#show(event, earlier));
  }

  #show(event: EngineRunEvent, earlier: readonly RecordedStep[]): void {
    const planned = this.planned.peek();
    const running = this.#state.peek() === "running";
    switch (event.type) {
      case "unkept":
        this.#note.value = `This run is kept in memory only, and lost when the tab is closed: ${event.reason}.`;
        break;
      case "resumed":
        this.#steps.value = fromRecorded(earlier.slice(0, event.step));
        if (running) this.#status.value = `Going on after step ${event.step} of ${planned}…`;
        if (event.torn.length > 0) this.#note.value = `Torn and passed over: ${event.torn.join(", ")}.`;
        break;
      case "plan":
        this.#plan.value = {
          stepMs: null,
          expectedMs: null,
          ...this.#plan.peek(),
          steps: event.steps,
          budget: event.budget,
        };
        break;
      case "evaluating": {
        const { when, done, total } = event;
        this.#clock.evaluating(done, total);
        this.#evaluating.value = { when, share: done / total };
        this.#phase.value = "evaluate";
        if (running) this.#status.value = evaluationWords(when, done, total);
        break;
      }
      case "evaluation":
        if (event.when === "before") this.#before.value = event.evaluation;
        else this.#after.value = event.evaluation;
        this.#evaluating.value = null;
        break;
      case "phase":
        this.#phase.value = event.phase;
        if (event.phase === "rollout") this.#warning.value = ""; // it was of the step before
        break;
      case "rollouts":
        this.#keep(event.step, event.groups);
        break;
      case "step": {
        this.#clock.step((event.metrics.step_time ?? 0) * 1000);
        this.#steps.value = [...this.#steps.peek(), { step: event.step, metrics: event.metrics }];
        this.#msPerStep.value = this.#clock.stepMs;
        this.#msLeft.value = this.#clock.left(planned - event.step - 1);
        this.#status.value = stepWords(event.step + 1, planned, event.metrics, this.#msLeft.peek());
        break;
      }
      case "warning":
        this.#warning.value = `Step ${event.step + 1}: ${event.message}.`;
        break;
      case "done":
        this.#status.value = `Stopped after step ${event.step} of ${planned}. What was done is saved.`;
        break;
      case "finished":
        this.#steps.value = fromRecorded(event.record.metrics);
        this.#record.value = event.record;
        this.#before.value = event.before;
        this.#after.value = event.after;
        this.#status.value = `Finished ${event.step} steps. The policy that answers is the trained one.`;
        break;
      case "saved":
        break;
    }
  }

  /** Keeps the groups of the newest steps. */
  #keep(step: number, groups: readonly GroupRecord[]): void {
    const kept = [...this.#groups.peek()].filter(([known]) => known !== step && known > step - stepsKept);
    this.#groups.value = new Map([...kept, [step, groups]]);
  }
}

function fromRecorded(steps: readonly RecordedStep[]): StepMetrics[] {
  return steps.map((recorded) => ({ step: recorded.step, metrics: metricsOf(recorded) }));
}

/** The page's own. */
export const run = new RunStore(session, "page");
