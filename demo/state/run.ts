/** A training run of the page's: started, held, gone on with, also when the GPU is lost meanwhile. */
import { batch, computed } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { DeviceLostError } from "../../workers/client.ts";
import type {
  RecordedStep,
  RemotePolicy,
  RunPlan,
  RunRecipe,
  SavedRun,
  TrainingRun,
} from "../../workers/client.ts";
import { lacking, withOpenRecords } from "./open-records.ts";
import { groupsOfStep } from "./rollout-file.ts";
import { RunFollower } from "./run-follower.ts";
import type { RunState } from "./run-follower.ts";
import { lastRunWords } from "./run-words.ts";
import { session } from "./session.ts";
import type { Holder, Session } from "./session.ts";
import type { GroupRecord } from "../../workers/client.ts";

export type { RunState, StepMetrics } from "./run-follower.ts";

/** Files of a finished run's adapter. */
const adapterFiles = ["adapter_model.safetensors", "adapter_config.json"];

/** Until it is looked again for what another tab does, or what an engine that starts has kept. */
const lookAgainMs = 3000;

/** How a run ended: to its end, before it, or with its weights lost. */
type Ending = "whole" | "part" | "lost";

export class RunStore extends RunFollower {
  #training: TrainingRun | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;

  /** Whether a new run may begin. */
  readonly canStart: ReadonlySignal<boolean> = computed(
    () =>
      this.now.state.value === "idle" &&
      this.now.saved.value === null &&
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
  ) {
    super();
  }

