import { describe, expect, it } from "vitest";
import type { Grid } from "../../src/data/grid.ts";
import { readModelConfig } from "../../src/models/config.ts";
import {
  completionPosition,
  inverseFrequencies,
  mropePositions,
  promptPositions,
  ropeAxes,
  visionInverseFrequencies,
  visionPositions,
} from "../../src/models/positions.ts";
import { openSafetensors } from "../../src/storage/safetensors.ts";
import { ImageTokenMismatchError, InvalidOptionError, ShapeError } from "../../src/util/errors.ts";
import { fixtureJson, fixtureSource } from "../support/fixtures.ts";

interface MropeCase {
  name: string;
  input_ids: number[][];
  attention_mask: number[][];
  image_grid_thw: [number, number, number][] | null;
  video_grid_thw: [number, number, number][] | null;
  second_per_grid_ts: number[] | null;
  image_token_id: number;
  video_token_id: number;
  position_ids: number[][][];
  rope_deltas: number[][];
}
const { mrope, vision_indices: visionCases } = fixtureJson<{
  mrope: MropeCase[];
  vision_indices: { grid_thw: [number, number, number][]; merge: number; hw_position_ids: number[][] }[];
}>("indices", "indices.json");

const runs = (tokens: number[], token: number) =>
  tokens.filter((t, i) => t === token && tokens[i - 1] !== token).length;

describe("mropePositions", () => {
  it("has all 17 tables", () => expect(mrope).toHaveLength(17));

  it.each(mrope.map((entry) => [entry.name, entry] as const))(
    "agrees with transformers on %s",
    (_, entry) => {
      let image = 0;
      entry.input_ids.forEach((tokens, row) => {
        const count = runs(tokens, entry.image_token_id);
        const { positions, delta } = mropePositions(tokens, {
          imageToken: entry.image_token_id,
          videoToken: entry.video_token_id,
          mergeSize: 2,
          images: entry.image_grid_thw?.slice(image, image + count),
          videos: entry.video_grid_thw ?? undefined,
          secondsPerGrid: entry.second_per_grid_ts ?? undefined,
          tokensPerSecond: entry.name.startsWith("qwen2_5_vl/") ? 2 : 1,
          afterVideo: "space", // the tables are of transformers 5
          mask: entry.attention_mask[row],
        });
        image += count;
        expect([...positions]).toEqual(entry.position_ids.flatMap((axis) => axis[row]));
        expect(delta).toBe(entry.rope_deltas[row][0]);
      });
    },
  );

  it("goes on past the last frame of a long video unless told otherwise", () => {
    const options = { imageToken: 8, videoToken: 9, mergeSize: 1, videos: [[3, 1, 1] as Grid] };
    expect([...mropePositions([9, 9, 9, 5], options).positions.slice(0, 4)]).toEqual([0, 1, 2, 3]);
    const spaced = mropePositions([9, 9, 9, 5], { ...options, secondsPerGrid: [0.75], tokensPerSecond: 2 });
    expect([...spaced.positions.slice(0, 4)]).toEqual([0, 1, 3, 4]);
  });

  it("separates images that touch", () => {
    const { positions } = mropePositions([8, 8, 8], {
      imageToken: 8,
      mergeSize: 1,
      images: [
        [1, 1, 2],
        [1, 1, 1],
      ],
    });
    expect([...positions]).toEqual([0, 0, 2, 0, 0, 2, 0, 1, 2]);
  });

  it("continues after the prompt", async () => {
    const source = fixtureSource("qwen2_5_vl_tiny");
    const reference = await openSafetensors(source, "reference.safetensors");
    const config = await readModelConfig(source);
    const tokens = await reference.readFloat32("input_ids");
    const grids = await reference.readFloat32("image_grid_thw");
    const images: Grid[] = [
      [grids[0], grids[1], grids[2]],
      [grids[3], grids[4], grids[5]],
    ];
    const { positions, delta, count } = promptPositions(config, tokens, images);
    expect(count).toBe(tokens.length);
    expect(Float32Array.from(positions)).toEqual(await reference.readFloat32("position_ids"));
    expect(delta).toBe((await reference.readFloat32("rope_delta"))[0]);
    // The reference's last tokens are a completion: each lies where decoding would put it.
    expect(completionPosition(count - 1, delta)).toBe(positions[count - 1]);
  });

  it("counts up for a text model", async () => {
    const config = await readModelConfig(fixtureSource("qwen2_tiny"));
    const { positions, delta } = promptPositions(config, [5, 6, 7]);
    expect([...positions]).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(delta).toBe(0);
  });

  it("refuses grids and placeholders that do not match", () => {
    const options = { imageToken: 8, mergeSize: 2 };
    const place = (tokens: number[], images: Grid[]) => () => mropePositions(tokens, { ...options, images });
    expect(place([1, 8], [])).toThrow(ImageTokenMismatchError);
    expect(place([1, 8], [[1, 2, 4]])).toThrow(/got 1 placeholder tokens for image 0, expected 2/);
    expect(place([1, 8, 8, 8], [[1, 2, 4]])).toThrow(/image 1/);
    expect(place([1], [[1, 2, 2]])).toThrow(/got placeholder tokens for 0 images/);
    expect(place([8], [[1, 3, 2]])).toThrow(ShapeError);
    expect(() => mropePositions([1, 2], { ...options, mask: [1] })).toThrow(ShapeError);
  });
});

