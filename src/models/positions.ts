import type { Grid } from "../data/grid.ts";
import { ImageTokenMismatchError, InvalidOptionError, ShapeError } from "../util/errors.ts";
import type { ModelConfig, TextConfig, VisionConfig } from "./config.ts";

/** Positions of a prompt's tokens on the three rotary axes (time, row, column). */
export interface PositionIds {
  /** [3, T]; 0 in padded slots. Text has the same position on all three axes. */
  positions: Int32Array<ArrayBuffer>;
  /** Tokens that are not padding. */
  count: number;
  /** Largest position + 1 − count, negative when there are images: see {@link completionPosition}. */
  delta: number;
}

export interface MropeOptions {
  imageToken: number | null;
  videoToken?: number | null;
  mergeSize: number;
  /** Of the images, in the order of the prompt. */
  images?: readonly Grid[];
  videos?: readonly Grid[];
  /** Seconds between temporal patches, per video; with `tokensPerSecond` gives the temporal step (default 1). */
  secondsPerGrid?: readonly number[];
  tokensPerSecond?: number;
  /**
   * Where text goes on after a video: past all of its positions (transformers up to 4.57, the default), or past its
   * rows and columns only (transformers 5). They differ only for videos longer than wide.
   */
  afterVideo?: "all-axes" | "space";
  /** 0 where a token is padding, left or right. */
  mask?: ArrayLike<number>;
}

/**
 * Multimodal rotary positions of the Qwen-VL family (Wang et al. 2024, arXiv:2409.12191, section 2.1). A text token
 * advances all axes by one. The tokens of an image of H' × W' merged tokens, starting at p, lie at (p, p + row,
 * p + column), and text goes on at p + max(H', W').
 * @throws ImageTokenMismatchError when grids and placeholder tokens do not match.
 */
export function mropePositions(tokens: ArrayLike<number>, options: MropeOptions): PositionIds {
  const { imageToken, videoToken = null, mergeSize, images = [], videos = [], mask } = options;
  const T = tokens.length;
  if (mask && mask.length !== T) throw new ShapeError("mask", mask.length, T);
  const positions = new Int32Array(3 * T);
  const slots: number[] = [];
  for (let i = 0; i < T; i++) if (!mask || mask[i]) slots.push(i);

  let next = 0;
  let image = 0;
  let video = 0;
  let largest = -1;
  const put = (slot: number, time: number, row: number, column: number) => {
    positions[slot] = time;
    positions[T + slot] = row;
    positions[2 * T + slot] = column;
    largest = Math.max(largest, time, row, column);
  };

  for (let i = 0; i < slots.length;) {
    const token = tokens[slots[i]];
    const isImage = imageToken !== null && token === imageToken;
    const isVideo = videoToken !== null && token === videoToken;
    if (!isImage && !isVideo) {
      put(slots[i], next, next, next);
      next++;
      i++;
      continue;
    }

    const kind = isImage ? "image" : "video";
    const index = isImage ? image++ : video++;
    const grid = (isImage ? images : videos)[index];
    if (!grid) {
      const grids = isImage ? images.length : videos.length;
      throw new ImageTokenMismatchError(
        `prompt: got a placeholder token at ${slots[i]} for ${kind} ${index}, expected ${grids} ${kind}s`,
      );
    }
    const [t, rows, columns] = mergedShape(grid, mergeSize);
    const step = isImage ? 1 : (options.tokensPerSecond ?? 1) * (options.secondsPerGrid?.[index] ?? 1);
    for (let at = 0; at < t * rows * columns; at++) {
      const slot = slots[i + at];
      if (slot === undefined || tokens[slot] !== token) {
        throw new ImageTokenMismatchError(
          `prompt: got ${at} placeholder tokens for ${kind} ${index}, expected ${t * rows * columns} ` +
            `for a grid of ${grid.join(" × ")} patches`,
        );
      }
      const time = Math.floor(Math.floor(at / (rows * columns)) * step);
      put(slot, next + time, next + (Math.floor(at / columns) % rows), next + (at % columns));
    }
    i += t * rows * columns;
    const spatial = next + Math.max(rows, columns);
    const temporal = next + Math.floor((t - 1) * step) + 1;
    next = options.afterVideo === "space" ? spatial : Math.max(spatial, temporal);
  }
  if (image !== images.length || video !== videos.length) {
    throw new ImageTokenMismatchError(
      `prompt: got placeholder tokens for ${image} images and ${video} videos, expected ${images.length} and ${videos.length}`,
    );
  }
  return { positions, count: slots.length, delta: largest + 1 - slots.length };
}

