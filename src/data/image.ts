import * as v from "valibot";
import { readJson, type FileSource, type ReadOptions } from "../storage/source.ts";
import { CorruptFileError, ShapeError, UnsupportedModelError } from "../util/errors.ts";
import type { Grid } from "./grid.ts";
import { checkImage, resizeBicubic, type RgbImage } from "./resize.ts";

export { mergedTokens, type Grid } from "./grid.ts";
export { resizeBicubic, type RgbImage } from "./resize.ts";

/** How a Qwen-VL model wants its images. A plain value: `{ ...config, maxPixels: 256 * 784 }` changes one setting. */
export interface ImageProcessorConfig {
  /** Pixels. */
  patchSize: number;
  /** Frames per patch; a still image is repeated. */
  temporalPatchSize: number;
  /** mergeSize² patches make one token. */
  mergeSize: number;
  /** The resized image has between minPixels and maxPixels pixels; a token is (patchSize · mergeSize)² of them. */
  minPixels: number;
  maxPixels: number;
  /** Per channel, after scaling to 0…1. */
  mean: readonly number[];
  std: readonly number[];
  /** 1/255, or 1 when rescaling is off. */
  rescaleFactor: number;
  resize: boolean;
}

/** An image as the vision tower takes it. */
export interface ProcessedImage {
  /** [N, channels · temporalPatchSize · patchSize²], patches in merge-block order, a row being (channel, time, y, x). */
  pixelValues: Float32Array<ArrayBuffer>;
  /** N = t · h · w patches. */
  grid: Grid;
}

const triple = v.tuple([v.number(), v.number(), v.number()]);
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const flag = v.nullish(v.boolean(), true);
const Preprocessor = v.object({
  image_processor_type: v.nullish(v.string()),
  patch_size: v.nullish(count, 14),
  temporal_patch_size: v.nullish(count, 2),
  merge_size: v.nullish(count, 2),
  min_pixels: v.nullish(count),
  max_pixels: v.nullish(count),
  size: v.nullish(
    v.object({
      min_pixels: v.nullish(count),
      max_pixels: v.nullish(count),
      shortest_edge: v.nullish(count),
      longest_edge: v.nullish(count),
    }),
  ),
  image_mean: v.nullish(triple, [0.48145466, 0.4578275, 0.40821073]),
  image_std: v.nullish(triple, [0.26862954, 0.26130258, 0.27577711]),
  rescale_factor: v.nullish(v.number(), 1 / 255),
  resample: v.nullish(v.number(), 3),
  do_resize: flag,
  do_rescale: flag,
  do_normalize: flag,
});

/**
 * Understands `preprocessor_config.json`: pixel limits as `min_pixels`/`max_pixels`, as these inside `size`, or as
 * `size.shortest_edge`/`longest_edge` (which, despite the name, are pixel counts too), with the defaults of transformers.
 * @throws UnsupportedModelError for another processor or resampling filter, CorruptFileError for a wrong field.
 */
export function parseImageProcessorConfig(json: unknown): ImageProcessorConfig {
  const parsed = v.safeParse(Preprocessor, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new CorruptFileError(
      `preprocessor_config.json: ${v.getDotPath(issue) ?? "content"}: ${issue.message}`,
    );
  }
  const config = parsed.output;
  const type = config.image_processor_type;
  if (type && !/^Qwen2(_5_|_)?VLImageProcessor(Fast|Pil)?$/.test(type)) {
    throw new UnsupportedModelError(
      `preprocessor_config.json: got image_processor_type ${type}; supported: Qwen2VLImageProcessor`,
    );
  }
  if (config.resample !== 3) {
    throw new UnsupportedModelError(
      `preprocessor_config.json: got resample ${config.resample}; supported: 3 (bicubic)`,
    );
  }
  const { size } = config;
  const minPixels = config.min_pixels ?? size?.min_pixels ?? size?.shortest_edge ?? 56 * 56;
  const maxPixels = config.max_pixels ?? size?.max_pixels ?? size?.longest_edge ?? 28 * 28 * 1280;
  if (minPixels > maxPixels) {
    throw new CorruptFileError(
      `preprocessor_config.json: got min_pixels ${minPixels}, expected at most max_pixels ${maxPixels}`,
    );
  }
  return {
    patchSize: config.patch_size,
    temporalPatchSize: config.temporal_patch_size,
    mergeSize: config.merge_size,
    minPixels,
    maxPixels,
    mean: config.do_normalize ? config.image_mean : [0, 0, 0],
    std: config.do_normalize ? config.image_std : [1, 1, 1],
    rescaleFactor: config.do_rescale ? config.rescale_factor : 1,
    resize: config.do_resize,
  };
}

