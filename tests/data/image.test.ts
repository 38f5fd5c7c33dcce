import { describe, expect, it } from "vitest";
import {
  parseImageProcessorConfig,
  processImage,
  readImageProcessorConfig,
  resizeBicubic,
  smartResize,
  type RgbImage,
} from "../../src/data/image.ts";
import { openSafetensors, type TensorTable } from "../../src/storage/safetensors.ts";
import { memorySource } from "../../src/storage/source.ts";
import { CorruptFileError, ShapeError, UnsupportedModelError } from "../../src/util/errors.ts";
import { fixtureJson, fixtureSource } from "../support/fixtures.ts";

async function imageOf(table: TensorTable, name: string): Promise<RgbImage> {
  const [height, width] = table.tensors.get(name)?.shape ?? [];
  return { height, width, data: await table.readBytes(name) };
}

function largestDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < got.length; i++) {
    if (!Number.isFinite(got[i])) throw new Error(`value ${i}: got ${got[i]}`);
    largest = Math.max(largest, Math.abs(got[i] - expected[i]));
  }
  return largest;
}

const indices = await openSafetensors(fixtureSource("indices"), "image_processing.safetensors");
const solid = (height: number, width: number, level: number): RgbImage => ({
  height,
  width,
  data: new Uint8Array(height * width * 3).fill(level),
});

describe("resizeBicubic", () => {
  it.each([
    [28, 56],
    [74, 106],
    [16, 16],
    [61, 40],
  ])("equals Pillow for 37 × 53 to %i × %i", async (height, width) => {
    const resized = resizeBicubic(await imageOf(indices, "resize.src"), width, height);
    expect(resized).toMatchObject({ width, height });
    const expected = await indices.readBytes(`resize.bicubic.${height}x${width}`);
    expect(largestDifference(resized.data, expected)).toBe(0);
  });

  it("keeps one colour one colour, and an image of the right size as it is", () => {
    for (const [width, height] of [
      [1, 1],
      [7, 3],
      [200, 5],
    ]) {
      expect(resizeBicubic(solid(9, 4, 200), width, height)).toEqual(solid(height, width, 200));
    }
    const same = solid(4, 4, 1);
    expect(resizeBicubic(same, 4, 4)).toBe(same);
  });

  it("refuses impossible sizes", () => {
    expect(() => resizeBicubic(solid(4, 4, 0), 0, 3)).toThrow(ShapeError);
    expect(() => resizeBicubic(solid(4, 4, 0), 2.5, 3)).toThrow(ShapeError);
    expect(() => resizeBicubic({ width: 4, height: 4, data: new Uint8Array(64) }, 2, 2)).toThrow(
      /got 64, expected 48/,
    );
  });
});

describe("smartResize", () => {
  const { rows } = fixtureJson<{ smart_resize: { rows: number[][] } }>(
    "indices",
    "indices.json",
  ).smart_resize;

  it("agrees with transformers on its whole table, half-way cases included", () => {
    expect(rows).toHaveLength(184);
    for (const [height, width, factor, minPixels, maxPixels, outHeight, outWidth] of rows) {
      const resize = () => smartResize(height, width, { factor, minPixels, maxPixels });
      if (outHeight < 0) expect(resize, `${height} × ${width}`).toThrow(ShapeError);
      else expect(resize(), `${height} × ${width}`).toEqual({ height: outHeight, width: outWidth });
    }
  });

  it("refuses an aspect beyond 200, and no pixels", () => {
    const limits = { factor: 28, minPixels: 3136, maxPixels: 1e6 };
    expect(() => smartResize(10, 2001, limits)).toThrow(/\[10, 2001\], expected an aspect of at most 200/);
    expect(smartResize(10, 2000, limits).height).toBeGreaterThan(0);
    expect(() => smartResize(0, 5, limits)).toThrow(ShapeError);
    expect(() => smartResize(NaN, 5, limits)).toThrow(ShapeError);
  });
});

