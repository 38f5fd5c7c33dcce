import { cellCount, type Thing } from "./scene.ts";

/** The grid in reading order: `.` for an empty cell, else colour and shape. */
export function readGrid(layout: readonly Thing[]): string {
  return Array.from({ length: cellCount }, (_, cell) => {
    const thing = layout.find((candidate) => candidate.cell === cell);
    return thing ? `${thing.colour} ${thing.shape}` : ".";
  }).join(" ");
}

/** What the ideal response thinks: what is seen, and how the answer follows. */
export function traceOf(layout: readonly Thing[], derivation: string): string {
  return `${readGrid(layout)} so ${derivation}`.trim();
}
