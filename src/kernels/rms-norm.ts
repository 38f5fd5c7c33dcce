import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Constants, Sizes } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { isWide } from "./adapter.ts";
import reduce from "../../shaders/lib/reduce.wgsl?raw";
import rowsSource from "../../shaders/rms-norm-rows.wgsl?raw";
import source from "../../shaders/rms-norm.wgsl?raw";

const wgsl = [reduce, source];
const lanes = [64, 32, 8, 16, 128, 256];
/** A workgroup per row with so many lanes; last, a lane per row. */
const variants = [
  ...lanes.map((LANES) => ({ constants: { LANES } })),
  { constants: { ROWS_PER_GROUP: 8 }, wgsl: [rowsSource] },
];
/** By width and device alone: the variant is the order of summation, which sampling and training share. */
const choose = ({ C, WIDE }: Sizes) => (WIDE === 0 ? lanes.length : C > 256 ? 0 : C > 64 ? 1 : 2);
const groups = ({ T, H }: Sizes, { ROWS_PER_GROUP = 1 }: Constants) =>
  rows(Math.ceil((T * H) / Number(ROWS_PER_GROUP)));
/** Rows one invocation of the weight gradient sums: ROWS in the shader. */
const rowsPerSlice = 64;

/** RMSNorm. x, y [T, H, C], w [C], rstd [T, H]. See shaders/rms-norm.wgsl. */
export const rmsNormForward = defineKernel({
  name: "rms-norm",
  wgsl,
  entry: "forward",
  tensors: { x: ["T", "H", "C"], w: ["C"], y: ["T", "H", "C"], rstd: ["T", "H"] },
  workgroups: groups,
  variants,
  tunable: true,
  choose,
});

/** dx [T, H, C] from dy; `add` (with has_add = 1) is a gradient that dx starts from. */
export const rmsNormBackwardX = defineKernel({
  name: "rms-norm",
  wgsl,
  entry: "backward_x",
  tensors: {
    x: ["T", "H", "C"],
    w: ["C"],
    rstd: ["T", "H"],
    dy: ["T", "H", "C"],
    dx: ["T", "H", "C"],
    add: ["T", "H", "C"],
  },
  optional: ["add"],
  workgroups: groups,
  variants,
  tunable: true,
  choose,
});

/** Sums of dy · x · rstd over slices of rows: dw_slices [S, C]. */
export const rmsNormBackwardW = defineKernel({
  name: "rms-norm",
  wgsl,
  entry: "backward_w",
  tensors: { x: ["T", "H", "C"], rstd: ["T", "H"], dy: ["T", "H", "C"], dw_slices: ["S", "C"] },
  workgroups: ({ T, H, C }) => rows(Math.ceil((Math.ceil((T * H) / rowsPerSlice) * C) / 64)),
  variants: [{ ROWS: rowsPerSlice }],
});

/** dw [C] += the slices of dw_slices [S, C] that T · H rows fill. */
export const rmsNormBackwardWSum = defineKernel({
  name: "rms-norm",
  wgsl,
  entry: "backward_w_sum",
  tensors: { dw_slices: ["S", "C"], dw: ["C"] },
  workgroups: ({ C }) => Math.ceil(C / 64),
  variants: [{ ROWS: rowsPerSlice }],
});

/** x, y: [T, C] or [T, H, C] for norms within heads. w: f32 [C]. rstd: f32 [T] or [T, H]. */
export interface RmsNormTensors {
  x: Tensor;
  w: Tensor;
  y: Tensor;
  rstd: Tensor;
}

/**
 * Records y = x · rstd · w and rstd = 1 / √(mean_c x² + eps).
 * @throws ShapeError when shapes or dtypes do not fit.
 */
export function emitRmsNorm(rec: Recorder, { x, w, y, rstd, eps }: RmsNormTensors & { eps: number }): void {
  rec.run(
    rmsNormForward,
    { x: heads(rec, x), w, y: heads(rec, y), rstd: columns(rec, rstd) },
    { eps, has_add: 0, WIDE: isWide(rec) },
  );
}

/** Shapes as in {@link RmsNormTensors}; dy, dx and add as x. dx may alias nothing. */
export interface RmsNormBackwardXTensors {
  x: Tensor;
  w: Tensor;
  rstd: Tensor;
  dy: Tensor;
  dx: Tensor;
  add?: Tensor;
}

/** Records dx = (add +) the gradient of x. With `add`, the residual stream's gradient is summed on the way. */
export function emitRmsNormBackwardX(
  rec: Recorder,
  { x, w, rstd, dy, dx, add }: RmsNormBackwardXTensors,
): void {
  rec.run(
    rmsNormBackwardX,
    {
      x: heads(rec, x),
      w,
      rstd: columns(rec, rstd),
      dy: heads(rec, dy),
      dx: heads(rec, dx),
      add: add && heads(rec, add),
    },
    { eps: 0, has_add: add ? 1 : 0, WIDE: isWide(rec) },
  );
}

/** Records dw += Σ_t dy · x · rstd, dw f32 [C], in a fixed order: slices of 64 rows, then the slices. */
export function emitRmsNormBackwardW(
  rec: Recorder,
  { x, rstd, dy, dw }: { x: Tensor; rstd: Tensor; dy: Tensor; dw: Tensor },
): void {
  const folded = heads(rec, x);
  const [T, H, C] = folded.shape;
  const slices = Math.ceil((capacity(T) * capacity(H)) / rowsPerSlice);
  const dw_slices = rec.tensor("rms-norm dw slices", [slices, C], "f32");
  const params = { eps: 0, has_add: 0 };
  rec.run(rmsNormBackwardW, { x: folded, rstd: columns(rec, rstd), dy: heads(rec, dy), dw_slices }, params);
  rec.run(rmsNormBackwardWSum, { dw_slices, dw }, { T, H, ...params });
}

const heads = (rec: Recorder, x: Tensor) =>
  x.shape.length === 2 ? rec.view(x, [x.shape[0], 1, x.shape[1]]) : x;
const columns = (rec: Recorder, rstd: Tensor) =>
  rstd.shape.length === 1 ? rec.view(rstd, [rstd.shape[0], 1]) : rstd;
