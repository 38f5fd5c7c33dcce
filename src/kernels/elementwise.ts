import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, Dim, showShape } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import source from "../../shaders/elementwise.wgsl?raw";

const wgsl = [source];

/** Workgroups of 64 lanes, one lane per element of [T, F]. */
export const perElement = ({ T, F }: Record<string, number>) => rows(Math.ceil((T * F) / 64));

/** y = a + b over [T, F]. See shaders/elementwise.wgsl. */
export const elementwiseAdd = defineKernel({
  name: "elementwise",
  wgsl,
  entry: "add",
  tensors: { a: ["T", "F"], b: ["T", "F"], y: ["T", "F"] },
  workgroups: perElement,
});

/** y += alpha · x. */
export const elementwiseAccumulate = defineKernel({
  name: "elementwise",
  wgsl,
  entry: "accumulate",
  tensors: { x: ["T", "F"], y: ["T", "F"] },
  workgroups: perElement,
});

/** y *= alpha. */
export const elementwiseScale = defineKernel({
  name: "elementwise",
  wgsl,
  entry: "scale",
  tensors: { y: ["T", "F"] },
  workgroups: perElement,
});

/** y = alpha. */
export const elementwiseFill = defineKernel({
  name: "elementwise",
  wgsl,
  entry: "fill",
  tensors: { y: ["T", "F"] },
  workgroups: perElement,
});

/** Records y = a + b. One shape of any rank, one dtype; y is a tensor other than a and b. */
export function emitAdd(rec: Recorder, { a, b, y }: { a: Tensor; b: Tensor; y: Tensor }): void {
  rec.run(elementwiseAdd, { a: matrix(rec, a), b: matrix(rec, b), y: matrix(rec, y) }, { alpha: 1 });
}

/** Records y += alpha · x. One shape of any rank, one dtype; alpha, 1 by default, may be a runtime scalar. */
export function emitAccumulate(
  rec: Recorder,
  { x, y, alpha = 1 }: { x: Tensor; y: Tensor; alpha?: ParamValue },
): void {
  rec.run(elementwiseAccumulate, { x: matrix(rec, x), y: matrix(rec, y) }, { alpha });
}

/** Records y *= alpha, in place, any shape. */
export function emitScale(rec: Recorder, { y, alpha }: { y: Tensor; alpha: ParamValue }): void {
  rec.run(elementwiseScale, { y: matrix(rec, y) }, { alpha });
}

/** Records y = value, any shape; `rec.zero` is the cheaper way to write zeros. */
export function emitFill(rec: Recorder, { y, value }: { y: Tensor; value: ParamValue }): void {
  rec.run(elementwiseFill, { y: matrix(rec, y) }, { alpha: value });
}

/** The same tensor as [first extent, all others]: what elementwise and row kernels see. Only the first may be a Dim. */
export function matrix(rec: Recorder, tensor: Tensor): Tensor {
  const [first, ...rest] = tensor.shape;
  if (rest.some((extent) => extent instanceof Dim)) {
    throw new ShapeError(
      `shape of ${tensor.name}`,
      showShape(tensor.shape),
      "a runtime length in the first axis only",
    );
  }
  return rest.length === 1
    ? tensor
    : rec.view(tensor, [first, rest.reduce<number>((n, extent) => n * capacity(extent), 1)]);
}
