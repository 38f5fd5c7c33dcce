/** The reward curve: one line, a band of one standard deviation, axes with labels. Drawn by hand in SVG. */
const namespace = "http://www.w3.org/2000/svg";

export interface Point {
  /** Steps done, from 1. */
  step: number;
  mean: number;
  std: number;
}

const margin = { top: 8, right: 12, bottom: 34, left: 52 };

/** Draws the points, with room for `steps` of them. The drawing has the element's own size, so that text stays sharp. */
export function drawChart(svg: SVGSVGElement, points: readonly Point[], steps: number): void {
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0) return;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const last = Math.max(steps, points.at(-1)?.step ?? 0, 2);
  const top = niceTop(points.length === 0 ? 1 : Math.max(...points.map(({ mean }) => mean)));
  const x = (step: number) => margin.left + ((step - 1) / (last - 1)) * inner.width;
  const y = (value: number) => margin.top + (1 - Math.min(Math.max(value / top, 0), 1)) * inner.height;

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    add("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) });
    add("text", { x: margin.left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2));
  }
  for (const step of xTicks(last, inner.width)) {
    add("text", { x: x(step), y: height - margin.bottom + 15, "text-anchor": "middle" }, String(step));
  }
  add("text", { x: margin.left + inner.width / 2, y: height - 4, "text-anchor": "middle" }, "step");
  const middle = margin.top + inner.height / 2;
  add("text", { x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})` }, "reward");

  if (points.length > 0) {
    const upper = points.map(({ step, mean, std }) => `${x(step)},${y(mean + std)}`);
    const lower = points.map(({ step, mean, std }) => `${x(step)},${y(mean - std)}`).reverse();
    add("polygon", { class: "band", points: [...upper, ...lower].join(" ") });
    add("polyline", {
      class: "curve",
      points: points.map(({ step, mean }) => `${x(step)},${y(mean)}`).join(" "),
    });
    const newest = points[points.length - 1];
    add("circle", { class: "newest", cx: x(newest.step), cy: y(newest.mean), r: 3.5 });
  }
  svg.setAttribute("aria-label", describe(points));

  function add(tag: string, attributes: Record<string, string | number>, text = ""): void {
    const node = document.createElementNS(namespace, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    node.textContent = text;
    svg.append(node);
  }
}

function describe(points: readonly Point[]): string {
  if (points.length === 0) return "Reward per step: no steps yet";
  const first = points[0];
  const newest = points[points.length - 1];
  return `Reward per step: ${first.mean.toFixed(3)} at step ${first.step}, ${newest.mean.toFixed(3)} at step ${newest.step}`;
}

/** The next of 0.2, 0.4, 0.6, 0.8, 1 above a value, and further in whole steps. */
function niceTop(value: number): number {
  return [0.2, 0.4, 0.6, 0.8, 1].find((top) => value <= top) ?? Math.ceil(value);
}

/** The first and the last step, and round ones between them as far as there is room. */
function xTicks(last: number, width: number): number[] {
  const room = Math.max(2, Math.floor(width / 48));
  const spacing = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((every) => last / every <= room) ?? 5000;
  const ticks = [1];
  for (let step = spacing; step <= last - spacing / 2; step += spacing) if (step > 1) ticks.push(step);
  return [...ticks, last];
}