  /** Looks for what an earlier visit or another tab left, and shows it. */
  async look(): Promise<void> {
    clearTimeout(this.#look);
    if (this.now.state.peek() !== "idle") return;
    const lookAgain = () => (this.#look = setTimeout(() => void this.look(), lookAgainMs));
    const kit = this.session.kit.peek();
    if (!kit) {
      lookAgain(); // it is being started
      return;
    }
    try {
      const saved = await kit.savedRun(this.name);
      if (this.now.state.peek() !== "idle") return; // one was started meanwhile
      this.now.saved.value = saved && !saved.record ? saved : null;
      if (saved) this.showSaved(saved, this.session.trainedSteps.peek() > 0);
      // Another tab's run is followed from afar.
      if (saved?.inUse) lookAgain();
    } catch (error) {
      batch(() => {
        this.now.saved.value = null;
        this.now.problem.value = error;
      });
    }
  }

  /** Memory and time of a run before it starts; `probe` tries two steps and takes them back. */
  async makePlan(
    recipe: RunRecipe,
    { probe = false, signal: aborted }: { probe?: boolean; signal?: AbortSignal } = {},
  ): Promise<RunPlan> {
    const release = this.session.hold(this.holder);
    this.now.state.value = "planning";
    try {
      const policy = await this.session.fresh(recipe);
      const plan = await policy.plan(recipe, { probe, signal: aborted });
      this.now.plan.value = plan;
      return plan;
    } finally {
      this.now.state.value = "idle";
      release();
    }
  }

  /**
   * Runs a recipe from the beginning, unless a run is saved: another tab may have left one.
   * Resolves when the run has ended; trouble is in {@link problem}.
   */
  async start(recipe: RunRecipe): Promise<void> {
    await this.look();
    if (this.now.state.peek() === "idle" && !this.now.saved.peek()) await this.#train(recipe, null);
  }

  /** Goes on with the run that was saved; records that it trains on have to be open. */
  async goOn(): Promise<void> {
    const saved = this.now.saved.peek();
    if (this.now.state.peek() !== "idle" || !saved) return;
    await this.#train(withOpenRecords(saved.recipe), saved);
  }

  /** Names of files that the saved run trains on, and that are not at hand. */
  readonly lacking: ReadonlySignal<readonly string[]> = computed(() => {
    const saved = this.now.saved.value;
    return saved ? lacking(withOpenRecords(saved.recipe).task) : [];
  });

  /** Deletes the run that was saved. */
  async discard(): Promise<void> {
    if (this.now.state.peek() !== "idle") return;
    try {
      await this.session.kit.peek()?.discardRun(this.name);
      this.clear(null);
      this.now.saved.value = null;
    } catch (error) {
      this.now.problem.value = error;
    }
    await this.look();
  }

  /** Puts the weights of the finished run that is shown into the policy in use. */
  async useTrained(): Promise<void> {
    const record = this.now.record.peek();
    if (!record || this.now.state.peek() !== "idle") return;
    this.now.problem.value = null;
    let release: (() => void) | undefined;
    try {
      release = this.session.hold(this.holder);
      await this.session.ready();
      const files = await this.#adapter();
      if (!files) {
        this.now.status.value = "The weights of the last run are not kept any more.";
        return;
      }
      const policy = await this.session.fresh(record.recipe);
      await policy.importAdapter(files);
      this.session.noteTrained(record.steps, () => this.#adapter(), record.weightsSha256);
      this.now.status.value = lastRunWords(record.steps, true);
    } catch (error) {
      this.now.problem.value = error;
    } finally {
      release?.();
    }
  }

  pause(): void {
    if (this.now.state.peek() !== "running") return;
    this.now.state.value = "pausing";
    void this.#obey();
  }

  resume(): void {
    if (this.now.state.peek() !== "paused") return;
    this.now.state.value = "running";
    this.#ignoreLoss(this.#training?.resume());
  }

  stop(): void {
    if (["idle", "planning", "stopping"].includes(this.now.state.peek())) return;
    this.now.state.value = "stopping";
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
    const known = this.now.groups.peek().get(step);
    if (known) return known;
    const recipe = this.now.recipe.peek();
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

  /** @param saved the run to go on with; null for a new one. */
  async #train(recipe: RunRecipe, saved: SavedRun | null): Promise<void> {
    let release: () => void;
    try {
      release = this.session.hold(this.holder);
    } catch (error) {
      this.now.problem.value = error;
      return;
    }
    this.clear(recipe);
    batch(() => {
      this.now.saved.value = null;
      this.now.state.value = "running";
      this.now.status.value = "Starting… (the first step compiles the shaders)";
    });
    const earlier = saved?.steps ?? [];
    let ending: Ending = "part";
    try {
      ending = await this.#untilEnd(recipe, earlier, saved !== null);
    } catch (error) {
      batch(() => {
        this.now.status.value = `Ended by an error after step ${this.done.peek()}.`;
        this.now.problem.value = error;
      });
    } finally {
      this.#training = undefined;
      batch(() => {
        this.now.state.value = "idle";
        this.now.phase.value = this.now.evaluating.value = this.now.msLeft.value = null;
      });
      const steps = this.done.peek();
      if (ending === "lost") this.session.noteTrained(0, null);
      else if (steps > 0 && ending === "whole")
        this.session.noteTrained(steps, () => this.#adapter(), this.now.record.peek()?.weightsSha256);
      else if (steps > 0) this.session.noteTrained(steps, null);
      release();
      await this.look();
    }
  }

  /** Follows the run; when the GPU is lost, it goes on from its last checkpoint on the next one. */
  async #untilEnd(recipe: RunRecipe, earlier: readonly RecordedStep[], resume: boolean): Promise<Ending> {
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
          this.take(event, known);
          complete = event.type === "finished" || event.type === "done";
        }
        return complete ? "whole" : "part";
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        this.#training = undefined;
        const wished = this.now.state.peek();
        if (wished === "stopping") return this.#stopLost();
        batch(() => {
          this.now.state.value = "recovering";
          this.now.status.value = `The GPU was lost after step ${this.done.peek()}. Starting again from the last checkpoint…`;
          this.now.phase.value = this.now.evaluating.value = null;
        });
        await this.session.ready({ after: policy });
        const now: RunState = this.now.state.peek(); // it may have been stopped meanwhile
        if (now === "stopping") return this.#stopLost();
        this.now.state.value = wished === "paused" || wished === "pausing" ? "pausing" : "running";
        known = this.now.steps
          .peek()
          .map(({ step, metrics }) => ({ step, digest: "", wallMs: 0, ...metrics }));
      }
    }
  }

  /** It was stopped, and the GPU lost before the run could obey. */
  #stopLost(): Ending {
    this.now.status.value = `Stopped after step ${this.done.peek()} of ${this.planned.peek()}, when the GPU was lost. What the last checkpoint has is saved.`;
    return "lost";
  }

  /** What was wished for before the run could be told, or now. */
  async #obey(): Promise<void> {
    const training = this.#training;
    if (!training) return; // it is being started, and then does as it is told
    const state = this.now.state.peek();
    if (state === "stopping") this.#ignoreLoss(training.stop());
    if (state !== "pausing") return;
    try {
      await training.pause();
    } catch {
      return; // what ended the run is told where its events are read
    }
    if (this.now.state.peek() !== "pausing" || this.#training !== training) return; // it ended, or was stopped
    batch(() => {
      this.now.state.value = "paused";
      this.now.status.value = `Paused after step ${this.done.peek()} of ${this.planned.peek()}.`;
    });
  }

  /** Whoever reads the events hears of what went wrong. */
  #ignoreLoss(told: Promise<void> | undefined): void {
    void told?.catch(() => undefined);
  }
}

/** The page's own. */
export const run = new RunStore(session, "page");
