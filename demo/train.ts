/** Train: a run's options, its controls, and what can be seen of it while it goes on. */
import type { RecipeOptions, RemotePolicy, TaskSpec, TrainEvent, TrainingRun } from "../workers/client.ts";
import { drawChart } from "./chart.ts";
import type { Point } from "./chart.ts";
import { element, make, numberIn, showBytes, visible } from "./dom.ts";
import { showProblem } from "./problems.ts";

type RunState = "idle" | "running" | "pausing" | "paused" | "stopping";
type Rollouts = Extract<TrainEvent, { type: "rollouts" }>;

const ui = {
  form: element("train-form", HTMLFormElement),
  start: element("start", HTMLButtonElement),
  pause: element("pause", HTMLButtonElement),
  resume: element("resume", HTMLButtonElement),
  stop: element("stop-training", HTMLButtonElement),
  status: element("training-status", HTMLElement),
  phase: element("phase", HTMLElement),
  warning: element("train-warning", HTMLElement),
  error: element("train-error", HTMLElement),
  chart: element("chart", SVGSVGElement),
  numbers: element("numbers", HTMLElement),
  rollouts: element("rollouts", HTMLElement),
  planRows: element("plan-rows", HTMLElement),
  planNote: element("plan-note", HTMLElement),
};

const phases = {
  rollout: "generating answers…",
  reward: "computing rewards…",
  train: "updating the weights…",
};

/** The numbers of a step that are shown, under the names of TRL. */
const shown: [label: string, key: string, show: (value: number) => string][] = [
  ["Reward", "reward", (value) => value.toFixed(3)],
  ["Reward std", "reward_std", (value) => value.toFixed(3)],
  ["Flat groups", "frac_reward_zero_std", (value) => `${Math.round(value * 100)}%`],
  ["Entropy", "entropy", (value) => `${value.toFixed(2)} nats`],
  ["KL to start", "kl", (value) => value.toFixed(4)],
  ["Gradient norm", "grad_norm", (value) => value.toPrecision(3)],
  ["Tokens / second", "tokens_per_second", (value) => value.toFixed(0)],
  ["Whole step", "step_time", seconds],
  ["Generating", "timing_s/rollout", seconds],
  ["Rewarding", "timing_s/reward", seconds],
  ["Updating", "timing_s/train", seconds],
];

export class TrainPanel {
  #policy: RemotePolicy | undefined;
  #run: TrainingRun | undefined;
  #state: RunState = "idle";
  #points: Point[] = [];
  #steps = 0;
  #stepSeconds = 0;
  #trained = 0;

