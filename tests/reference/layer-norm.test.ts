import { expect, it } from "vitest";
import { layerNormBackward, layerNormForward } from "../../src/reference/layer-norm.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [T, C, eps] = [3, 5, 1e-3];
const inputs = { x: normals(T * C, 1), w: normals(C, 2), b: normals(C, 3) };
const forward = ({ x, w, b }: Record<string, Float64Array>) => layerNormForward({ x, w, b, eps, T, C }).y;
const saved = ({ x, w, b }: Record<string, Float64Array>) => layerNormForward({ x, w, b, eps, T, C });

it("has the gradients of its forward", () => {
  checkGradient("layer-norm", inputs, forward, (given, dy) => {
    const { mean, rstd } = saved(given);
    const { dx, dw, db } = layerNormBackward({ x: given.x, w: given.w, mean, rstd, dy, T, C });
    return { x: dx, w: dw, b: db };
  });
});

it("is caught without the mean's share of dx", () => {
  const wrong = (given: Record<string, Float64Array>, dy: Float64Array) => {
    const { mean, rstd } = saved(given);
    const { dx } = layerNormBackward({ x: given.x, w: given.w, mean, rstd, dy, T, C });
    return { x: dx.map((d, i) => d + (0.1 * rstd[Math.floor(i / C)]) / C) };
  };
  expect(() => checkGradient("layer-norm", inputs, forward, wrong)).toThrow(/layer-norm: dx\[/);
});

it("gives rows mean 0 and variance 1 under unit weights", () => {
  const w = new Float64Array(C).fill(1);
  const { y } = layerNormForward({ x: inputs.x, w, b: new Float64Array(C), eps: 0, T, C });
  for (let t = 0; t < T; t++) {
    const row = y.subarray(t * C, (t + 1) * C);
    expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
    expect(row.reduce((sum, value) => sum + value ** 2, 0) / C).toBeCloseTo(1, 12);
  }
});

it("starts dx from `add`", () => {
  const { mean, rstd } = saved(inputs);
  const given = { x: inputs.x, w: inputs.w, mean, rstd, dy: normals(T * C, 4), T, C };
  const add = normals(T * C, 5);
  const plain = layerNormBackward(given).dx;
  expect(layerNormBackward({ ...given, add }).dx).toEqual(plain.map((d, i) => add[i] + d));
});
