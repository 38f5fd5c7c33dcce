import type { Recorder } from "../gpu/recorder.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { definePacked, runPacked } from "./pack.ts";
import source from "../../shaders/elementwise.wgsl?raw";

function elementwise(entry: string, names: readonly string[]) {
  return definePacked({
    name: "elementwise",
    wgsl: [source],
    entry,
    tensors: Object.fromEntries(names.map((name) => [name, ["T", "F"]])),
    extent: ["T", "F"],
  });
}

/** y = a + b over [T, F]. See shaders/elementwise.wgsl. */
export const elementwiseAdd = elementwise("add", ["a", "b", "y"]);

/** y += alpha · x. */
export const elementwiseAccumulate = elementwise("accumulate", ["x", "y"]);

/** y *= alpha. */
export const elementwiseScale = elementwise("scale", ["y"]);

/** y = alpha. */
export const elementwiseFill = elementwise("fill", ["y"]);

/** Records y = a + b. One shape of any rank, one dtype; y is a tensor other than a and b. */
export function emitAdd(rec: Recorder, { a, b, y }: { a: Tensor; b: Tensor; y: Tensor }): void {
  runPacked(rec, elementwiseAdd, { a, b, y }, { alpha: 1 });
}

/** Records y += alpha · x. One shape of any rank, one dtype; alpha, 1 by default, may be a runtime scalar. */
export function emitAccumulate(
  rec: Recorder,
  { x, y, alpha = 1 }: { x: Tensor; y: Tensor; alpha?: ParamValue },
): void {
  runPacked(rec, elementwiseAccumulate, { x, y }, { alpha });
}

/** Records y *= alpha, in place, any shape. */
export function emitScale(rec: Recorder, { y, alpha }: { y: Tensor; alpha: ParamValue }): void {
  runPacked(rec, elementwiseScale, { y }, { alpha });
}

/** Records y = value, any shape; `rec.zero` is the cheaper way to write zeros. */
export function emitFill(rec: Recorder, { y, value }: { y: Tensor; value: ParamValue }): void {
  runPacked(rec, elementwiseFill, { y }, { alpha: value });
}