  constructor(
    private readonly task: TaskSpec,
    /** Called when a run starts and when it has ended, with the steps that this policy has had in all. */
    private readonly onRunning: (running: boolean, trained: number) => void,
  ) {
    ui.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#train();
    });
    ui.pause.addEventListener("click", () => void this.#pause());
    ui.resume.addEventListener("click", () => {
      void this.#run?.resume();
      this.#enter("running");
    });
    ui.stop.addEventListener("click", () => {
      void this.#run?.stop();
      this.#enter("stopping");
    });
    new ResizeObserver(() => drawChart(ui.chart, this.#points, this.#planned)).observe(ui.chart);
  }

  /** Another policy: what was seen of the last one's run is cleared away. */
  use(policy: RemotePolicy | undefined): void {
    this.#policy = policy;
    this.#points = [];
    this.#steps = 0;
    ui.numbers.replaceChildren();
    ui.planRows.replaceChildren();
    ui.rollouts.replaceChildren(
      make("p", { class: "note" }, "They appear here when a step has been rewarded."),
    );
    if (policy) ui.status.textContent = "Not started.";
    showProblem(ui.error);
    ui.warning.textContent = "";
    this.#trained = 0;
    this.#enter("idle");
    drawChart(ui.chart, this.#points, this.#planned);
  }

  /** Ends the run, if one goes on. */
  async stop(): Promise<void> {
    await this.#run?.stop();
  }

  get #planned(): number {
    return this.#steps > 0 ? this.#steps : numberIn("steps") || 40;
  }

  #enter(state: RunState): void {
    this.#state = state;
    ui.start.disabled = state !== "idle" || !this.#policy;
    ui.pause.disabled = state !== "running";
    ui.resume.disabled = state !== "paused";
    ui.stop.disabled = state === "idle" || state === "stopping";
    ui.phase.textContent = state === "pausing" || state === "stopping" ? "finishing what was begun…" : "";
  }

  async #pause(): Promise<void> {
    this.#enter("pausing");
    await this.#run?.pause();
    if (this.#state !== "pausing") return; // the run ended, or was stopped meanwhile
    this.#enter("paused");
    ui.status.textContent = `Paused after step ${this.#done} of ${this.#steps}.`;
  }

  get #done(): number {
    return this.#points.at(-1)?.step ?? 0;
  }

  async #train(): Promise<void> {
    const policy = this.#policy;
    if (!policy || this.#state !== "idle") return;
    showProblem(ui.error);
    ui.warning.textContent = "";
    const recipe: RecipeOptions = {
      steps: numberIn("steps"),
      promptsPerStep: numberIn("prompts"),
      numGenerations: numberIn("group"),
      maxCompletionLength: numberIn("length"),
      learningRate: numberIn("learning-rate"),
      seed: numberIn("train-seed"),
    };
    this.#enter("running");
    this.onRunning(true, this.#trained);
    ui.status.textContent = "Starting… (the first step compiles the shaders)";
    try {
      this.#run = await policy.train(this.task, recipe);
      this.#steps = numberIn("steps");
      for await (const event of this.#run) this.#show(event);
    } catch (error) {
      ui.status.textContent = `Ended by an error after step ${this.#done}.`;
      showProblem(ui.error, error);
    } finally {
      this.#run = undefined;
      this.#enter("idle");
      this.onRunning(false, this.#trained);
    }
  }

  #show(event: TrainEvent): void {
    switch (event.type) {
      case "plan":
        this.#showPlan(event.budget);
        break;
      case "phase":
        if (this.#state === "running") ui.phase.textContent = phases[event.phase];
        break;
      case "rollouts":
        this.#showRollouts(event);
        break;
      case "step":
        this.#showStep(event.step, event.metrics);
        break;
      case "warning":
        ui.warning.textContent = `Step ${event.step + 1}: ${event.message}.`;
        break;
      case "done":
        ui.status.textContent =
          event.reason === "finished"
            ? `Finished ${event.step} steps. The policy that answers is the trained one.`
            : `Stopped after step ${event.step} of ${this.#steps}. “Start training” goes on from there.`;
    }
  }

  #showStep(step: number, metrics: Record<string, number>): void {
    const done = step + 1;
    this.#trained++;
    if (step === 0) this.#points = []; // a run of its own, not one that goes on
    if (metrics.reward !== undefined) {
      this.#points.push({ step: done, mean: metrics.reward, std: metrics.reward_std ?? 0 });
    }
    drawChart(ui.chart, this.#points, this.#planned);
    ui.numbers.replaceChildren(
      ...shown.flatMap(([label, key, show]) =>
        metrics[key] === undefined
          ? []
          : [make("div", { title: key }, make("dt", {}, label), make("dd", {}, show(metrics[key])))],
      ),
    );
    // The first step compiles: it says nothing of how long the others take.
    const time = metrics.step_time ?? 0;
    this.#stepSeconds = done <= 2 || this.#stepSeconds === 0 ? time : 0.8 * this.#stepSeconds + 0.2 * time;
    const left = this.#steps - done;
    const estimate = done > 1 && left > 0 ? `, about ${duration(left * this.#stepSeconds)} left` : "";
    ui.status.textContent = `Step ${done} of ${this.#steps}: reward ${metrics.reward?.toFixed(3) ?? "none"}${estimate}.`;
  }

  #showPlan(budget: readonly (readonly [name: string, bytes: number])[]): void {
    const total = budget.reduce((sum, [, bytes]) => sum + bytes, 0);
    const row = (name: string, bytes: number) =>
      make("tr", {}, make("td", {}, name), make("td", {}, showBytes(bytes)));
    const last = row("Together", total);
    last.className = "total";
    ui.planRows.replaceChildren(...budget.map(([name, bytes]) => row(name, bytes)), last);
    ui.planNote.textContent = "GPU memory of the run, by purpose.";
  }

  #showRollouts({ groups }: Rollouts): void {
    ui.rollouts.replaceChildren(
      ...groups.slice(0, 2).map(({ prompt, rollouts }) => {
        const sorted = [...rollouts].sort((a, b) => (b.reward ?? -1) - (a.reward ?? -1));
        const lines = sorted.map(({ reward, text }) =>
          make(
            "li",
            { title: text },
            make("span", { class: "reward" }, reward === null ? "none" : reward.toFixed(2)),
            make("span", {}, visible(text).replaceAll("\n", "␊")),
          ),
        );
        return make("div", {}, make("h4", {}, promptLine(prompt)), make("ol", {}, ...lines));
      }),
    );
  }
}

/** The user's words of a rendered prompt, without the template around them. */
function promptLine(prompt: string): string {
  const user = /<\|im_start\|>user\n([\s\S]*?)<\|im_end\|>/.exec(prompt)?.[1] ?? prompt;
  return user.replace(/<\|[^|]*\|>/g, "").trim();
}

function seconds(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
}

function duration(value: number): string {
  return value < 90 ? `${Math.max(1, Math.round(value))} s` : `${Math.round(value / 60)} min`;
}
