import { ShapeError } from "../util/errors.ts";
import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { elementCount, shards, showShape } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import source from "../../shaders/adamw.wgsl?raw";

const wgsl = [finite, source];
/** Elements per workgroup: LANES · ITEMS in the shader. */
const block = 4096;
const blocks = ({ N }: Record<string, number>) => rows(Math.ceil(N / block));

/** A sum of squares per 4,096 elements of grad [N], into squares [M] from params.offset on. See shaders/adamw.wgsl. */
export const adamwSquareSums = defineKernel({
  name: "adamw",
  wgsl,
  entry: "square_sums",
  tensors: { grad: ["N"], squares: ["M"] },
  workgroups: blocks,
});

/** Norm, clip scale and skip flag from all sums. */
export const adamwNorm = defineKernel({
  name: "adamw",
  wgsl,
  entry: "norm",
  tensors: { squares: ["N"], report: [8] },
  workgroups: () => 1,
});

/** The update of one tensor, in place, and what it changed per 4,096 elements. */
export const adamwStep = defineKernel({
  name: "adamw",
  wgsl,
  entry: "step",
  tensors: { param: ["N"], grad: ["N"], m: ["N"], v: ["N"], moved: ["M", 2], report: [8] },
  workgroups: blocks,
});

/** Weights changed and the largest change over all tensors. */
export const adamwChanges = defineKernel({
  name: "adamw",
  wgsl,
  entry: "changes",
  tensors: { moved: ["N", 2], report: [8] },
  workgroups: () => 1,
});

/** Elements of the report tensor. */
export const OPTIMIZER_REPORT = 8;

const unused = {
  zero_grad: 0,
  lr: 0,
  rest1: 0,
  beta2: 0,
  rest2: 0,
  eps: 0,
  decay: 0,
  bias1: 1,
  bias2: 1,
  max_norm: 0,
  offset: 0,
};

/**
 * Records report[0..2] = norm over all gradients, clip scale, skip flag: torch's `clip_grad_norm_`, which nothing is
 * multiplied with yet.
 * @param maxNorm 0 or Infinity: no clipping (a Scalar must be 0 for that).
 */
export function emitGlobalNorm(
  rec: Recorder,
  { grads, report, maxNorm }: { grads: readonly Tensor[]; report: Tensor; maxNorm: ParamValue },
): void {
  const flat = grads.flatMap((grad) => pieces(rec, grad));
  const squares = rec.tensor("sums of squares", [count(flat)], "f32");
  forEachPiece(flat, (grad, offset) => rec.run(adamwSquareSums, { grad, squares }, { ...unused, offset }));
  rec.run(adamwNorm, { squares, report }, { ...unused, max_norm: maxNorm === Infinity ? 0 : maxNorm });
}

/** f32 tensors of one shape; those above the binding limit are sharded alike. */
export interface AdamWParameter {
  param: Tensor;
  /** Accumulated gradient of the whole step. */
  grad: Tensor;
  m: Tensor;
  v: Tensor;
  /** False exempts the tensor from weight decay. Default true. */
  decay?: boolean;
}

export interface AdamWOptions {
  parameters: readonly AdamWParameter[];
  /** f32 [OPTIMIZER_REPORT]; see {@link readOptimizerReport}. */
  report: Tensor;
  lr: ParamValue;
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8. */
  eps?: ParamValue;
  /** Default 0. */
  weightDecay?: ParamValue;
  /** 0 or Infinity: no clipping (a Scalar must be 0 for that). */
  maxNorm: ParamValue;
  /** 1 − β₁^t and 1 − β₂^t of this step: {@link adamwBias}. */
  bias1: ParamValue;
  bias2: ParamValue;
  /** Clear the gradients after use. Default true. */
  zeroGrad?: boolean;
}

/**
 * Records a whole optimizer step: global norm, clipping, torch's AdamW on every tensor, and a report of what changed.
 * A norm that is not finite leaves every weight and moment as it is, without a read-back; the gradients are cleared
 * all the same.
 * @throws ShapeError when a parameter's tensors differ in shape.
 */
export function emitAdamW(rec: Recorder, options: AdamWOptions): void {
  const { parameters, report, lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
  const { maxNorm, bias1, bias2, zeroGrad = true } = options;
  emitGlobalNorm(rec, { grads: parameters.map(({ grad }) => grad), report, maxNorm });

  const pieced = parameters.map(({ param, grad, m, v }) => {
    for (const other of [grad, m, v]) {
      if (showShape(other.shape) !== showShape(param.shape)) {
        throw new ShapeError(
          `adamw: shape of ${other.name}`,
          showShape(other.shape),
          `${showShape(param.shape)}, as ${param.name}`,
        );
      }
    }
    return { param: pieces(rec, param), grad: pieces(rec, grad), m: pieces(rec, m), v: pieces(rec, v) };
  });
  const moved = rec.tensor("changes", [count(pieced.flatMap(({ param }) => param)), 2], "f32");
  const common = {
    ...unused,
    zero_grad: zeroGrad ? 1 : 0,
    lr,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    eps,
    bias1,
    bias2,
  };
  let offset = 0;
  pieced.forEach((of, index) => {
    const decay = (parameters[index].decay ?? true) ? weightDecay : 0;
    of.param.forEach((param, piece) => {
      const tensors = { param, grad: of.grad[piece], m: of.m[piece], v: of.v[piece], moved, report };
      rec.run(adamwStep, tensors, { ...common, decay, offset });
      offset += Math.ceil(elementCount(param.shape) / block);
    });
  });
  rec.run(adamwChanges, { moved, report }, unused);
}

/** 1 − β^t in float64 for the t-th step taken, t from 1; a skipped step is not counted. */
export function adamwBias(step: number, beta1 = 0.9, beta2 = 0.999): { bias1: number; bias2: number } {
  return { bias1: 1 - beta1 ** step, bias2: 1 - beta2 ** step };
}

/** Fields as `OptimizerReport` of rl/metrics.ts. */
export function readOptimizerReport(report: ArrayLike<number>): {
  gradNorm: number;
  clipScale: number;
  skipped: boolean;
  changed: number;
  maxChange: number;
} {
  return {
    gradNorm: report[0],
    clipScale: report[1],
    skipped: report[2] !== 0,
    changed: report[3],
    maxChange: report[4],
  };
}

/** A tensor as flat pieces of one buffer each. */
function pieces(rec: Recorder, tensor: Tensor): Tensor[] {
  return shards(tensor).map((shard) => rec.view(shard.tensor, [elementCount(shard.tensor.shape)]));
}

function count(flat: readonly Tensor[]): number {
  return flat.reduce((sum, piece) => sum + Math.ceil(elementCount(piece.shape) / block), 0);
}

function forEachPiece(flat: readonly Tensor[], visit: (piece: Tensor, offset: number) => void): void {
  let offset = 0;
  for (const piece of flat) {
    visit(piece, offset);
    offset += Math.ceil(elementCount(piece.shape) / block);
  }
}
