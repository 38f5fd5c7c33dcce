import { expect, it } from "vitest";
import { matmulBackward, matmulForward } from "../../src/reference/matmul.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [T, N, K] = [3, 4, 5];

it("multiplies", () => {
  const y = matmulForward({
    x: [1, 2, 3, 4],
    w: [5, 6, 7, 8],
    bias: [10, 20],
    add: [1, 1, 1, 1],
    alpha: 2,
    T: 2,
    N: 2,
    K: 2,
  });
  expect([...y]).toEqual([45, 67, 89, 127]);
});

it("has the gradients that central differences give", () => {
  const inputs = { x: normals(T * K, 1), w: normals(N * K, 2), bias: normals(N, 3), add: normals(T * N, 4) };
  checkGradient(
    "matmul",
    inputs,
    ({ x, w, bias, add }) => matmulForward({ x, w, bias, add, alpha: 0.7, T, N, K }),
    ({ x, w }, dy) => {
      const { dx, dw, dbias } = matmulBackward({ x, w, dy, alpha: 0.7, T, N, K });
      return { x: dx, w: dw, bias: dbias, add: dy };
    },
  );
});
