import { expect, it } from "vitest";
import { swigluBackward, swigluForward } from "../../src/reference/swiglu.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const inputs = { gate: Float64Array.of(...normals(9, 1, 3), 30, -30), up: normals(11, 2) };
const forward = ({ gate, up }: Record<string, Float64Array>) => swigluForward({ gate, up });

it("has the gradients of its forward", () => {
  checkGradient("swiglu", inputs, forward, ({ gate, up }, dh) => {
    const { dgate, dup } = swigluBackward({ gate, up, dh });
    return { gate: dgate, up: dup };
  });
});

it("is caught without the second term of silu's derivative", () => {
  const wrong = ({ gate, up }: Record<string, Float64Array>, dh: Float64Array) => ({
    gate: gate.map((a, i) => (dh[i] * up[i]) / (1 + Math.exp(-a))),
  });
  expect(() => checkGradient("swiglu", inputs, forward, wrong)).toThrow(/swiglu: dgate\[/);
});

it("has finite values and slopes in both tails", () => {
  const gate = Float64Array.of(-1000, 1000);
  const ones = Float64Array.of(1, 1);
  const { dgate, dup } = swigluBackward({ gate, up: ones, dh: ones });
  expect([...swigluForward({ gate, up: ones })].map(Math.abs)).toEqual([0, 1000]);
  expect([...dgate].map(Math.abs)).toEqual([0, 1]);
  expect([...dup].map(Math.abs)).toEqual([0, 1000]);
});
