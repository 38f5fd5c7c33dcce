/** A curve drawn by uPlot: loaded when the first chart is shown. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Curve, Points } from "./curves.ts";

/** All charts of the page show their cursors at the same step. */
const syncKey = "thinktab-steps";

export interface Plot {
  /** @param planned steps there is room for. */
  show(points: Points, planned: number): void;
  resize(width: number, height: number): void;
  /** Draws again: the theme's colours are others. */
  repaint(): void;
  destroy(): void;
}

/**
 * @param onStep told the step under the cursor, from 1; null when the cursor leaves.
 */
export function createPlot(
  place: HTMLElement,
  curve: Curve,
  size: { width: number; height: number },
  onStep: (step: number | null) => void,
): Plot {
  const colour = (name: string) => () => getComputedStyle(place).getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    gap: 6,
  };
  const edge: uPlot.Series = {
    show: curve.band !== undefined,
    stroke: "transparent",
    points: { show: false },
  };
  let planned = 1;
  const plot = new uPlot(
    {
      ...size,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: {
        sync: { key: syncKey },
        drag: { x: false, y: false, setScale: false },
        points: { size: 7 },
      },
      scales: {
        x: { time: false, range: (_, __, max) => [1, Math.max(2, planned, max ?? 0)] },
        y: {
          range: (_, least, most) => [
            Math.min(0, least ?? 0),
            Math.min(Math.max(curve.least, (most ?? 0) * 1.05), curve.most ?? Infinity),
          ],
        },
      },
      axes: [
        { ...axis, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], space: 44 },
        { ...axis, size: 52, space: 32, values: (_, ticks) => ticks.map((tick) => curve.show(tick)) },
      ],
      series: [
        {},
        {
          stroke: colour("--accent"),
          width: 2,
          // A single point makes no line.
          points: { show: (self) => self.data[0].length < 2, size: 6, fill: colour("--accent") },
        },
        edge,
        edge,
      ],
      bands: curve.band ? [{ series: [3, 2], fill: colour("--band") }] : [],
      hooks: {
        setCursor: [
          ({ cursor, data }) => {
            const { idx } = cursor;
            onStep(typeof idx === "number" ? (data[0][idx] ?? null) : null);
          },
        ],
      },
    },
    [[], [], [], []],
    place,
  );
  return {
    show({ steps, values, low, high }, room) {
      planned = room;
      plot.setData([steps, values, low, high]);
    },
    resize: (width, height) => plot.setSize({ width, height }),
    repaint: () => plot.redraw(false, true),
    destroy: () => plot.destroy(),
  };
}
