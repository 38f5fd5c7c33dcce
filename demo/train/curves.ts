/** Which curves a run has, and their points: metrics under their names in TRL. */
import { showNumber, showPercent } from "../components/format.ts";

/** A step's figures. */
export interface StepFigures {
  /** From 0. */
  step: number;
  metrics: Readonly<Record<string, number>>;
}

export interface Curve {
  title: string;
  key: string;
  /** What the axis counts, with its unit. */
  axis: string;
  show: (value: number) => string;
  /** The axis reaches at least so far. */
  least: number;
  /** Metrics between which a band is drawn, or one that is the height of the band above and below the line. */
  band?: { low: string; high: string } | { spread: string };
  /** What the band is, in the words of a legend. */
  bandName?: string;
  /** The greatest value there is, e.g. 1 of a share: the band ends there. */
  most?: number;
}

const share = { show: showPercent, least: 1, most: 1 };

const reward: Curve = {
  title: "Reward",
  key: "reward",
  axis: "mean of the step",
  show: (value) => value.toFixed(2),
  least: 1,
  band: { spread: "reward_std" },
  bandName: "± one standard deviation",
};
const accuracy: Curve = {
  title: "Right answers",
  key: "rewards/accuracy/mean",
  axis: "share of the samples",
  ...share,
};
const thinking: Curve = {
  title: "Thinking first",
  key: "rewards/thinking/mean",
  axis: "share of the samples",
  ...share,
};
const form: Curve = {
  title: "Well formed",
  key: "rewards/format/mean",
  axis: "share of the samples",
  ...share,
};
const others: readonly Curve[] = [
  {
    title: "Answer length",
    key: "completions/mean_length",
    axis: "tokens",
    show: (value) => value.toFixed(1),
    least: 8,
    band: { low: "completions/min_length", high: "completions/max_length" },
    bandName: "shortest to longest",
  },
  { title: "KL to the start", key: "kl", axis: "nats a token", show: showNumber, least: 0.01 },
  { title: "Entropy", key: "entropy", axis: "nats a token", show: showNumber, least: 0.5 },
  {
    title: "Zero-variance groups",
    key: "frac_reward_zero_std",
    axis: "share",
    ...share,
  },
  { title: "Gradient norm", key: "grad_norm", axis: "before clipping", show: showNumber, least: 0.1 },
  {
    title: "Clipped tokens",
    key: "clip_ratio/region_mean",
    axis: "share of the tokens",
    show: (value) => `${showNumber(value * 100)}%`,
    least: 0.01,
    most: 1,
  },
  { title: "Loss", key: "loss", axis: "of the objective", show: showNumber, least: 0.01 },
];
const supervised: readonly Curve[] = [
  { title: "Loss", key: "loss", axis: "nats a token", show: showNumber, least: 0.1 },
  { title: "Entropy", key: "entropy", axis: "nats a token", show: showNumber, least: 0.5 },
  { title: "Gradient norm", key: "grad_norm", axis: "before clipping", show: showNumber, least: 0.1 },
  { title: "Learning rate", key: "learning_rate", axis: "of the step", show: showNumber, least: 1e-6 },
];

const rewarded: readonly Curve[] = [reward, ...others];
/** Rewards of these tasks are 1 at most; those of a user's own task may be anything. */
const answered: readonly Curve[] = [{ ...reward, most: 1 }, accuracy, thinking, ...others];
/** Weights of the reward's parts are the user's, and so may be a function of their own. */
const ofRecords: readonly Curve[] = [reward, accuracy, form, ...others];

/** Tasks whose rewards say whether an answer is right, and whether the policy thought first. */
const answering = new Set(["shapes", "digits", "examples"]);

/** The curves of a run, known before its first step: nothing appears later and moves the others. */
export function curvesOf(run: { grpo: boolean; task: string }): readonly Curve[] {
  if (!run.grpo) return supervised;
  if (run.task === "records") return ofRecords;
  return answering.has(run.task) ? answered : rewarded;
}

/** Columns for a chart: steps from 1, and values; null where a step has none. */
export interface Points {
  steps: number[];
  values: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

/** A curve's points. The band of what has a most is one of 0 to that, and stays within; others may be negative, too. */
export function pointsOf({ key, band, most }: Curve, steps: readonly StepFigures[]): Points {
  const figure = ({ metrics }: StepFigures, name: string) => metrics[name] ?? null;
  const edge = (step: StepFigures, side: "low" | "high") => {
    if (!band) return null;
    if ("low" in band) return figure(step, band[side]);
    const middle = figure(step, key);
    const spread = figure(step, band.spread);
    if (middle === null || spread === null) return null;
    if (most === undefined) return side === "low" ? middle - spread : middle + spread;
    return side === "low" ? Math.max(0, middle - spread) : Math.min(most, middle + spread);
  };
  return {
    steps: steps.map(({ step }) => step + 1),
    values: steps.map((step) => figure(step, key)),
    low: steps.map((step) => edge(step, "low")),
    high: steps.map((step) => edge(step, "high")),
  };
}

/** A curve in words, for those who do not see it. */
export function describeCurve(curve: Curve, steps: readonly StepFigures[]): string {
  const { key, title, axis, show } = curve;
  const there = steps.flatMap(({ step, metrics }) =>
    metrics[key] === undefined ? [] : [{ step: step + 1, value: metrics[key] }],
  );
  if (there.length === 0) return `${title} per step: no steps yet`;
  const said = ({ step, value }: { step: number; value: number }) => `${show(value)} at step ${step}`;
  const first = there[0];
  const last = there[there.length - 1];
  const best = there.reduce((most, point) => (point.value > most.value ? point : most));
  const between = best === first || best === last ? [] : [`at most ${said(best)}`];
  return `${title} per step (${axis}): ${[said(first), ...between, said(last)].join(", ")}`;
}
