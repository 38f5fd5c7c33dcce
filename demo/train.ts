/** Train: a recipe, a run's controls, and going on with a run that an earlier visit of the page began. */
import type {
  EngineRunEvent,
  RecordedStep,
  RemotePolicy,
  RunRecipe,
  SavedRun,
  Thinktab,
  TrainingRun,
} from "../workers/client.ts";
import { element } from "./dom.ts";
import { showProblem } from "./problems.ts";
import { RecipeForm } from "./recipe-form.ts";
import { ResultView } from "./result-view.ts";
import { RunView } from "./run-view.ts";
import type { Metrics } from "./run-view.ts";

type RunState = "idle" | "running" | "pausing" | "paused" | "stopping";

/** The page keeps one run. */
const runName = "page";

const ui = {
  form: element("train-form", HTMLFormElement),
  start: element("start", HTMLButtonElement),
  pause: element("pause", HTMLButtonElement),
  resume: element("resume", HTMLButtonElement),
  stop: element("stop-training", HTMLButtonElement),
  saved: element("saved-run", HTMLElement),
  savedText: element("saved-run-text", HTMLElement),
  goOn: element("go-on", HTMLButtonElement),
  discard: element("discard", HTMLButtonElement),
  status: element("training-status", HTMLElement),
  phase: element("phase", HTMLElement),
  note: element("train-note", HTMLElement),
  warning: element("train-warning", HTMLElement),
  error: element("train-error", HTMLElement),
};

const phases = {
  rollout: "generating answers…",
  reward: "computing rewards…",
  train: "updating the weights…",
};

/** What the panel needs of the page around it. */
export interface TrainHost {
  /** The name of the policy in use, as recipes and run records have it. */
  readonly model: string;
  /** The policy as the recipe wants it: untrained, with its adapter. Loads it anew where that is needed. */
  fresh(recipe: RunRecipe): Promise<RemotePolicy>;
  /** Called when a run starts and when it has ended, with the steps that the policy has had. */
  running(running: boolean, trained: number): void;
}

export class TrainPanel {
  readonly #form = new RecipeForm();
  readonly #view = new RunView();
  readonly #result = new ResultView(runName, (error) => showProblem(ui.error, error));
  #kit: Thinktab | undefined;
  #run: TrainingRun | undefined;
  #state: RunState = "idle";
  /** A run that can go on. */
  #saved: SavedRun | undefined;

