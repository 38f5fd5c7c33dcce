import { describe, expect, it } from "vitest";
import { activationBackward, activationForward, type ActivationKind } from "../../src/reference/gelu.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const kinds: readonly ActivationKind[] = ["gelu", "gelu_tanh", "quick_gelu", "silu"];
const x = Float64Array.of(...normals(9, 1, 2), 0, 8, -8, 3.5, -3.6);

describe.each(kinds)("%s", (kind) => {
  const forward = ({ x }: Record<string, Float64Array>) => activationForward(kind, x);

  it("has the gradient of its forward", () => {
    checkGradient(kind, { x }, forward, ({ x }, dy) => ({ x: activationBackward(kind, x, dy) }));
  });

  it("is caught with another kind's gradient", () => {
    const other = kinds[(kinds.indexOf(kind) + 1) % kinds.length];
    const wrong = ({ x }: Record<string, Float64Array>, dy: Float64Array) => ({
      x: activationBackward(other, x, dy),
    });
    expect(() => checkGradient(kind, { x }, forward, wrong)).toThrow(/: dx\[/);
  });
});

// erf and its complement as tabulated in Abramowitz & Stegun, tables 7.1 and 7.3, through Φ(x) = (1 + erf(x/√2)) / 2.
it.each([
  [0.5, 0.5204998778],
  [1, 0.8427007929],
  [2, 0.995322265],
])("the exact form uses erf(%d) = %d", (z, erf) => {
  const value = z * Math.SQRT2;
  expect(activationForward("gelu", Float64Array.of(value))[0] / value).toBeCloseTo((1 + erf) / 2, 10);
  expect(activationForward("gelu", Float64Array.of(-value))[0] / -value).toBeCloseTo((1 - erf) / 2, 10);
});

it("joins the series and the continued fraction of erfc without a step", () => {
  const border = 2.5 * Math.SQRT2;
  const [below, above] = activationForward(
    "gelu",
    Float64Array.of(-border * (1 - 1e-15), -border * (1 + 1e-15)),
  );
  expect(Math.abs(below / above - 1)).toBeLessThan(1e-11);
});