describe("processImage", () => {
  it("equals transformers' processor at the real patch size, with a resize", async () => {
    const config = parseImageProcessorConfig({ size: { shortest_edge: 3136, longest_edge: 28 * 28 * 12 } });
    const { pixelValues, grid } = processImage(await imageOf(indices, "qwen.src"), config);
    expect([...grid]).toEqual([...(await indices.readFloat32("qwen2_5.image_grid_thw"))]);
    expect(largestDifference(pixelValues, await indices.readFloat32("qwen2_5.pixel_values"))).toBeLessThan(
      1e-6,
    );
  });

  it("gives the tiny model's pixel values for its two images", async () => {
    const source = fixtureSource("qwen2_5_vl_tiny");
    const reference = await openSafetensors(source, "reference.safetensors");
    const config = await readImageProcessorConfig(source);
    if (!config) throw new Error("the fixture has a preprocessor_config.json");
    const images = [await imageOf(reference, "image.0"), await imageOf(reference, "image.1")];
    const processed = images.map((image) => processImage(image, config));
    expect(processed.flatMap(({ grid }) => [...grid])).toEqual([
      ...(await reference.readFloat32("image_grid_thw")),
    ]);
    const pixels = Float32Array.from(processed.flatMap(({ pixelValues }) => [...pixelValues]));
    expect(largestDifference(pixels, await reference.readFloat32("pixel_values"))).toBeLessThan(1e-6);
  });

  it("takes an image as it is when resizing is off", () => {
    const config = { ...parseImageProcessorConfig({ do_normalize: false }), resize: false };
    expect(processImage(solid(28, 56, 255), config)).toMatchObject({ grid: [1, 2, 4] });
    expect(new Set(processImage(solid(28, 28, 255), config).pixelValues)).toEqual(new Set([1]));
    expect(() => processImage(solid(28, 30, 255), config)).toThrow(/multiples of 28/);
  });
});

describe("parseImageProcessorConfig", () => {
  it.each<[string, Record<string, unknown>]>([
    ["min_pixels", { min_pixels: 400, max_pixels: 8000 }],
    ["min_pixels inside size", { size: { min_pixels: 400, max_pixels: 8000 } }],
    ["shortest_edge", { size: { shortest_edge: 400, longest_edge: 8000 } }],
    [
      "min_pixels over size",
      { min_pixels: 400, max_pixels: 8000, size: { shortest_edge: 1, longest_edge: 2 } },
    ],
  ])("reads limits given as %s", (_, json) => {
    expect(parseImageProcessorConfig(json)).toMatchObject({ minPixels: 400, maxPixels: 8000, patchSize: 14 });
  });

  it("honours what is switched off", () => {
    const config = parseImageProcessorConfig({ do_rescale: false, do_normalize: false, do_resize: false });
    expect(config).toMatchObject({ rescaleFactor: 1, mean: [0, 0, 0], std: [1, 1, 1], resize: false });
  });

  it("refuses other processors and filters, and wrong fields", () => {
    expect(() => parseImageProcessorConfig({ image_processor_type: "SmolVLMImageProcessor" })).toThrow(
      UnsupportedModelError,
    );
    expect(() => parseImageProcessorConfig({ resample: 1 })).toThrow(/resample 1/);
    expect(() => parseImageProcessorConfig({ patch_size: 0 })).toThrow(/patch_size/);
    expect(() => parseImageProcessorConfig({ min_pixels: 9, max_pixels: 5 })).toThrow(CorruptFileError);
    expect(() => parseImageProcessorConfig(null)).toThrow(CorruptFileError);
  });

  it("is found in processor_config.json too, and is null for a text model", async () => {
    const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
    const v5 = memorySource({ "processor_config.json": encode({ image_processor: { patch_size: 16 } }) });
    expect((await readImageProcessorConfig(v5))?.patchSize).toBe(16);
    expect(await readImageProcessorConfig(memorySource({}))).toBeNull();
    expect(await readImageProcessorConfig(memorySource({ "processor_config.json": encode({}) }))).toBeNull();
  });
});
