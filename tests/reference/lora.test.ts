import { expect, it } from "vitest";
import { loraBackward, loraForward } from "../../src/reference/lora.ts";
import { matmulForward } from "../../src/reference/matmul.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const shape = { T: 3, N: 4, K: 5, R: 2, scale: 1.5 };
const { T, N, K, R } = shape;
const inputs = {
  x: normals(T * K, 1),
  w: normals(N * K, 2),
  a: normals(R * K, 3),
  b: normals(N * R, 4),
  bias: normals(N, 5),
  add: normals(T * N, 6),
};

it("has the gradients that central differences give", () => {
  checkGradient(
    "lora",
    inputs,
    ({ x, w, a, b, bias, add }) => loraForward({ x, w, a, b, bias, add, ...shape }).y,
    ({ x, w, a, b }, dy) => {
      const { z } = loraForward({ x, w, a, b, ...shape });
      const { dx, da, db } = loraBackward({ x, z, w, a, b, dy, ...shape });
      return { x: dx, a: da, b: db };
    },
  );
});

it("is the weight alone when b is zero", () => {
  const { x, w, bias, add } = inputs;
  const { y } = loraForward({ ...inputs, b: new Float64Array(N * R), ...shape });
  expect(y).toEqual(matmulForward({ x, w, bias, add, T, N, K }));
});
