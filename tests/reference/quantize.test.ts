import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dequantize, groupScale, packHalves, quantize } from "../../src/reference/quantize.ts";
import { parseSafetensors } from "../../src/storage/safetensors.ts";
import { halfToFloat } from "../../src/util/half.ts";
import { expectClose } from "../support/close.ts";
import { fixturePath } from "../support/fixtures.ts";
import { normals } from "../support/random.ts";

/** Largest |dequantized − value| of each group, in steps of that group. */
function errorsInSteps(
  values: Float64Array,
  shape: { N: number; K: number; group: number; bits: 4 | 8 },
): number[] {
  const { N, K, group } = shape;
  const packed = quantize(values, shape);
  const back = dequantize(packed, shape);
  const groups = Math.ceil(K / group);
  return Array.from({ length: N * groups }, (_, i) => {
    const step = halfToFloat(packed.scales[i] & 0xffff);
    const begin = Math.floor(i / groups) * K + (i % groups) * group;
    const end = Math.min(begin + group, (Math.floor(i / groups) + 1) * K);
    let worst = 0;
    for (let k = begin; k < end; k++) worst = Math.max(worst, Math.abs(back[k] - values[k]));
    return worst === 0 ? 0 : worst / step;
  });
}

describe.each([4, 8] as const)("%i bits", (bits) => {
  it.each([
    ["normal", normals(6 * 200, 1)],
    ["tiny, where halves are subnormal", normals(6 * 200, 2, 1e-5)],
    ["large", normals(6 * 200, 3, 1e4)],
    [
      "far from zero, where the bias rounds coarsely",
      normals(6 * 200, 4, 0.01).map((value) => Math.fround(value + 100)),
    ],
    ["all negative", normals(6 * 200, 5).map((value) => Math.fround(-Math.abs(value) - 1))],
  ])("is off by at most half a step: %s", (_, values) => {
    for (const group of [32, 64]) {
      const errors = errorsInSteps(values, { N: 6, K: 200, group, bits });
      expect(Math.max(...errors)).toBeLessThanOrEqual(0.5 + 1e-3);
    }
  });

  it("keeps constant groups, to half a half's step", () => {
    const values = Float64Array.from({ length: 64 }, (_, i) => (i < 32 ? 0.1 : -3));
    const shape = { N: 1, K: 64, group: 32, bits };
    const back = dequantize(quantize(values, shape), shape);
    expect(back[40]).toBe(-3);
    expect(Math.abs(back[0] - 0.1)).toBeLessThan(2 ** -15);
    expect(dequantize(quantize(new Float64Array(64), shape), shape)).toEqual(new Float64Array(64));
  });
});

it("covers a group: bias at or below the least, top level at or above the greatest", () => {
  const { s, b } = groupScale([0.1001, 0.7003, 0.33], 4);
  expect(halfToFloat(b)).toBeLessThanOrEqual(0.1001);
  expect(halfToFloat(b) + 15 * halfToFloat(s)).toBeGreaterThanOrEqual(0.7003);
  expect(halfToFloat(s)).toBeLessThan((0.7003 - 0.1) / 15 + 1e-4);
});

it("packs halves two per word, low first, a row at a time", () => {
  expect([...packHalves([1, -2, 0.5, 65_504, 1e6, 2 ** -24], { N: 2, K: 3 })]).toEqual([
    0xc0003c00, 0x3800, 0x7bff7bff, 0x0001,
  ]);
});

it("reads MLX's 4-bit words", async () => {
  const table = await parseSafetensors(readFileSync(fixturePath("mlx_4bit.safetensors")));
  const halves = async (name: string) => new Uint16Array((await table.readBytes(name)).buffer);
  const [scales, biases] = [await halves("scales"), await halves("biases")];
  const expected = await table.readFloat32("dequant");
  const packed = {
    data: new Uint32Array((await table.readBytes("weight")).buffer),
    scales: Uint32Array.from(scales, (scale, i) => (scale | (biases[i] << 16)) >>> 0),
  };
  const got = dequantize(packed, { N: 24, K: 256, group: 64, bits: 4 });
  expectClose(got, expected, { abs: 0, rel: 2 ** -22 }, "dequantized");
});
