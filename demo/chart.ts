/** A metric over the steps: one line, a band where there is one, axes with labels. Drawn by hand in SVG. */
const namespace = "http://www.w3.org/2000/svg";

export interface Point {
  /** Steps done, from 1. */
  step: number;
  value: number;
  /** Half the height of the band. */
  spread?: number;
}

export interface Chart {
  /** For screen readers. */
  name: string;
  /** What the vertical axis counts, with its unit. */
  axis: string;
  points: readonly Point[];
  /** Steps there is room for. */
  steps: number;
  /** The axis reaches at least this far. */
  least: number;
  /** Values are shares, shown in percent. */
  percent?: boolean;
}

const margin = { top: 8, right: 12, bottom: 34, left: 66 };

/** Draws a chart. The drawing has the element's own size, so that text stays sharp. */
export function drawChart(svg: SVGSVGElement, chart: Chart): void {
  const { points, percent = false } = chart;
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0) return;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const last = Math.max(chart.steps, points.at(-1)?.step ?? 0, 2);
  const ticks = yTicks(Math.max(chart.least, ...points.map(({ value }) => value)));
  const top = ticks[ticks.length - 1];
  const x = (step: number) => margin.left + ((step - 1) / (last - 1)) * inner.width;
  const y = (value: number) => margin.top + (1 - Math.min(Math.max(value / top, 0), 1)) * inner.height;

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  for (const value of ticks) {
    add("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) });
    const text = percent ? `${Math.round(value * 100)}%` : String(Number(value.toPrecision(3)));
    add("text", { x: margin.left - 6, y: y(value) + 4, "text-anchor": "end" }, text);
  }
  for (const step of xTicks(last, inner.width)) {
    add("text", { x: x(step), y: height - margin.bottom + 15, "text-anchor": "middle" }, String(step));
  }
  add("text", { x: margin.left + inner.width / 2, y: height - 4, "text-anchor": "middle" }, "step");
  const middle = margin.top + inner.height / 2;
  add(
    "text",
    { x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})` },
    chart.axis,
  );

  if (points.length > 0) {
    if (points.some(({ spread }) => spread !== undefined)) {
      const upper = points.map(({ step, value, spread = 0 }) => `${x(step)},${y(value + spread)}`);
      const lower = points.map(({ step, value, spread = 0 }) => `${x(step)},${y(value - spread)}`).reverse();
      add("polygon", { class: "band", points: [...upper, ...lower].join(" ") });
    }
    const line = points.map(({ step, value }) => `${x(step)},${y(value)}`).join(" ");
    add("polyline", { class: "curve", points: line });
    const newest = points[points.length - 1];
    add("circle", { class: "newest", cx: x(newest.step), cy: y(newest.value), r: 3.5 });
  }
  svg.setAttribute("aria-label", describe(chart));

  function add(tag: string, attributes: Record<string, string | number>, text = ""): void {
    const node = document.createElementNS(namespace, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    node.textContent = text;
    svg.append(node);
  }
}

function describe({ name, points, percent = false }: Chart): string {
  if (points.length === 0) return `${name} per step: no steps yet`;
  const at = ({ step, value }: Point) =>
    `${percent ? `${Math.round(value * 100)}%` : value.toFixed(3)} at step ${step}`;
  return `${name} per step: ${at(points[0])}, ${at(points[points.length - 1])}`;
}

/** From 0 in round steps, about four of them, to the first that is not below the value. */
function yTicks(value: number): number[] {
  const rough = value / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const spacing =
    [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((size) => size * 4.0001 >= value) ?? rough;
  const count = Math.ceil(value / spacing - 1e-4);
  return Array.from({ length: count + 1 }, (_, i) => i * spacing);
}

/** The first and the last step, and round ones between them as far as there is room. */
function xTicks(last: number, width: number): number[] {
  const room = Math.max(2, Math.floor(width / 48));
  const spacing = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((every) => last / every <= room) ?? 5000;
  const ticks = [1];
  for (let step = spacing; step <= last - spacing / 2; step += spacing) if (step > 1) ticks.push(step);
  return [...ticks, last];
}
