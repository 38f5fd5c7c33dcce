import { describe, expect, test } from "vitest";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { philox4x32, Rng, seedFrom, uniformAt, unitInterval } from "../../src/util/rng.ts";
import type { Words4 } from "../../src/util/rng.ts";

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("philox4x32", () => {
  // Known answers published with the Random123 library.
  const known: [Words4, [number, number], string][] = [
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ];
  test.each(known)("known answer for %j", (counter, key, expected) => {
    expect(hex(philox4x32(counter, key))).toBe(expected);
  });
});

describe("uniforms", () => {
  test("lie strictly inside the unit interval and are exact in float32", () => {
    for (const word of [0, 1, 511, 512, 0x80000000, 0xfffffe00, 0xffffffff]) {
      const value = unitInterval(word);
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1);
      expect(Math.fround(value)).toBe(value);
    }
  });

  test("have the mean and variance of a uniform, and do not repeat over sequences and positions", () => {
    const seed = seedFrom(7);
    const values: number[] = [];
    for (let sequence = 0; sequence < 64; sequence++) {
      for (let position = 0; position < 256; position++) values.push(uniformAt(seed, sequence, position));
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / values.length));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
    expect(new Set(values).size).toBeGreaterThan(values.length * 0.995);
    expect(uniformAt(seed, 1, 2)).not.toBe(uniformAt(seed, 2, 1));
    expect(uniformAt(seed, 1, 2)).not.toBe(uniformAt(seed, 1, 2, 1));
    expect(uniformAt(seed, 1, 2)).not.toBe(uniformAt(seedFrom(8), 1, 2));
  });

  test("a 64-bit seed keeps both words", () => {
    expect(seedFrom(0x1234567890abcdefn)).toEqual({ lo: 0x90abcdef, hi: 0x12345678 });
    expect(seedFrom(2 ** 40 + 3)).toEqual({ lo: 3, hi: 256 });
    for (const bad of [-1, 1.5, 2 ** 53, 1n << 64n]) expect(() => seedFrom(bad)).toThrow(InvalidOptionError);
  });
});

describe("Rng", () => {
  test("resumes from its state with the same words", () => {
    const rng = new Rng(11, 3);
    for (let i = 0; i < 7; i++) rng.uint32();
    const saved = structuredClone(rng.state());
    const ahead = Array.from({ length: 10 }, () => rng.uint32());
    const resumed = Rng.restore(saved);
    expect(Array.from({ length: 10 }, () => resumed.uint32())).toEqual(ahead);
  });

  test("a permutation holds every index once, and a shuffle is not the identity", () => {
    const order = [...new Rng(1).permutation(100)];
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(order).not.toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test("below covers its range evenly", () => {
    const counts = new Array<number>(6).fill(0);
    const rng = new Rng(5);
    for (let i = 0; i < 60_000; i++) counts[rng.below(6)]++;
    for (const count of counts)
      expect(Math.abs(count - 10_000)).toBeLessThan(4 * Math.sqrt(60_000 * (1 / 6) * (5 / 6)));
    expect(() => rng.below(0)).toThrow(InvalidOptionError);
  });

  test("normals have mean 0 and variance 1", () => {
    const rng = new Rng(9);
    const values = Array.from({ length: 20_000 }, () => rng.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
  });
});