  constructor(private readonly host: TrainHost) {
    ui.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#start();
    });
    ui.goOn.addEventListener("click", () => void this.#goOn());
    ui.discard.addEventListener("click", () => void this.#discard());
    ui.pause.addEventListener("click", () => void this.#pause());
    ui.resume.addEventListener("click", () => {
      void this.#run?.resume();
      this.#enter("running");
    });
    ui.stop.addEventListener("click", () => {
      void this.#run?.stop();
      this.#enter("stopping");
    });
  }

  /** The engine, once a policy is loaded; undefined when it is lost. Looks for what an earlier visit left. */
  async use(kit: Thinktab | undefined): Promise<void> {
    this.#kit = kit;
    this.#enter("idle");
    if (!kit) return;
    showProblem(ui.error);
    ui.note.textContent = ui.warning.textContent = "";
    ui.status.textContent = "Not started.";
    this.#view.begin(undefined);
    this.#result.hide();
    await this.#look(true);
  }

  /** Offers to go on with a run that did not end; with `show`, shows one that did. */
  async #look(show: boolean): Promise<void> {
    const kit = this.#kit;
    if (!kit) return;
    try {
      const saved = await kit.savedRun(runName);
      this.#saved = saved && !saved.record ? saved : undefined;
      if (saved?.record && show) {
        const { record, before, after, recipe } = saved;
        this.#view.begin(recipe);
        this.#view.finish(metricsOf(record.metrics));
        this.#result.show({ record, before, after }, kit);
        ui.status.textContent = `The last run finished ${record.steps} steps. The policy that answers is the one before it.`;
      }
    } catch (error) {
      this.#saved = undefined;
      showProblem(ui.error, error);
    }
    this.#offer();
    this.#enter(this.#state);
  }

  #offer(): void {
    ui.saved.hidden = this.#saved === undefined || this.#state !== "idle";
    if (!this.#saved) return;
    const { steps, recipe, inUse } = this.#saved;
    const { steps: planned, seed } = recipe.grpo;
    const where =
      steps.length > 0 ? `after step ${steps.length} of ${planned}` : `before its first step of ${planned}`;
    ui.savedText.textContent = inUse
      ? `A run of ${recipe.model} with seed ${seed} is going on in another tab, ${where}.`
      : `A run of ${recipe.model} with seed ${seed} was left ${where}. Going on from there gives the same weights as if it had not been interrupted.`;
    ui.goOn.textContent = steps.length > 0 ? `Go on from step ${steps.length}` : "Go on";
  }

  async #discard(): Promise<void> {
    try {
      await this.#kit?.discardRun(runName);
      showProblem(ui.error);
    } catch (error) {
      showProblem(ui.error, error);
    }
    await this.#look(false);
  }

  #enter(state: RunState): void {
    this.#state = state;
    ui.start.disabled = state !== "idle" || !this.#kit || this.#saved !== undefined;
    ui.pause.disabled = state !== "running";
    ui.resume.disabled = state !== "paused";
    ui.stop.disabled = state === "idle" || state === "stopping";
    ui.phase.textContent = state === "pausing" || state === "stopping" ? "finishing what was begun…" : "";
  }

  async #pause(): Promise<void> {
    this.#enter("pausing");
    if (!this.#run) return; // it is being started, and then does as it is told
    await this.#run.pause();
    if (this.#state !== "pausing") return; // the run ended, or was stopped meanwhile
    this.#enter("paused");
    ui.status.textContent = `Paused after step ${this.#view.done} of ${this.#view.planned}.`;
  }

  async #start(): Promise<void> {
    if (this.#state !== "idle" || this.#saved) return;
    showProblem(ui.error);
    try {
      const recipe = this.#form.read(this.host.model);
      await this.#train(recipe, undefined);
    } catch (error) {
      showProblem(ui.error, error);
    }
  }

  async #goOn(): Promise<void> {
    const saved = this.#saved;
    if (this.#state !== "idle" || !saved) return;
    showProblem(ui.error);
    const { model } = saved.recipe;
    if (model !== this.host.model) {
      ui.note.textContent = `The run is of the policy ${model}: open that one first.`;
      return;
    }
    await this.#train(saved.recipe, saved.steps);
  }

  /** @param earlier the steps of the run to go on with; undefined for a run from the beginning. */
  async #train(recipe: RunRecipe, earlier: readonly RecordedStep[] | undefined): Promise<void> {
    ui.note.textContent = ui.warning.textContent = "";
    ui.saved.hidden = true;
    this.#enter("running");
    this.host.running(true, 0);
    this.#result.hide();
    this.#view.begin(recipe);
    ui.status.textContent = "Starting… (the first step compiles the shaders)";
    try {
      const policy = await this.host.fresh(recipe);
      this.#run = await policy.train(recipe, { name: runName, resume: earlier !== undefined });
      this.#obey();
      for await (const event of this.#run) this.#show(event, earlier ?? []);
    } catch (error) {
      ui.status.textContent = `Ended by an error after step ${this.#view.done}.`;
      showProblem(ui.error, error);
    } finally {
      this.#run = undefined;
      this.#enter("idle");
      this.host.running(false, this.#view.done);
      await this.#look(false);
    }
  }

  /** What was clicked before the run had started. */
  #obey(): void {
    if (this.#state === "pausing") void this.#pause();
    if (this.#state === "stopping") void this.#run?.stop();
  }

  #show(event: EngineRunEvent, earlier: readonly RecordedStep[]): void {
    const { planned } = this.#view;
    switch (event.type) {
      case "unkept":
        ui.note.textContent = `This run is kept in memory only, and lost when the tab is closed: ${event.reason}.`;
        break;
      case "resumed":
        this.#view.restore(metricsOf(earlier.slice(0, event.step)));
        ui.status.textContent = `Going on after step ${event.step} of ${planned}…`;
        if (event.torn.length > 0) ui.note.textContent = `Torn and passed over: ${event.torn.join(", ")}.`;
        break;
      case "plan":
        this.#view.budget(event.budget);
        break;
      case "evaluating":
        this.#view.evaluating(event);
        if (this.#state !== "running") break;
        ui.phase.textContent = "";
        ui.status.textContent = `Evaluating ${event.when} the run: ${event.done} of ${event.total} held-out scenes.`;
        break;
      case "phase":
        if (this.#state === "running") ui.phase.textContent = phases[event.phase];
        if (event.phase === "rollout") ui.warning.textContent = ""; // it was of the step before
        break;
      case "rollouts":
        this.#view.rollouts(event);
        break;
      case "step": {
        this.#view.step(event.step, event.metrics);
        const left = this.#view.left;
        ui.status.textContent = `Step ${event.step + 1} of ${planned}: reward ${event.metrics.reward?.toFixed(3) ?? "none"}${left && `, ${left}`}.`;
        break;
      }
      case "warning":
        ui.warning.textContent = `Step ${event.step + 1}: ${event.message}.`;
        break;
      case "done":
        ui.status.textContent = `Stopped after step ${event.step} of ${planned}. What was done is saved.`;
        break;
      case "finished":
        ui.status.textContent = `Finished ${event.step} steps. The policy that answers is the trained one.`;
        this.#view.finish(metricsOf(event.record.metrics));
        if (this.#kit) this.#result.show(event, this.#kit);
        break;
      case "evaluation":
      case "saved":
        break;
    }
  }
}

/** Recorded steps as the view takes them; what is no number is no metric. */
function metricsOf(steps: readonly RecordedStep[]): { step: number; metrics: Metrics }[] {
  return steps.map((recorded) => {
    const numbers = Object.entries(recorded).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number",
    );
    return { step: recorded.step, metrics: Object.fromEntries(numbers) };
  });
}
