import type { Grid } from "../data/grid.ts";
import { mergedShape } from "./positions.ts";

/** How patches are put in window order, and which of them attend to each other. */
export interface WindowLayout {
  /** [N / mergeSize²]: merged tokens listed window by window. Row i of the window order is row index[i] of the original. */
  index: Uint32Array<ArrayBuffer>;
  /** The inverse permutation: row i of the original is row reverse[i] of the window order. */
  reverse: Uint32Array<ArrayBuffer>;
  /** Where each window begins, in patches of the window order; the last entry is N. */
  windowOffsets: Uint32Array<ArrayBuffer>;
  /** Where each frame begins, in patches; the last entry is N. The same in both orders. */
  frameOffsets: Uint32Array<ArrayBuffer>;
}

/**
 * Windows of Qwen2.5-VL's vision tower (Bai et al. 2025, arXiv:2502.13923, section 2.1.1): every frame is cut, in
 * raster order from its top left, into squares of `windowSize` pixels; those at the right and bottom edges may be
 * smaller. Windows never cross frames or images.
 */
export function windowLayout(
  grids: readonly Grid[],
  { mergeSize, patchSize, windowSize }: { mergeSize: number; patchSize: number; windowSize: number },
): WindowLayout {
  const unit = mergeSize * mergeSize;
  const edge = Math.floor(windowSize / mergeSize / patchSize);
  const index: number[] = [];
  const windowOffsets = [0];
  const frameOffsets = [0];
  let frame = 0;
  for (const grid of grids) {
    const [t, rows, columns] = mergedShape(grid, mergeSize);
    for (let time = 0; time < t; time++) {
      for (let top = 0; top < rows; top += edge) {
        for (let left = 0; left < columns; left += edge) {
          for (let row = top; row < Math.min(top + edge, rows); row++) {
            for (let column = left; column < Math.min(left + edge, columns); column++) {
              index.push(frame + row * columns + column);
            }
          }
          windowOffsets.push(index.length * unit);
        }
      }
      frame += rows * columns;
      frameOffsets.push(frame * unit);
    }
  }
  const reverse = new Uint32Array(index.length);
  index.forEach((from, to) => (reverse[from] = to));
  return {
    index: Uint32Array.from(index),
    reverse,
    windowOffsets: Uint32Array.from(windowOffsets),
    frameOffsets: Uint32Array.from(frameOffsets),
  };
}

/** A permutation of merged tokens as a permutation of their patches: `unit` consecutive rows move together. */
export function expandIndex(index: Uint32Array, unit: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(
    { length: index.length * unit },
    (_, i) => index[Math.floor(i / unit)] * unit + (i % unit),
  );
}