describe("rotary tables", () => {
  it("assigns frequencies to axes in chunks", () => {
    const axes = [...ropeAxes({ headDim: 128, mropeSection: [16, 24, 24] })];
    expect(axes.filter((axis) => axis === 0)).toHaveLength(16);
    expect(axes.slice(16, 40).every((axis) => axis === 1)).toBe(true);
    expect(axes.slice(40).every((axis) => axis === 2)).toBe(true);
    expect([...ropeAxes({ headDim: 8, mropeSection: null })]).toEqual([0, 0, 0, 0]);
  });

  it("gives the reference's cosines and sines, text and vision", async () => {
    const source = fixtureSource("qwen2_5_vl_tiny");
    const reference = await openSafetensors(source, "reference.safetensors");
    const config = await readModelConfig(source);
    const near = (got: number, expected: number) => expect(Math.abs(got - expected)).toBeLessThan(2e-6);

    const positions = await reference.readFloat32("position_ids");
    const { headDim } = config.text;
    const frequencies = inverseFrequencies(config.text.ropeTheta, headDim);
    const axes = ropeAxes(config.text);
    const cos = await reference.readFloat32("rope.cos");
    const sin = await reference.readFloat32("rope.sin");
    const shape = reference.tensors.get("rope.cos")?.shape;
    const T = positions.length / 3;
    const half = headDim / 2;
    // HF hands the layers either one table with the sections already chosen, or one per axis.
    const perAxis = shape?.[0] === 3;
    for (let t = 0; t < T; t++) {
      for (let i = 0; i < half; i++) {
        const angle = positions[axes[i] * T + t] * frequencies[i];
        const at = ((perAxis ? axes[i] * T : 0) + t) * headDim + i;
        near(Math.cos(angle), cos[at]);
        near(Math.sin(angle), sin[at]);
      }
    }

    if (!config.vision) throw new Error("the fixture has a vision tower");
    const grids = await reference.readFloat32("image_grid_thw");
    const rowColumn = visionPositions(
      [
        [grids[0], grids[1], grids[2]],
        [grids[3], grids[4], grids[5]],
      ],
      config.vision.mergeSize,
    );
    const vision = visionInverseFrequencies(config.vision);
    const D = config.vision.headDim;
    const visionSin = await reference.readFloat32("vision.rope_sin");
    expect(visionSin).toHaveLength((rowColumn.length / 2) * D);
    for (let n = 0; n < rowColumn.length / 2; n++) {
      for (let i = 0; i < D / 2; i++) {
        const angle = rowColumn[2 * n + (i < D / 4 ? 0 : 1)] * vision[i % (D / 4)];
        near(Math.sin(angle), visionSin[n * D + i]);
      }
    }
  });

  it("refuses an odd width", () => {
    expect(() => inverseFrequencies(1e4, 7)).toThrow(InvalidOptionError);
  });
});

describe("visionPositions", () => {
  it.each(visionCases.map((entry) => [JSON.stringify(entry.grid_thw), entry] as const))(
    "agrees with transformers on %s",
    (_, entry) => {
      expect([...visionPositions(entry.grid_thw, entry.merge)]).toEqual(entry.hw_position_ids.flat());
    },
  );
});
