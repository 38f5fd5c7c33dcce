import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { definePacked, runPacked } from "./pack.ts";
import source from "../../shaders/rows.wgsl?raw";

const wgsl = [source];

/** An index that names no row: gather writes zeros there, scatter writes nothing. */
export const SKIP_ROW = 0xffff_ffff;

/** y[r] = src[index[r]]: src [M, C], index u32 [R], y [R, C]. See shaders/rows.wgsl. */
export const gatherRows = definePacked({
  name: "rows",
  wgsl,
  entry: "gather",
  tensors: { src: ["M", "C"], index: ["R"], y: ["R", "C"] },
  extent: ["R", "C"],
});

/** y[index[r]] = src[r]: src [R, C], index u32 [R], y [M, C]. */
export const scatterRows = definePacked({
  name: "rows",
  wgsl,
  entry: "scatter",
  tensors: { src: ["R", "C"], index: ["R"], y: ["M", "C"] },
  extent: ["R", "C"],
});

/** src, y: rank 2 or more, seen as rows of the first axis; one dtype, any. index: u32, one entry per row moved. */
export interface RowTensors {
  src: Tensor;
  index: Tensor;
  y: Tensor;
}

/**
 * Records y[r] = src[index[r]], and zeros where index[r] is not a row of src. A permutation, a selection, the splice's
 * backward; the backward of {@link emitScatterRows} with the same index.
 */
export function emitGatherRows(rec: Recorder, { src, index, y }: RowTensors): void {
  runPacked(rec, gatherRows, { src, y }, {}, { index });
}

/**
 * Records y[index[r]] = src[r], skipping an index that is not a row of y. Indices that are rows differ from each other;
 * rows of y that none names keep their contents. The append to a KV cache, the splice of image features; the backward
 * of {@link emitGatherRows} when its indices differ (zero y first where not every row is named).
 */
export function emitScatterRows(rec: Recorder, { src, index, y }: RowTensors): void {
  runPacked(rec, scatterRows, { src, y }, {}, { index });
}
