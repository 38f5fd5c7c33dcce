import { describe, expect, it } from "vitest";
import { microBatches, toPackedGroups } from "../../src/train/micro-batches.ts";
import { packedLength } from "../../src/models/packing.ts";
import { ContextLengthError } from "../../src/util/errors.ts";

const prompt = (length: number) => ({
  tokens: Array.from({ length }, (_, i) => i),
  positions: new Int32Array(3 * length),
  nextPosition: length,
  featureRows: [],
});
const completion = (length: number) => new Array<number>(length).fill(1);
const wide = { tokens: 1000, scored: 1000, segments: 1000 };

describe("microBatches", () => {
  it("keeps a step that fits in one batch, sequences numbered through the step", () => {
    const groups = [
      { prompt: prompt(4), completions: [completion(2), completion(3)] },
      { prompt: prompt(5), completions: [completion(1), completion(1)] },
    ];
    const batches = microBatches(groups, wide);
    expect(batches.map((batch) => batch.map(({ sequences }) => sequences))).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
    ]);
  });

  it("begins a new batch rather than dividing a group that fits one", () => {
    const groups = [1, 2, 3].map(() => ({ prompt: prompt(4), completions: [completion(3), completion(3)] }));
    const batches = microBatches(groups, { ...wide, tokens: 20 });
    expect(batches.map((batch) => batch.map(({ sequences }) => sequences))).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [[4, 5]],
    ]);
  });

  it("divides a group that is too large, and repeats its prompt", () => {
    const groups = [{ prompt: prompt(4), completions: [1, 2, 3, 4].map(() => completion(3)) }];
    const batches = microBatches(groups, { ...wide, tokens: 9 });
    expect(batches.map((batch) => batch.map(({ sequences }) => sequences))).toEqual([[[0, 1]], [[2, 3]]]);
  });

  it("never passes a limit, and loses no sequence", () => {
    const groups = [3, 9, 1, 6].map((length, p) => ({
      prompt: prompt(length),
      completions: [1, 5, 2, 7, 3].map((c) => completion(c + p)),
    }));
    const flat = groups.flatMap((group) => group.completions);
    for (const limits of [
      { tokens: 24, scored: 14, segments: 4 },
      { tokens: 19, scored: 11, segments: 2 },
      wide,
    ]) {
      const batches = microBatches(groups, limits);
      expect(batches.flat().flatMap(({ sequences }) => sequences)).toEqual(flat.map((_, index) => index));
      for (const batch of batches) {
        const packed = toPackedGroups(batch, flat);
        expect(packed.reduce((sum, group) => sum + packedLength(group), 0)).toBeLessThanOrEqual(
          limits.tokens,
        );
        expect(
          packed.flatMap((group) => group.completions).reduce((sum, c) => sum + c.length, 0),
        ).toBeLessThanOrEqual(limits.scored);
        expect(packed.reduce((sum, group) => sum + 1 + group.completions.length, 0)).toBeLessThanOrEqual(
          limits.segments,
        );
      }
    }
  });

  it("says so when one completion alone is too long", () => {
    expect(() =>
      microBatches([{ prompt: prompt(8), completions: [completion(9)] }], { ...wide, tokens: 12 }),
    ).toThrow(ContextLengthError);
  });
});
