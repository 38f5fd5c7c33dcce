import type { RgbImage } from "../../data/image.ts";
import type { Rng } from "../../util/rng.ts";
import { cellCount, centreOf, pictureSize, type InCell, type Place } from "../grid.ts";
import { Canvas, type Figure, type Rgb } from "../rasteriser.ts";
import type { Difficulty } from "./difficulty.ts";

/** Colours of the things in a scene. */
export const colourNames = ["red", "green", "blue", "yellow"] as const;
/** Shapes of the things in a scene. */
export const shapeNames = ["circle", "square", "triangle"] as const;
/** A colour by its name. */
export type Colour = (typeof colourNames)[number];
/** A shape by its name. */
export type Shape = (typeof shapeNames)[number];

/** What is in a cell. */
export interface Thing extends InCell {
  colour: Colour;
  shape: Shape;
}

/** A thing and where in its cell it is drawn. */
export interface SceneObject extends Thing, Place {}

/** Objects in reading order, at most one a cell. */
export interface Scene {
  objects: SceneObject[];
}

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

export const nameOf = ({ colour, shape }: Thing): string => `${colour} ${shape}`;

/** What is in the cell, as a number of 0 to 11. */
export function codeOf({ colour, shape }: Thing): number {
  return colourNames.indexOf(colour) * shapeNames.length + shapeNames.indexOf(shape);
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
  const scale = size / pictureSize;
  const canvas = new Canvas(size, background);
  for (const thing of objects) {
    const [x, y] = centreOf(thing);
    const half = thing.half * scale;
    canvas.paint(figures[thing.shape](half), x * scale, y * scale, half, colours[thing.colour]);
  }
  return canvas.finish(noise, noiseSeed);
}
