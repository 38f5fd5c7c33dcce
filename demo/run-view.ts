/** What can be seen of a run while it goes on: plan, progress, curves, numbers, answers. */
import type { EngineRunEvent, RunRecipe } from "../workers/client.ts";
import { drawChart } from "./chart.ts";
import type { Chart, Point } from "./chart.ts";
import { element, make, numberIn, showBytes, visible } from "./dom.ts";
import { fact, recipeFacts } from "./recipe-form.ts";

export type Metrics = Readonly<Record<string, number>>;
type Rollouts = Extract<EngineRunEvent, { type: "rollouts" }>;
type Evaluating = Extract<EngineRunEvent, { type: "evaluating" }>;

const ui = {
  progress: element("progress", HTMLProgressElement),
  charts: element("charts", HTMLElement),
  numbers: element("numbers", HTMLElement),
  rollouts: element("rollouts", HTMLElement),
  plan: element("plan", HTMLElement),
  planFacts: element("plan-facts", HTMLElement),
  planRows: element("plan-rows", HTMLElement),
};

/** The curves, each of a metric under its name in TRL. */
const curves: { title: string; key: string; chart: Omit<Chart, "points" | "steps"> }[] = [
  { title: "Reward", key: "reward", chart: { name: "Reward", axis: "mean reward", least: 1 } },
  {
    title: "Thinking",
    key: "rewards/thinking/mean",
    chart: { name: "Share of thinking responses", axis: "share that thinks", least: 1, percent: true },
  },
  {
    title: "Response length",
    key: "completions/mean_length",
    chart: { name: "Response length", axis: "tokens, mean", least: 8 },
  },
  {
    title: "KL to the start",
    key: "kl",
    chart: { name: "KL to the start", axis: "nats a token", least: 0.01 },
  },
];

/** The other numbers of a step that are shown. */
const shown: [label: string, key: string, show: (value: number) => string][] = [
  ["Reward std", "reward_std", (value) => value.toFixed(3)],
  ["Right answers", "rewards/accuracy/mean", percent],
  ["Misread pictures", "rewards/misread/mean", percent],
  ["Flat groups", "frac_reward_zero_std", percent],
  ["Entropy", "entropy", (value) => `${value.toFixed(2)} nats`],
  ["Gradient norm", "grad_norm", (value) => value.toPrecision(3)],
  ["Tokens / second", "tokens_per_second", (value) => value.toFixed(0)],
  ["Whole step", "step_time", seconds],
  ["Generating", "timing_s/rollout", seconds],
  ["Rewarding", "timing_s/reward", seconds],
  ["Updating", "timing_s/train", seconds],
];

export class RunView {
  readonly #drawings: SVGSVGElement[];
  #recipe: RunRecipe | undefined;
  #steps: { step: number; metrics: Metrics }[] = [];
  #stepSeconds = 0;
  #stepsTimed = 0;
  #evaluationSeconds = 0;
  #evaluationBegun = 0;

