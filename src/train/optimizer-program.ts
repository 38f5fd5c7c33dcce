import { Recorder } from "../gpu/recorder.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitAdamW } from "../kernels/adamw.ts";
import type { ParameterSet } from "../layers/parameters.ts";
import type { Model } from "../models/model.ts";
import { InvalidOptionError } from "../util/errors.ts";

export interface OptimizerOptions {
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** 0: no clipping. */
  maxGradNorm: number;
}

/** The optimizer's part of a recipe. */
export function optimizerOptions(recipe: {
  adamBeta1: number;
  adamBeta2: number;
  adamEps: number;
  weightDecay: number;
  maxGradNorm: number;
}): OptimizerOptions {
  const { adamBeta1: beta1, adamBeta2: beta2, adamEps: eps, weightDecay, maxGradNorm } = recipe;
  return { beta1, beta2, eps, weightDecay, maxGradNorm };
}

/** Trained weights and both moments, by name: what a run needs beside counters to go on, bit for bit. */
export type TrainedTensors = Record<"param" | "m" | "v", Map<string, Float32Array>>;

export async function readTrained(parameters: ParameterSet): Promise<TrainedTensors> {
  return {
    param: await parameters.read("param"),
    m: await parameters.read("m"),
    v: await parameters.read("v"),
  };
}

/** Also forgets the gradients of a step that failed half way. */
export function restoreTrained(parameters: ParameterSet, tensors: TrainedTensors): void {
  parameters.zeroGradients();
  for (const what of ["param", "m", "v"] as const) parameters.restore(tensors[what], what);
}

/** The trainable weights of a model, with gradients and moments allocated. */
export function trainedParameters({ parameters }: Model, what: string): ParameterSet {
  if (!parameters) {
    throw new InvalidOptionError(
      what,
      "a model without trainable weights",
      "one loaded with `lora` or `dense`",
    );
  }
  parameters.allocateGradients();
  return parameters;
}

/** Clip, AdamW and zeroed gradients as a program of its own. Run values: `lr`, `bias1`, `bias2`. */
export async function recordOptimizer(
  model: Model,
  report: Tensor,
  { maxGradNorm, ...adam }: OptimizerOptions,
  pool?: SlotPool,
): Promise<Program> {
  const rec = new Recorder(model.device, "optimizer");
  const blocks = trainedParameters(model, "optimizer").blocks.map(({ param, grad, m, v, decay }) => {
    if (!grad || !m || !v)
      throw new InvalidOptionError("optimizer", "parameters without gradients", "allocated ones");
    return { param, grad, m, v, decay };
  });
  emitAdamW(rec, {
    parameters: blocks,
    report,
    lr: rec.scalar("lr"),
    ...adam,
    maxNorm: maxGradNorm,
    bias1: rec.scalar("bias1"),
    bias2: rec.scalar("bias2"),
    zeroGrad: true,
  });
  return rec.build({ pool });
}
