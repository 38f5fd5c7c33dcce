import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Sizes } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import reduce from "../../shaders/lib/reduce.wgsl?raw";
import source from "../../shaders/layer-norm.wgsl?raw";

const wgsl = [reduce, source];
const variants = [{ LANES: 64 }, { LANES: 32 }, { LANES: 8 }, { LANES: 16 }, { LANES: 128 }, { LANES: 256 }];
/** By width alone: the number of lanes is the order of summation, which sampling and training share. */
const choose = ({ C }: Sizes) => (C > 256 ? 0 : C > 64 ? 1 : 2);
/** Rows one invocation of the parameter gradients sums: ROWS in the shader. */
const rowsPerSlice = 64;

/** LayerNorm. x, y [T, C], w, b [C], mean, rstd [T]. See shaders/layer-norm.wgsl. */
export const layerNormForward = defineKernel({
  name: "layer-norm",
  wgsl,
  entry: "forward",
  tensors: { x: ["T", "C"], w: ["C"], b: ["C"], y: ["T", "C"], mean: ["T"], rstd: ["T"] },
  workgroups: ({ T }) => rows(T),
  variants,
  tunable: true,
  choose,
});

/** dx [T, C] from dy; `add` (with has_add = 1) is a gradient that dx starts from. */
export const layerNormBackwardX = defineKernel({
  name: "layer-norm",
  wgsl,
  entry: "backward_x",
  tensors: {
    x: ["T", "C"],
    w: ["C"],
    mean: ["T"],
    rstd: ["T"],
    dy: ["T", "C"],
    dx: ["T", "C"],
    add: ["T", "C"],
  },
  optional: ["add"],
  workgroups: ({ T }) => rows(T),
  variants,
  tunable: true,
  choose,
});

/** Sums of dy · n and of dy over slices of rows: dw_slices, db_slices [S, C]. */
export const layerNormBackwardW = defineKernel({
  name: "layer-norm",
  wgsl,
  entry: "backward_w",
  tensors: {
    x: ["T", "C"],
    mean: ["T"],
    rstd: ["T"],
    dy: ["T", "C"],
    dw_slices: ["S", "C"],
    db_slices: ["S", "C"],
  },
  workgroups: ({ T, C }) => rows(Math.ceil((Math.ceil(T / rowsPerSlice) * C) / 64)),
  variants: [{ ROWS: rowsPerSlice }],
});

/** dw, db [C] += the slices that T rows fill. */
export const layerNormBackwardWSum = defineKernel({
  name: "layer-norm",
  wgsl,
  entry: "backward_w_sum",
  tensors: { dw_slices: ["S", "C"], db_slices: ["S", "C"], dw: ["C"], db: ["C"] },
  workgroups: ({ C }) => Math.ceil(C / 64),
  variants: [{ ROWS: rowsPerSlice }],
});

/** x, y: [T, C]. w, b: f32 [C]. mean, rstd: f32 [T], kept for the backward. */
export interface LayerNormTensors {
  x: Tensor;
  w: Tensor;
  b: Tensor;
  y: Tensor;
  mean: Tensor;
  rstd: Tensor;
}

/**
 * Records y = (x − mean) · rstd · w + b.
 * @throws ShapeError when shapes or dtypes do not fit.
 */
export function emitLayerNorm(rec: Recorder, { eps, ...tensors }: LayerNormTensors & { eps: number }): void {
  rec.run(layerNormForward, { ...tensors }, { eps, has_add: 0 });
}

/** Shapes as in {@link LayerNormTensors}; dy, dx and add as x. */
export interface LayerNormBackwardXTensors {
  x: Tensor;
  w: Tensor;
  mean: Tensor;
  rstd: Tensor;
  dy: Tensor;
  dx: Tensor;
  add?: Tensor;
}

/** Records dx = (add +) the gradient of x. With `add`, the residual stream's gradient is summed on the way. */
export function emitLayerNormBackwardX(rec: Recorder, tensors: LayerNormBackwardXTensors): void {
  rec.run(layerNormBackwardX, { ...tensors }, { eps: 0, has_add: tensors.add ? 1 : 0 });
}

/** Records dw += Σ_t dy · n and db += Σ_t dy, f32 [C], in a fixed order: slices of 64 rows, then the slices. */
export function emitLayerNormBackwardW(
  rec: Recorder,
  { x, mean, rstd, dy, dw, db }: Record<"x" | "mean" | "rstd" | "dy" | "dw" | "db", Tensor>,
): void {
  const [T, C] = x.shape;
  const slices = Math.ceil(capacity(T) / rowsPerSlice);
  const dw_slices = rec.tensor("layer-norm dw slices", [slices, C], "f32");
  const db_slices = rec.tensor("layer-norm db slices", [slices, C], "f32");
  const params = { eps: 0, has_add: 0 };
  rec.run(layerNormBackwardW, { x, mean, rstd, dy, dw_slices, db_slices }, params);
  rec.run(layerNormBackwardWSum, { dw_slices, db_slices, dw, db }, { T, ...params });
}
