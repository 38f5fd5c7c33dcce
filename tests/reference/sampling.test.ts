import { describe, expect, test } from "vitest";
import { sampleForward } from "../../src/reference/sampling.ts";
import type { SampleInputs } from "../../src/reference/sampling.ts";
import { seedFrom } from "../../src/util/rng.ts";

const base: SampleInputs = {
  logits: [2, 1, 0, -1, 1],
  seed: seedFrom(3),
  sequence: 0,
  position: 0,
  temperature: 1,
};

/** The tokens that can come up, and how often, over many positions. */
function frequencies(inputs: Partial<SampleInputs>, draws = 4000): Map<number, number> {
  const counts = new Map<number, number>();
  for (let position = 0; position < draws; position++) {
    const { token } = sampleForward({ ...base, ...inputs, position });
    counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return counts;
}
const support = (inputs: Partial<SampleInputs>) => [...frequencies(inputs).keys()].sort((a, b) => a - b);

describe("sampleForward", () => {
  test("frequencies are the softmax", () => {
    const weights = [2, 1, 0, -1, 1].map((z) => Math.exp(z / 0.7));
    const total = weights.reduce((sum, w) => sum + w, 0);
    const counts = frequencies({ temperature: 0.7 }, 20_000);
    weights.forEach((w, v) => {
      const p = w / total;
      expect(Math.abs((counts.get(v) ?? 0) / 20_000 - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 20_000));
    });
  });

  test("top-k keeps ties at the border", () => {
    expect(support({ topK: 1 })).toEqual([0]);
    expect(support({ topK: 2 })).toEqual([0, 1, 4]);
    expect(support({ topK: 4 })).toEqual([0, 1, 2, 4]);
    expect(support({ topK: 50 })).toEqual([0, 1, 2, 3, 4]);
  });

  test("top-p keeps the smallest set that reaches p, never nothing", () => {
    // Probabilities 0.505, 0.186 (twice), 0.068, 0.025 … of a total of 2.7+…: sums 0.52, 0.90, 0.97, 1.
    expect(support({ topP: 0 })).toEqual([0]);
    expect(support({ topP: 0.5 })).toEqual([0]);
    expect(support({ topP: 0.6 })).toEqual([0, 1, 4]);
    expect(support({ topP: 0.95 })).toEqual([0, 1, 2, 4]);
    expect(support({ topP: 0.6, topK: 1 })).toEqual([0]);
  });

  test("min-p is relative to the likeliest, after temperature", () => {
    expect(support({ minP: 0.3 })).toEqual([0, 1, 4]);
    expect(support({ minP: 0.3, temperature: 2 })).toEqual([0, 1, 2, 4]);
    expect(support({ minP: 1 })).toEqual([0]);
  });

  test("bans, penalty and greedy", () => {
    const greedy = (inputs: Partial<SampleInputs>) =>
      sampleForward({ ...base, temperature: 0, ...inputs }).token;
    expect(greedy({})).toBe(0);
    expect(greedy({ banned: new Set([0]) })).toBe(1);
    expect(greedy({ seen: new Set([0]), repetitionPenalty: 2.5 })).toBe(1);
    expect(greedy({ logits: [-1, -2], seen: new Set([0]), repetitionPenalty: 3 })).toBe(1);
    expect(support({ banned: new Set([0, 3]) })).toEqual([1, 2, 4]);
  });

  test("logp is of the whole distribution after bans, at the temperature", () => {
    const { logp } = sampleForward({
      ...base,
      logits: [Math.log(3), 0, 50],
      banned: new Set([2]),
      topK: 1,
      temperature: 0.5,
    });
    expect(logp).toBeCloseTo(Math.log(9 / 10), 12);
    expect(sampleForward({ ...base, logits: [Math.log(3), 0], temperature: 0 }).logp).toBeCloseTo(
      Math.log(3 / 4),
      12,
    );
  });

  test("nothing to draw", () => {
    for (const logits of [
      [NaN, 1],
      [Infinity, 1],
      [-Infinity, -Infinity],
    ]) {
      expect(sampleForward({ ...base, logits })).toMatchObject({ token: 0xffffffff, logp: NaN });
    }
    expect(sampleForward({ ...base, banned: new Set([0, 1, 2, 3, 4]) }).token).toBe(0xffffffff);
    expect(sampleForward({ ...base, logits: [NaN, 1], banned: new Set([0]) }).token).toBe(1);
  });
});
