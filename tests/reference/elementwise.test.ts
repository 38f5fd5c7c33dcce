import { expect, it } from "vitest";
import { accumulate, add, scale } from "../../src/reference/elementwise.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const inputs = { a: normals(7, 1), b: normals(7, 2) };

it("add passes its gradient to both sides", () => {
  checkGradient(
    "add",
    inputs,
    ({ a, b }) => add(a, b),
    (_, dy) => ({ a: dy, b: dy }),
  );
});

it("accumulate passes its gradient to y, and alpha times to x", () => {
  const backward = (_: unknown, dy: Float64Array) => ({ a: dy, b: scale(dy, 2.5) });
  checkGradient("accumulate", inputs, ({ a, b }) => accumulate(a, b, 2.5), backward);
  const wrong = (_: unknown, dy: Float64Array) => ({ b: dy });
  expect(() => checkGradient("accumulate", inputs, ({ a, b }) => accumulate(a, b, 2.5), wrong)).toThrow(
    /db\[/,
  );
});