  constructor() {
    this.#drawings = curves.map(({ title }) => {
      const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      drawing.setAttribute("role", "img");
      drawing.classList.add("chart");
      ui.charts.append(make("figure", {}, make("figcaption", {}, title), drawing));
      return drawing;
    });
    new ResizeObserver(() => this.#draw()).observe(ui.charts);
  }

  /** Steps done, and how many the run has. */
  get done(): number {
    return this.#steps.at(-1)?.step ?? 0;
  }

  get planned(): number {
    return this.#recipe?.grpo.steps ?? 0;
  }

  /** Clears everything away, for a run, or for none. */
  begin(recipe: RunRecipe | undefined): void {
    this.#recipe = recipe;
    this.#stepsTimed = this.#stepSeconds = this.#evaluationSeconds = 0;
    ui.planRows.replaceChildren();
    ui.rollouts.replaceChildren(
      make("p", { class: "note" }, "They appear here when a step has been rewarded."),
    );
    ui.plan.hidden = recipe === undefined;
    this.restore([]);
  }

  /** The steps that were done before this part of the run. */
  restore(steps: readonly { step: number; metrics: Metrics }[]): void {
    this.#steps = steps.map(({ step, metrics }) => ({ step: step + 1, metrics }));
    this.#progress();
    this.#draw();
    this.#numbers();
    this.#plan();
  }

  step(step: number, metrics: Metrics): void {
    this.#steps.push({ step: step + 1, metrics });
    // The first step compiles: it says nothing of how long the others take.
    const time = metrics.step_time ?? 0;
    this.#stepSeconds = this.#stepsTimed <= 1 ? time : 0.8 * this.#stepSeconds + 0.2 * time;
    this.#stepsTimed++;
    this.#progress();
    this.#draw();
    this.#numbers();
    if (this.#stepsTimed === 2) this.#plan();
  }

  evaluating({ when, done, total }: Evaluating): void {
    if (done === 0) this.#evaluationBegun = performance.now();
    else this.#evaluationSeconds = ((performance.now() - this.#evaluationBegun) / 1000 / done) * total;
    this.#progress(when, done / total);
  }

  /** The run has come to its end. */
  finish(steps: readonly { step: number; metrics: Metrics }[]): void {
    this.restore(steps);
    ui.progress.value = 1;
  }

  /** Time to the end in words; empty while it is not known. */
  get left(): string {
    const steps = this.planned - this.done;
    if (this.#stepsTimed < 2 || steps <= 0) return "";
    return `about ${duration(steps * this.#stepSeconds + this.#evaluationSeconds)} left`;
  }

  budget(budget: readonly (readonly [name: string, bytes: number])[]): void {
    const total = budget.reduce((sum, [, bytes]) => sum + bytes, 0);
    const row = (name: string, bytes: number) =>
      make("tr", {}, make("td", {}, name), make("td", {}, showBytes(bytes)));
    const last = row("Together", total);
    last.className = "total";
    ui.planRows.replaceChildren(...budget.map(([name, bytes]) => row(name, bytes)), last);
  }

  rollouts({ groups }: Rollouts): void {
    ui.rollouts.replaceChildren(
      ...groups.slice(0, 2).map(({ prompt, answer, rollouts }) => {
        const sorted = [...rollouts].sort((a, b) => (b.reward ?? -1) - (a.reward ?? -1));
        const lines = sorted.map(({ reward, text }) =>
          make(
            "li",
            { title: text },
            make("span", { class: "reward" }, reward === null ? "none" : reward.toFixed(2)),
            make("span", {}, visible(text).replaceAll("\n", "␊")),
          ),
        );
        const gold = answer === null ? "" : ` (${answer})`;
        return make("div", {}, make("h4", {}, questionOf(prompt) + gold), make("ol", {}, ...lines));
      }),
    );
  }

  #plan(): void {
    if (!this.#recipe) return;
    const { steps } = this.#recipe.grpo;
    const whole = steps * this.#stepSeconds + 2 * this.#evaluationSeconds;
    const expected =
      this.#stepsTimed < 2
        ? "known after two steps"
        : `${duration(whole)}, ${seconds(this.#stepSeconds)} a step`;
    ui.planFacts.replaceChildren(...recipeFacts(this.#recipe), fact("Expected time", expected));
  }

  /** Of the whole run, the evaluations counted as a tenth of it each. */
  #progress(evaluating?: "before" | "after", share = 0): void {
    const steps = this.planned > 0 ? this.done / this.planned : 0;
    const part = { before: 0.1 * share, after: 0.9 + 0.1 * share };
    const evaluated = (this.#recipe?.evaluation.scenes ?? 0) > 0;
    ui.progress.hidden = !this.#recipe;
    ui.progress.value = !evaluated ? steps : evaluating ? part[evaluating] : 0.1 + 0.8 * steps;
  }

  #draw(): void {
    const steps = this.planned > 0 ? this.planned : numberIn("steps");
    for (const [index, { key, chart }] of curves.entries()) {
      const points = this.#steps.flatMap(({ step, metrics }): Point[] =>
        metrics[key] === undefined ? [] : [{ step, value: metrics[key] }],
      );
      drawChart(this.#drawings[index], { ...chart, points, steps });
    }
  }

  #numbers(): void {
    const metrics = this.#steps.at(-1)?.metrics ?? {};
    ui.numbers.replaceChildren(
      ...shown.flatMap(([label, key, show]) =>
        metrics[key] === undefined ? [] : [fact(label, show(metrics[key]), key)],
      ),
    );
  }
}

/** The user's words of a rendered prompt, without the template around them. */
export function questionOf(prompt: string): string {
  const user = /<\|im_start\|>user\s([\s\S]*?)<\|im_end\|>/.exec(prompt)?.[1] ?? prompt;
  return user.replace(/<\|[^|]*\|>/g, "").trim();
}

export function percent(value: number): string {
  return `${Math.round(value * 100)}%`;
}

function seconds(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`;
}

export function duration(value: number): string {
  return value < 90 ? `${Math.max(1, Math.round(value))} s` : `${Math.round(value / 60)} min`;
}
