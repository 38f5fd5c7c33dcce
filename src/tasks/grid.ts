/** Pictures with things in a 3×3 grid of cells: what the tasks that draw such pictures share. */
import { mix } from "./rasteriser.ts";
import type { Split } from "./task.ts";

/** Cells per edge of the grid. */
export const gridSize = 3;
export const cellCount = gridSize * gridSize;

/** Edge of a picture, pixels, in which sizes and places are given; a picture of another size is scaled. */
export const pictureSize = 48;
const cellSize = pictureSize / gridSize;

/** Something that is in a cell. Cells are counted in reading order, from 0. */
export interface InCell {
  cell: number;
}

/** Where in its cell a thing is drawn: pixels of a picture of 48 × 48. */
export interface Place {
  /** From the cell's centre to the thing's; y down. */
  dx: number;
  dy: number;
  /** Half the height. */
  half: number;
}

export const rowOf = ({ cell }: InCell): number => Math.floor(cell / gridSize);
export const columnOf = ({ cell }: InCell): number => cell % gridSize;

/** The centre of a placed thing: pixels of a picture of 48 × 48. */
export function centreOf(thing: InCell & Place): [x: number, y: number] {
  return [(columnOf(thing) + 0.5) * cellSize + thing.dx, (rowOf(thing) + 0.5) * cellSize + thing.dy];
}

/**
 * The cells in reading order, in words. A cell is as many words whatever is in it, so that the n-th word always tells
 * of the same cell: a small policy learns that much sooner.
 * @param empty the words for an empty cell.
 */
export function readGrid<T extends InCell>(
  layout: readonly T[],
  nameOf: (thing: T) => string,
  empty: string,
): string {
  return Array.from({ length: cellCount }, (_, cell) => {
    const thing = layout.find((candidate) => candidate.cell === cell);
    return thing ? nameOf(thing) : empty;
  }).join(" ");
}

/** Of 16 layouts, how many a split has on average. */
const shares: Readonly<Record<Split, number>> = { train: 12, validation: 2, test: 2 };

/**
 * The split that a layout belongs to: a layout is never in two, however its things are jittered, sized or asked about.
 * @param codeOf what is in the cell, as a number of 0 to 15.
 */
export function splitOf<T extends InCell>(layout: readonly T[], codeOf: (thing: T) => number): Split {
  let hash = 0;
  for (const thing of layout) hash = mix(hash ^ (thing.cell * 16 + codeOf(thing) + 1));
  const share = hash % 16;
  if (share < shares.test) return "test";
  return share < shares.test + shares.validation ? "validation" : "train";
}
