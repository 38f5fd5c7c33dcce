import { describe, expect, it } from "vitest";
import { checkGradient, type GradientInputs } from "./gradient.ts";

// y = a · sin(b), elementwise.
const inputs = { a: Float64Array.of(1.5, -2, 0.25), b: Float64Array.of(0.1, 40, -1) };
const forward = ({ a, b }: GradientInputs) => a.map((value, i) => value * Math.sin(b[i]));
const backward = ({ a, b }: GradientInputs, dy: Float64Array) => ({
  a: dy.map((d, i) => d * Math.sin(b[i])),
  b: dy.map((d, i) => d * a[i] * Math.cos(b[i])),
});

describe("checkGradient", () => {
  it("accepts the right derivative", () => {
    expect(() => checkGradient("a sin b", inputs, forward, backward)).not.toThrow();
  });

  it("catches a planted wrong sign and names the worst element", () => {
    const wrong = (given: GradientInputs, dy: Float64Array) => {
      const gradients = backward(given, dy);
      gradients.b[1] = -gradients.b[1];
      return gradients;
    };
    expect(() => checkGradient("a sin b", inputs, forward, wrong)).toThrow(/a sin b: db\[1\] is .*central/);
  });

  it("catches an error of one part in a hundred thousand", () => {
    const wrong = (given: GradientInputs, dy: Float64Array) => ({
      a: backward(given, dy).a.map((value) => value * (1 + 1e-5)),
    });
    expect(() => checkGradient("a sin b", inputs, forward, wrong)).toThrow(/da\[/);
  });

  it("catches NaN, a wrong length, an unknown name and a backward that returns nothing", () => {
    const check = (result: GradientInputs) => () => checkGradient("bad", inputs, forward, () => result);
    expect(check({ a: Float64Array.of(NaN, 0, 0) })).toThrow(/NaN/);
    expect(check({ a: new Float64Array(2) })).toThrow(/2 elements/);
    expect(check({ c: new Float64Array(3) })).toThrow(/not an input/);
    expect(check({})).toThrow(/no gradient/);
  });
});
