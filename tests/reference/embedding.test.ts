import { expect, it } from "vitest";
import { embeddingBackward, embeddingForward } from "../../src/reference/embedding.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [V, C] = [5, 3];
const ids = Uint32Array.of(4, 0, 4, 7, 2, 4);
const w = normals(V * C, 1);
const forward = ({ w }: Record<string, Float64Array>) => embeddingForward(ids, w, C);

it("has the gradient of its forward, summed over repeated ids", () => {
  checkGradient("embedding", { w }, forward, (_, dy) => ({ w: embeddingBackward(ids, dy, V, C) }));
});

it("is caught when a repeated id counts once", () => {
  const wrong = (_: unknown, dy: Float64Array) => ({
    w: embeddingBackward(
      ids.map((id, t) => (t > 2 ? 7 : id)),
      dy,
      V,
      C,
    ),
  });
  expect(() => checkGradient("embedding", { w }, forward, wrong)).toThrow(/dw\[/);
});

it("writes zeros for an id beyond the vocabulary", () => {
  expect([...forward({ w }).subarray(3 * C, 4 * C)]).toEqual([0, 0, 0]);
});