/** {@link mropePositions} with what the model's configuration says; a text model's positions count up. */
export function promptPositions(
  config: ModelConfig,
  tokens: ArrayLike<number>,
  images: readonly Grid[] = [],
): PositionIds {
  return mropePositions(tokens, {
    images,
    imageToken: config.tokens.image,
    videoToken: config.tokens.video,
    mergeSize: config.vision?.mergeSize ?? 1,
  });
}

/** The position, on all three axes, of a token generated after `tokensBefore` tokens (padding not counted). */
export function completionPosition(tokensBefore: number, delta: number): number {
  return tokensBefore + delta;
}

/**
 * Which axis of the positions turns each rotary frequency, [D/2]: 0 time, 1 row, 2 column. Sections lie one after the
 * other; without sections all are axis 0.
 */
export function ropeAxes(text: Pick<TextConfig, "headDim" | "mropeSection">): Uint32Array<ArrayBuffer> {
  const axes = new Uint32Array(text.headDim / 2);
  if (!text.mropeSection) return axes;
  const [time, rows] = text.mropeSection;
  return axes.map((_, i) => (i < time ? 0 : i < time + rows ? 1 : 2));
}

/**
 * Rotary frequencies θ^(−2i/dim), i < dim/2, [dim/2], each step rounded to float32 as PyTorch rounds it.
 * Su et al. 2021, arXiv:2104.09864.
 */
export function inverseFrequencies(theta: number, dim: number): Float32Array<ArrayBuffer> {
  if (dim % 2 !== 0) throw new InvalidOptionError("rotary dim", dim, "an even number");
  return Float32Array.from({ length: dim / 2 }, (_, i) => {
    const exponent = Math.fround((2 * i) / dim);
    return 1 / Math.fround(Math.pow(theta, exponent));
  });
}

/** The vision tower's frequencies, [D/4]: half of the rotary angles turn with the row, half with the column. */
export function visionInverseFrequencies(
  vision: Pick<VisionConfig, "headDim" | "ropeTheta">,
): Float32Array<ArrayBuffer> {
  return inverseFrequencies(vision.ropeTheta, vision.headDim / 2);
}

/**
 * (row, column) of every patch, [N, 2], in the order the image processor emits patches: merged token by merged token
 * in raster order, the patches of one token in raster order.
 */
export function visionPositions(grids: readonly Grid[], mergeSize: number): Uint32Array<ArrayBuffer> {
  const N = grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0);
  const positions = new Uint32Array(2 * N);
  let at = 0;
  for (const grid of grids) {
    const [t, rows, columns] = mergedShape(grid, mergeSize);
    for (let token = 0; token < t * rows * columns; token++) {
      const top = (Math.floor(token / columns) % rows) * mergeSize;
      const left = (token % columns) * mergeSize;
      for (let patch = 0; patch < mergeSize * mergeSize; patch++) {
        positions[at++] = top + Math.floor(patch / mergeSize);
        positions[at++] = left + (patch % mergeSize);
      }
    }
  }
  return positions;
}

/** A grid in merged tokens. @throws ShapeError unless mergeSize divides rows and columns. */
export function mergedShape(grid: Grid, mergeSize: number): [t: number, rows: number, columns: number] {
  const [t, h, w] = grid;
  const valid = [t, h, w].every((extent) => Number.isInteger(extent) && extent > 0);
  if (!valid || h % mergeSize !== 0 || w % mergeSize !== 0) {
    throw new ShapeError(
      "grid of patches",
      [...grid],
      `positive, rows and columns multiples of ${mergeSize}`,
    );
  }
  return [t, h / mergeSize, w / mergeSize];
}
