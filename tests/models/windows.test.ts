import { describe, expect, it } from "vitest";
import { expandIndex, windowLayout } from "../../src/models/windows.ts";
import { ShapeError } from "../../src/util/errors.ts";
import { fixtureJson } from "../support/fixtures.ts";

const { vision_indices: cases } = fixtureJson<{
  vision_indices: {
    grid_thw: [number, number, number][];
    merge: number;
    window_size: number;
    patch_size: number;
    cu_seqlens: number[];
    window_index: number[];
    cu_window_seqlens: number[];
  }[];
}>("indices", "indices.json");

describe("windowLayout", () => {
  it.each(cases.map((entry) => [JSON.stringify(entry.grid_thw), entry] as const))(
    "agrees with transformers on %s",
    (_, entry) => {
      const layout = windowLayout(entry.grid_thw, {
        mergeSize: entry.merge,
        patchSize: entry.patch_size,
        windowSize: entry.window_size,
      });
      expect([...layout.index]).toEqual(entry.window_index);
      expect([...layout.windowOffsets]).toEqual([...new Set(entry.cu_window_seqlens)]);
      expect([...layout.frameOffsets]).toEqual(entry.cu_seqlens);
      expect([...layout.index].map((from) => layout.reverse[from])).toEqual([...layout.index.keys()]);
    },
  );

  it("refuses a grid that does not divide into merged tokens", () => {
    const sizes = { mergeSize: 2, patchSize: 14, windowSize: 112 };
    expect(() => windowLayout([[1, 3, 4]], sizes)).toThrow(ShapeError);
    expect(() => windowLayout([[0, 2, 2]], sizes)).toThrow(ShapeError);
  });
});

describe("expandIndex", () => {
  it("moves a token's patches together", () => {
    expect([...expandIndex(Uint32Array.of(2, 0, 1), 2)]).toEqual([4, 5, 0, 1, 2, 3]);
  });
});
