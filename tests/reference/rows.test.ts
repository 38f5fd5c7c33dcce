import { expect, it } from "vitest";
import { gatherRows, scatterRows } from "../../src/reference/rows.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [M, C] = [4, 3];
const index = Uint32Array.of(2, 0xffff_ffff, 0, 3, 4);
const src = normals(M * C, 1);
const empty = new Float64Array(M * C);

it("gather's gradient is a scatter", () => {
  const forward = ({ src }: Record<string, Float64Array>) => gatherRows(src, index, C);
  checkGradient("gather", { src }, forward, (_, dy) => ({ src: scatterRows(dy, index, empty, C) }));
});

it("scatter's gradient is a gather", () => {
  const forward = ({ src }: Record<string, Float64Array>) => scatterRows(src, index, empty, C);
  const values = normals(index.length * C, 2);
  checkGradient("scatter", { src: values }, forward, (_, dy) => ({ src: gatherRows(dy, index, C) }));
  const wrong = (_: unknown, dy: Float64Array) => ({ src: gatherRows(dy, Uint32Array.of(2, 1, 0, 3, 4), C) });
  expect(() => checkGradient("scatter", { src: values }, forward, wrong)).toThrow(/dsrc\[/);
});

it("writes zeros, or nothing, where an index names no row", () => {
  const gathered = gatherRows(src, index, C);
  expect([...gathered.subarray(C, 2 * C), ...gathered.subarray(4 * C)]).toEqual([0, 0, 0, 0, 0, 0]);
  const scattered = scatterRows(normals(index.length * C, 2), index, src, C);
  expect(scattered.subarray(C, 2 * C)).toEqual(src.subarray(C, 2 * C));
});
