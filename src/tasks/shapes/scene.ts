import type { RgbImage } from "../../data/image.ts";
import type { Rng } from "../../util/rng.ts";
import { Canvas, mix, type Figure, type Rgb } from "../rasteriser.ts";
import type { Split } from "../task.ts";
import type { Difficulty } from "./difficulty.ts";

export const colourNames = ["red", "green", "blue", "yellow"] as const;
export const shapeNames = ["circle", "square", "triangle"] as const;
export type Colour = (typeof colourNames)[number];
export type Shape = (typeof shapeNames)[number];

/** Cells per edge of the grid. */
export const gridSize = 3;
export const cellCount = gridSize * gridSize;

/** What the pictures are drawn in, before {@link drawScene} scales them: pixels, for 3×3 cells of 16. */
export const sceneSize = 48;
const cellSize = sceneSize / gridSize;

/** What is in a cell. */
export interface Thing {
  /** Cells are counted in reading order, from 0. */
  cell: number;
  colour: Colour;
  shape: Shape;
}

/** A thing and where in its cell it is drawn: pixels of a picture of 48. */
export interface SceneObject extends Thing {
  /** From the cell's centre to the object's; y down. */
  dx: number;
  dy: number;
  /** Half the height and width. */
  half: number;
}

/** Objects in reading order, at most one a cell. */
export interface Scene {
  objects: SceneObject[];
}

export const rowOf = ({ cell }: Thing): number => Math.floor(cell / gridSize);
export const columnOf = ({ cell }: Thing): number => cell % gridSize;

/** Draws which things there are and in which cells, in reading order. */
export function drawLayout(rng: Rng, { objects: [least, most] }: Difficulty): Thing[] {
  const count = least + rng.below(most - least + 1);
  const cells = rng.permutation(cellCount).slice(0, count).sort();
  return Array.from(cells, (cell) => ({
    cell,
    colour: colourNames[rng.below(colourNames.length)],
    shape: shapeNames[rng.below(shapeNames.length)],
  }));
}

/** Of 16 layouts, how many a split has on average. */
const shares: Readonly<Record<Split, number>> = { train: 12, validation: 2, test: 2 };

/** The split that a layout belongs to: a layout is never in two, however it is jittered, sized or asked about. */
export function splitOf(layout: readonly Thing[]): Split {
  let hash = 0;
  for (const { cell, colour, shape } of layout) {
    const kind = colourNames.indexOf(colour) * shapeNames.length + shapeNames.indexOf(shape);
    hash = mix(hash ^ (cell * 16 + kind + 1));
  }
  const share = hash % 16;
  if (share < shares.test) return "test";
  return share < shares.test + shares.validation ? "validation" : "train";
}

/** Places and sizes things within their cells. */
export function placeThings(layout: readonly Thing[], rng: Rng, { jitter }: Difficulty): Scene {
  const offset = () => (2 * rng.uniform() - 1) * jitter;
  return {
    objects: layout.map((thing) => ({ ...thing, dx: offset(), dy: offset(), half: 4.5 + 2 * rng.uniform() })),
  };
}

const background: Rgb = [236, 236, 232];
const colours: Readonly<Record<Colour, Rgb>> = {
  red: [214, 39, 40],
  green: [36, 150, 60],
  blue: [35, 84, 214],
  yellow: [245, 190, 10],
};

/** Figures of half-size `half`; they touch the square around them. */
const figures: Readonly<Record<Shape, (half: number) => Figure>> = {
  circle: (half) => (x, y) => x * x + y * y <= half * half,
  square: (half) => (x, y) => Math.max(x, -x, y, -y) <= half,
  // The apex is up: the width grows from 0 at y = −half to all of it at y = half.
  triangle: (half) => (x, y) => y <= half && 2 * Math.max(x, -x) <= y + half,
};

/**
 * @param size edge of the picture, pixels.
 * @param noiseSeed a word.
 */
export function drawScene({ objects }: Scene, size: number, noise: number, noiseSeed: number): RgbImage {
  const scale = size / sceneSize;
  const canvas = new Canvas(size, background);
  for (const thing of objects) {
    const x = (columnOf(thing) + 0.5) * cellSize + thing.dx;
    const y = (rowOf(thing) + 0.5) * cellSize + thing.dy;
    const half = thing.half * scale;
    canvas.paint(figures[thing.shape](half), x * scale, y * scale, half, colours[thing.colour]);
  }
  return canvas.finish(noise, noiseSeed);
}