/** Reads `preprocessor_config.json`, or the part of `processor_config.json` where transformers 5 puts it; null without either. */
export async function readImageProcessorConfig(
  source: FileSource,
  options?: ReadOptions,
): Promise<ImageProcessorConfig | null> {
  if (await source.exists("preprocessor_config.json", options)) {
    return parseImageProcessorConfig(await readJson(source, "preprocessor_config.json", options));
  }
  if (!(await source.exists("processor_config.json", options))) return null;
  const processor = await readJson(source, "processor_config.json", options);
  if (typeof processor !== "object" || processor === null || !("image_processor" in processor)) return null;
  return parseImageProcessorConfig(processor.image_processor);
}

/**
 * The size an image is resized to: both edges multiples of `factor`, the area between the limits, the aspect kept as
 * well as that allows. Rounds half to even, as Python does.
 * @throws ShapeError for an aspect beyond 200, or an image without pixels.
 */
export function smartResize(
  height: number,
  width: number,
  { factor, minPixels, maxPixels }: { factor: number; minPixels: number; maxPixels: number },
): { height: number; width: number } {
  if (!(height >= 1 && width >= 1))
    throw new ShapeError("image [height, width]", [height, width], "at least 1 pixel");
  if (Math.max(height, width) / Math.min(height, width) > 200) {
    throw new ShapeError("image [height, width]", [height, width], "an aspect of at most 200");
  }
  const fit = (scale: number, round: (value: number) => number) => ({
    height: round((height * scale) / factor) * factor,
    width: round((width * scale) / factor) * factor,
  });
  const near = fit(1, roundHalfEven);
  if (near.height * near.width > maxPixels) {
    const beta = Math.sqrt((height * width) / maxPixels);
    return {
      height: Math.max(factor, Math.floor(height / beta / factor) * factor),
      width: Math.max(factor, Math.floor(width / beta / factor) * factor),
    };
  }
  if (near.height * near.width < minPixels) return fit(Math.sqrt(minPixels / (height * width)), Math.ceil);
  return near;
}

/**
 * Resizes, scales, normalises and cuts an image into patches.
 * @throws ShapeError for an image without pixels, too long an aspect, or (with `resize` off) edges that are not
 *   multiples of patchSize · mergeSize.
 */
export function processImage(image: RgbImage, config: ImageProcessorConfig): ProcessedImage {
  checkImage(image);
  const { patchSize, mergeSize, temporalPatchSize } = config;
  const factor = patchSize * mergeSize;
  let fitted = image;
  if (config.resize) {
    const { height, width } = smartResize(image.height, image.width, { factor, ...config });
    fitted = resizeBicubic(image, width, height);
  } else if (image.height % factor !== 0 || image.width % factor !== 0) {
    throw new ShapeError("image [height, width]", [image.height, image.width], `multiples of ${factor}`);
  }

  const levels = [0, 1, 2].map((channel) => normalised(channel, config));
  const rows = fitted.height / patchSize;
  const columns = fitted.width / patchSize;
  const plane = patchSize * patchSize;
  const rowLength = 3 * temporalPatchSize * plane;
  const pixelValues = new Float32Array(rows * columns * rowLength);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const patch = mergeBlockIndex(row, column, columns, mergeSize);
      for (let y = 0; y < patchSize; y++) {
        for (let x = 0; x < patchSize; x++) {
          const from = ((row * patchSize + y) * fitted.width + column * patchSize + x) * 3;
          for (let channel = 0; channel < 3; channel++) {
            const value = levels[channel][fitted.data[from + channel]];
            const to = patch * rowLength + channel * temporalPatchSize * plane + y * patchSize + x;
            for (let time = 0; time < temporalPatchSize; time++) pixelValues[to + time * plane] = value;
          }
        }
      }
    }
  }
  return { pixelValues, grid: [1, rows, columns] };
}

/** Where a patch stands when merged tokens are listed in raster order, and each token's patches likewise. */
function mergeBlockIndex(row: number, column: number, columns: number, mergeSize: number): number {
  const block = Math.floor(row / mergeSize) * (columns / mergeSize) + Math.floor(column / mergeSize);
  return block * mergeSize * mergeSize + (row % mergeSize) * mergeSize + (column % mergeSize);
}

/** The 256 values a channel can take, with the roundings to float32 of the original processor. */
function normalised(channel: number, { mean, std, rescaleFactor }: ImageProcessorConfig): Float32Array {
  const m = Math.fround(mean[channel]);
  const s = Math.fround(std[channel]);
  return Float32Array.from({ length: 256 }, (_, level) => {
    const scaled = Math.fround(level * rescaleFactor);
    return Math.fround(scaled - m) / s;
  });
}

/** Rounds .5 to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
