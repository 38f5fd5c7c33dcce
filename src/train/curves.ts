import type { Proportion } from "../evaluation/accuracy.ts";

/** What is drawn of a run; a RunRecord is one. */
export interface CurveRun {
  /** Runs of one label are one line, their mean, within a band from the lowest to the highest. */
  label?: string;
  /** Steps in order; `step` counts from 0. */
  metrics: readonly Readonly<Record<string, number | string>>[];
  /** Greedy accuracy before the first and after the last step: dots in the first panel. */
  before?: Proportion | null;
  after?: Proportion | null;
}

/** What is written beside the curves. */
export interface CurveOptions {
  title?: string;
}

interface Panel {
  title: string;
  /** Name of the metric. */
  metric: string;
  /** Values are shares, shown in percent of a whole scale. */
  share?: boolean;
}

interface Point {
  x: number;
  mean: number;
  low: number;
  high: number;
}

interface Series {
  label: string;
  colour: string;
  runs: readonly CurveRun[];
}

/** Panels in order, each the first of its place of which the runs have anything. */
const places: readonly (readonly Panel[])[] = [
  [
    { title: "Right answers", metric: "rewards/accuracy/mean", share: true },
    { title: "Reward", metric: "reward" },
  ],
  [
    { title: "Responses that think", metric: "rewards/thinking/mean", share: true },
    { title: "Entropy, nats a token", metric: "entropy" },
  ],
  [
    { title: "Mean response length, tokens", metric: "completions/mean_length" },
    { title: "Loss, nats a token", metric: "loss" },
  ],
  [
    { title: "KL from the policy at first, nats a token", metric: "kl" },
    { title: "Gradient norm", metric: "grad_norm" },
  ],
];

/** Told apart by the colour-blind too (Okabe and Ito, 2008). */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const ink = "#333";
const width = 860;
const panel = { width: 360, height: 170 };
const left = 54;
const gap = { x: 60, y: 72 };

/**
 * Reward, share of thinking responses, response length and KL over the steps, or of a supervised run the loss with what
 * else it has, as an SVG that stands for itself: own
 * background, no script, no font to load. The same runs give the same text.
 */
export function curvesSvg(runs: readonly CurveRun[], { title = "" }: CurveOptions = {}): string {
  const series = toSeries(runs);
  const steps = Math.max(1, ...runs.map(({ metrics }) => metrics.length));
  const panels = panelsOf(runs);
  const [{ share = false, metric }] = panels;
  const notes = notesOn(series, share, hasAny(runs, metric));
  const top = title ? 68 : 40;
  const rows = Math.ceil(panels.length / 2);
  const below = top + rows * panel.height + (rows - 1) * gap.y + 62;
  const height = below + 18 * notes.length;
  const parts = panels.map((one, index) => {
    const x = left + (index % 2) * (panel.width + gap.x);
    const y = top + Math.floor(index / 2) * (panel.height + gap.y);
    return `<g transform="translate(${x} ${y})">\n${drawPanel(one, series, steps, index === 0)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `role="img" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<title>${escape(title || "Training curves")}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...(title ? [`<text x="${left}" y="28" font-size="16" font-weight="600">${escape(title)}</text>`] : []),
    ...parts,
    ...notes.map(({ mark, text }, index) => {
      const y = below + 18 * index;
      return `<g transform="translate(${left} ${y})">${mark}<text x="26" y="0">${escape(text)}</text></g>`;
    }),
    "</svg>\n",
  ].join("\n");
}

function toSeries(runs: readonly CurveRun[]): Series[] {
  const labels = [...new Set(runs.map(({ label = "" }) => label))];
  return labels.map((label, index) => ({
    label,
    colour: colours[index % colours.length],
    runs: runs.filter((run) => (run.label ?? "") === label),
  }));
}

/** Those that have lines, and for dots alone the first; all of them for runs that have not begun. */
function panelsOf(runs: readonly CurveRun[]): Panel[] {
  const evaluated = runs.some(({ before, after }) => before ?? after);
  const panels = places.flatMap(
    (choices, place) =>
      choices.find(({ metric }) => hasAny(runs, metric)) ?? (evaluated && place === 0 ? choices[0] : []),
  );
  return panels.length > 0 ? panels : places.map(([first]) => first);
}

function hasAny(runs: readonly CurveRun[], metric: string): boolean {
  return runs.some(({ metrics }) => metrics.some((step) => Number.isFinite(step[metric])));
}

/** What lines, bands and dots stand for, each beside a mark as it looks. */
function notesOn(
  series: readonly Series[],
  hasDots: boolean,
  hasLines: boolean,
): { mark: string; text: string }[] {
  const notes = series.flatMap(({ label, colour, runs }) => {
    const band = `<rect x="0" y="-9" width="18" height="10" fill="${colour}" opacity=".2"/>`;
    const line = `<path d="M0 -4h18" stroke="${colour}" stroke-width="2"/>`;
    const several = runs.length > 1 ? `mean of ${runs.length} runs; band: lowest to highest` : "";
    const text = [label, several].filter(Boolean).join(": ");
    return text ? [{ mark: (several && band) + line, text }] : [];
  });
  const evaluated = series.flatMap(({ runs }) => runs).find(({ before, after }) => before ?? after);
  const count = (evaluated?.before ?? evaluated?.after)?.count;
  if (!hasDots || count === undefined) return notes;
  const several = series.some(({ runs }) => runs.length > 1);
  return [
    ...notes,
    {
      mark: `<path d="M9 -10v12" stroke="${ink}"/><circle cx="9" cy="-4" r="3.5" fill="${ink}"/>`,
      text:
        `greedy on ${count} held-out examples before and after, ` +
        (several ? "range of the runs or 95% interval of one" : "with the 95% interval") +
        (hasLines ? "; lines: sampled in training" : ""),
    },
  ];
}

function drawPanel(panelOf: Panel, series: readonly Series[], steps: number, dots: boolean): string {
  const { metric, share = false, title } = panelOf;
  const lines = series.map((one) => ({ ...one, points: pointsOf(one.runs, metric) }));
  const values = lines.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]));
  const y = share
    ? { ticks: [0, 0.25, 0.5, 0.75, 1], low: 0, high: 1 }
    : scale(Math.min(0, ...values), Math.max(0, ...values));
  const x = scale(0, steps, 6, true);
  const at = (step: number) => round((step / x.high) * panel.width);
  const up = (value: number) => round(panel.height * (1 - (value - y.low) / (y.high - y.low)));
  const label = (value: number) => (share ? `${Math.round(value * 100)}%` : formatTick(value, y.ticks));
  const grid = [
    ...y.ticks.map(
      (tick) =>
        `<path d="M0 ${up(tick)}h${panel.width}" stroke="${tick === y.low ? "#888" : "#e4e4e4"}"/>` +
        `<text x="-8" y="${up(tick) + 4}" text-anchor="end">${label(tick)}</text>`,
    ),
    ...x.ticks.map(
      (tick) =>
        `<path d="M${at(tick)} ${panel.height}v4" stroke="#888"/>` +
        `<text x="${at(tick)}" y="${panel.height + 18}" text-anchor="middle">${tick}</text>`,
    ),
  ];
  const drawn = lines.flatMap(({ colour, points, runs }) => {
    if (points.length === 0) return [];
    const line = points.map((point) => `${at(point.x)} ${up(point.mean)}`).join("L");
    const upper = points.map((point) => `${at(point.x)} ${up(point.high)}`);
    const lower = points.map((point) => `${at(point.x)} ${up(point.low)}`).reverse();
    return [
      ...(runs.length > 1
        ? [`<path d="M${[...upper, ...lower].join("L")}Z" fill="${colour}" opacity=".2"/>`]
        : []),
      `<path d="M${line}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`,
    ];
  });
  const marks = share && dots ? series.flatMap((one) => evaluationMarks(one, series.length, at, up)) : [];
  return [
    `<text x="0" y="-12" font-size="13" font-weight="600">${escape(title)}</text>`,
    ...grid,
    `<text x="${panel.width}" y="${panel.height + 34}" text-anchor="end">step</text>`,
    ...drawn,
    ...marks,
  ].join("\n");
}

