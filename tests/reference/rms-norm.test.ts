import { expect, it } from "vitest";
import { rmsNormBackward, rmsNormForward } from "../../src/reference/rms-norm.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [T, C, eps] = [3, 5, 1e-3];
const inputs = { x: normals(T * C, 1), w: normals(C, 2) };
const forward = ({ x, w }: Record<string, Float64Array>) => rmsNormForward({ x, w, eps, T, C }).y;

it("has the gradients of its forward", () => {
  checkGradient("rms-norm", inputs, forward, ({ x, w }, dy) => {
    const { dx, dw } = rmsNormBackward({ x, w, rstd: rmsNormForward({ x, w, eps, T, C }).rstd, dy, T, C });
    return { x: dx, w: dw };
  });
});

it("is caught with a wrong sign in the pull towards the mean", () => {
  const wrong = ({ x, w }: Record<string, Float64Array>, dy: Float64Array) => {
    const { rstd } = rmsNormForward({ x, w, eps, T, C });
    const { dx } = rmsNormBackward({ x, w, rstd, dy, T, C });
    return { x: dx.map((d, i) => 2 * rstd[Math.floor(i / C)] * w[i % C] * dy[i] - d) };
  };
  expect(() => checkGradient("rms-norm", inputs, forward, wrong)).toThrow(/rms-norm: dx\[/);
});

it("gives rows a mean square of one under unit weights", () => {
  const { y } = rmsNormForward({ x: inputs.x, w: new Float64Array(C).fill(1), eps: 0, T, C });
  for (let t = 0; t < T; t++) {
    const squares = y.subarray(t * C, (t + 1) * C).reduce((sum, value) => sum + value ** 2, 0);
    expect(squares / C).toBeCloseTo(1, 12);
  }
});

it("starts dx from `add`", () => {
  const { x, w } = inputs;
  const given = { x, w, rstd: rmsNormForward({ x, w, eps, T, C }).rstd, dy: normals(T * C, 3), T, C };
  const add = normals(T * C, 4);
  const plain = rmsNormBackward(given).dx;
  expect(rmsNormBackward({ ...given, add }).dx).toEqual(plain.map((d, i) => add[i] + d));
});
