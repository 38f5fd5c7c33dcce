import { expect, it } from "vitest";
import { ropeAngles, ropeBackward, ropeForward } from "../../src/reference/rope.ts";
import { expectClose } from "../support/close.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [T, H, D] = [3, 2, 6];
const inverseFrequencies = Float32Array.of(1, 0.3, 0.01);
const axes = Uint32Array.of(0, 1, 1);
const positions = Int32Array.of(5, 0, 7, 100, 3, 30_000);
const { cos, sin } = ropeAngles({ positions, inverseFrequencies, axes, T });
const forward = ({ x }: Record<string, Float64Array>) => ropeForward({ x, cos, sin, T, H, D });

it("has the gradient of its forward", () => {
  const x = normals(T * H * D, 1);
  checkGradient("rope", { x }, forward, (_, dy) => ({ x: ropeBackward({ dy, cos, sin, T, H, D }) }));
});

it("is caught when the backward turns forward", () => {
  const wrong = (_: Record<string, Float64Array>, dy: Float64Array) => ({ x: forward({ x: dy }) });
  expect(() => checkGradient("rope", { x: normals(T * H * D, 1) }, forward, wrong)).toThrow(/rope: dx\[/);
});

it("is undone by its backward", () => {
  const x = normals(T * H * D, 2);
  expectClose(ropeBackward({ dy: forward({ x }), cos, sin, T, H, D }), x, { abs: 1e-14, rel: 0 });
});

it("reads the position of each frequency's axis", () => {
  // Token 2 is at 7 on axis 0 and at 30,000 on axis 1.
  expect(cos[2 * 3]).toBe(Math.cos(7));
  expect(cos[2 * 3 + 1]).toBe(Math.cos(Math.fround(30_000 * Math.fround(0.3))));
  expect(sin[2 * 3 + 2]).toBe(Math.sin(Math.fround(30_000 * Math.fround(0.01))));
});

it("makes scores depend on the distance of positions only", () => {
  const q = normals(D, 3);
  const k = normals(D, 4);
  const frequencies = Float32Array.of(1, 0.5, 0.25); // exact products
  const score = (m: number, n: number) => {
    const table = { inverseFrequencies: frequencies, axes: new Uint32Array(3), T: 1 };
    const rotate = (x: Float64Array, position: number) =>
      ropeForward({ x, ...ropeAngles({ positions: Int32Array.of(position), ...table }), T: 1, H: 1, D });
    const [a, b] = [rotate(q, m), rotate(k, n)];
    return a.reduce((sum, value, i) => sum + value * b[i], 0);
  };
  expect(score(10, 4)).toBeCloseTo(score(1006, 1000), 12);
});
