import { describe, expect, it } from "vitest";
import { packExamples } from "../../src/train/sft-batches.ts";
import { Rng } from "../../src/util/rng.ts";

const pack = (lengths: readonly number[], limits: { tokens: number; examples: number }) =>
  packExamples(lengths, (length) => length, limits);

describe("packExamples", () => {
  it("fills micro-batches best fit, longest first, and keeps each one's examples in order", () => {
    expect(pack([3, 7, 5, 2, 4, 9], { tokens: 10, examples: 0 })).toEqual([[9], [3, 7], [5, 4], [2]]);
    expect(pack([5, 5, 10, 1], { tokens: 11, examples: 0 })).toEqual([
      [10, 1],
      [5, 5],
    ]);
  });

  it("keeps to both limits, loses nothing, and wastes little", () => {
    const rng = new Rng(4);
    const lengths = Array.from({ length: 300 }, () => 10 + rng.below(200));
    const packed = pack(lengths, { tokens: 512, examples: 6 });
    const sums = packed.map((part) => part.reduce((sum, length) => sum + length, 0));
    expect(Math.max(...sums)).toBeLessThanOrEqual(512);
    expect(Math.max(...packed.map((part) => part.length))).toBeLessThanOrEqual(6);
    expect(packed.flat().sort((a, b) => a - b)).toEqual([...lengths].sort((a, b) => a - b));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const byTokens = pack(lengths, { tokens: 512, examples: 0 });
    expect(byTokens.length).toBeLessThanOrEqual(Math.ceil(total / 512) + 1);
  });

  it("cuts by number alone where tokens have no limit", () => {
    expect(pack([1, 2, 3, 4, 5], { tokens: 0, examples: 2 })).toEqual([[1, 2], [3, 4], [5]]);
    expect(pack([1, 2, 3], { tokens: 0, examples: 0 })).toEqual([[1, 2, 3]]);
    expect(pack([], { tokens: 0, examples: 0 })).toEqual([]);
    expect(pack([], { tokens: 9, examples: 0 })).toEqual([]);
  });
});
