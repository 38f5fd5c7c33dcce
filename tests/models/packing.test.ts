import { describe, expect, it } from "vitest";
import { packedLength, packGroups, packPrefixes, skipRow } from "../../src/models/packing.ts";
import type { PackedPrompt } from "../../src/models/packing.ts";
import { ImageTokenMismatchError, ShapeError } from "../../src/util/errors.ts";

const image = 99;

function prompt(tokens: number[], featureRows: number[] = []): PackedPrompt {
  const positions = Int32Array.from({ length: 3 * tokens.length }, (_, i) => i % tokens.length);
  return { tokens, positions, nextPosition: tokens.length, featureRows };
}

describe("packGroups", () => {
  it("keeps the prompt once and begins each completion with the prompt's last token", () => {
    const batch = packGroups([{ prompt: prompt([1, 2, 3]), completions: [[7, 8, 9], [5]] }]);
    expect([...batch.ids]).toEqual([1, 2, 3, 7, 8, 3]);
    expect([...batch.positions.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 2]);
    expect([...batch.scoredRows]).toEqual([2, 3, 4, 5]);
    expect([...batch.targets]).toEqual([7, 8, 9, 5]);
    expect([...batch.sequence]).toEqual([0, 0, 0, 1]);
    expect(batch.segments).toEqual([
      { queryBegin: 0, queryEnd: 2, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 0, keyEnd: 2 },
      { queryBegin: 2, queryEnd: 5, causal: true, prefixBegin: 0, prefixEnd: 2, keyBegin: 2, keyEnd: 5 },
      { queryBegin: 5, queryEnd: 6, causal: true, prefixBegin: 0, prefixEnd: 2, keyBegin: 5, keyEnd: 6 },
    ]);
  });

  it("costs P − 1 + Σ|c| tokens a group", () => {
    const group = {
      prompt: prompt([1, 2, 3, 4]),
      completions: [
        [1, 2],
        [3, 4, 5],
      ],
    };
    expect(packedLength(group)).toBe(3 + 5);
    expect(packGroups([group, group]).ids.length).toBe(16);
  });

  it("has no prefix segment for a prompt of one token", () => {
    expect(packGroups([{ prompt: prompt([1]), completions: [[2]] }]).segments).toHaveLength(1);
  });

  it("sends each image feature to its token, and leaves other prompts' features out", () => {
    const batch = packGroups([{ prompt: prompt([image, 5, image, 6], [2, 0]), completions: [[7]] }], {
      featureCount: 4,
      imageToken: image,
    });
    expect([...batch.featureTargets]).toEqual([2, skipRow, 0, skipRow]);
  });

  it("refuses prompts whose image tokens and features differ, or that end in an image", () => {
    const pack = (tokens: number[], rows: number[]) => () =>
      packGroups([{ prompt: prompt(tokens, rows), completions: [] }], { featureCount: 4, imageToken: image });
    expect(pack([image, 1], [])).toThrow(ImageTokenMismatchError);
    expect(pack([image, 1], [0, 1])).toThrow(/holds 1 image tokens .* give 2 features/);
    expect(pack([1, image], [0])).toThrow(ImageTokenMismatchError);
    expect(() => packGroups([{ prompt: prompt([]), completions: [] }])).toThrow(ShapeError);
    expect(() => packGroups([{ prompt: prompt([1]), completions: [[]] }])).toThrow(ShapeError);
  });
});

describe("packPrefixes", () => {
  it("holds every prompt but for its last token, and scores nothing", () => {
    const batch = packPrefixes([prompt([1, 2, 3]), prompt([4]), prompt([5, 6])]);
    expect([...batch.ids]).toEqual([1, 2, 5]);
    expect(batch.scoredRows).toHaveLength(0);
    expect(batch.segments.map(({ queryBegin, queryEnd }) => [queryBegin, queryEnd])).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });
});