/** Mean and range over the runs at every step that any of them has the metric for. */
function pointsOf(runs: readonly CurveRun[], metric: string): Point[] {
  const byStep = new Map<number, number[]>();
  for (const { metrics } of runs) {
    for (const { step, [metric]: value } of metrics) {
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      byStep.set(Number(step), [...(byStep.get(Number(step)) ?? []), value]);
    }
  }
  return [...byStep].sort(([a], [b]) => a - b).map(([x, values]) => ({ x, ...rangeOf(values) }));
}

/** Dots at the first and last step: with the interval of a single run, the range of several. */
function evaluationMarks(
  { colour, runs }: Series,
  seriesCount: number,
  at: (step: number) => number,
  up: (value: number) => number,
): string[] {
  const stroke = seriesCount > 1 ? colour : ink;
  const mark = (step: number, found: readonly (Proportion | null | undefined)[]): string[] => {
    const evaluations = found.filter((one) => one !== null && one !== undefined);
    if (evaluations.length === 0) return [];
    const { mean, low, high } = rangeOf(evaluations.map(({ accuracy }) => accuracy));
    const [from, to] = evaluations.length === 1 ? evaluations[0].interval : [low, high];
    return [
      `<path d="M${at(step)} ${up(from)}V${up(to)}" stroke="${stroke}"/>` +
        `<circle cx="${at(step)}" cy="${up(mean)}" r="3.5" fill="${stroke}"/>`,
    ];
  };
  return [
    ...mark(
      0,
      runs.map(({ before }) => before),
    ),
    ...mark(
      Math.max(...runs.map(({ metrics }) => metrics.length)),
      runs.map(({ after }) => after),
    ),
  ];
}

function rangeOf(values: readonly number[]): { mean: number; low: number; high: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, low: Math.min(...values), high: Math.max(...values) };
}

/** An axis that holds both ends, with ticks at 1, 2 or 5 times a power of ten. With `exact` it ends where it is told. */
function scale(
  low: number,
  high: number,
  most = 5,
  exact = false,
): { ticks: number[]; low: number; high: number } {
  const span = high > low ? high - low : 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= most) ?? span;
  const whole = exact ? Math.max(1, step) : step;
  const first = Math.floor(low / whole);
  const last = exact ? Math.floor((low + span) / whole) : Math.ceil((low + span) / whole);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * whole).toPrecision(12)),
  );
  return { ticks, low: ticks[0], high: exact ? low + span : ticks[ticks.length - 1] };
}

/** With as many decimals as tell the ticks apart. */
function formatTick(value: number, ticks: readonly number[]): string {
  const apart = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(apart) + 1e-9)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
