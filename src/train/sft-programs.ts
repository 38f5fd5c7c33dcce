import { bufferBytes } from "../gpu/plan.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { OPTIMIZER_REPORT } from "../kernels/adamw.ts";
import { emitGatherRows, emitScatterRows } from "../kernels/rows.ts";
import type { Model } from "../models/model.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../models/packed-inputs.ts";
import type { PackedCapacity } from "../models/packed-inputs.ts";
import { VisionProgramInputs } from "../models/vision-encoder.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { recordOptimizer, trainedParameters } from "./optimizer-program.ts";
import type { OptimizerOptions } from "./optimizer-program.ts";

export interface SftProgramOptions {
  /** Limits of one micro-batch. */
  capacity: PackedCapacity;
  /** Image patches of one micro-batch: the vision tower runs, and is trained, in the program. 0: it does not. */
  patches: number;
  /** Image features [M, C] that a frozen tower left, where `patches` is 0. */
  features?: Tensor;
  recompute: boolean;
  optimizer: OptimizerOptions;
  pool?: SlotPool;
}

/** The recorded parts of a supervised step: images and tokens → log-probs → every gradient; then the optimizer. */
export interface SftPrograms {
  update: Program;
  inputs: PackedInputs;
  vision: VisionProgramInputs | undefined;
  /** dL/dlogp of each target token [S], written by the host. */
  dlogp: Tensor;
  /** Log-probs and entropies of the target tokens [S], readable after a run. */
  logp: Tensor;
  entropy: Tensor;
  optimizer: Program;
  report: Tensor;
  persistentBytes: number;
  destroy(): void;
}

export async function recordSft(model: Model, options: SftProgramOptions): Promise<SftPrograms> {
  const { device } = model;
  trainedParameters(model, "SFT");
  const { capacity, patches, pool } = options;
  const rec = new Recorder(device, "supervised update");
  const tower = patches > 0 ? model.vision : undefined;
  const vision = tower && new VisionProgramInputs(rec, tower.config, patches);
  const forwardVision = tower && vision && tower.forward(rec, vision, options.recompute);
  let features = options.features;
  if (vision && forwardVision) {
    // In the order of the images' tokens; the tower gives them in the order of its windows.
    features = rec.tensor("features", [vision.merged.capacity, model.config.text.hiddenSize], "f32");
    emitScatterRows(rec, { src: forwardVision.features, index: vision.destinations, y: features });
  }
  const inputs = new PackedInputs(rec, capacity, features, model.decoder.embedding);
  const { S } = inputs;
  if (!S) throw new InvalidOptionError("SFT: target tokens of a micro-batch", capacity.scored, "at least 1");
  const scoring = { temperature: 1 };
  const forward = emitDecoder(rec, model, inputs, { adapter: true, recompute: options.recompute });
  const scores = emitScores(rec, model, inputs, forward, scoring);
  const dlogp = rec.input("dlogp", [S], "f32");
  const { dEmbeddings } = emitBackward(rec, model, inputs, forward, scores, dlogp, scoring);
  if (tower && vision && forwardVision && features && inputs.featureTargets) {
    const dFeatures = rec.like(features, "d features");
    emitGatherRows(rec, { src: dEmbeddings, index: inputs.featureTargets, y: dFeatures });
    const dOrdered = rec.like(forwardVision.features, "d features in window order");
    emitGatherRows(rec, { src: dFeatures, index: vision.destinations, y: dOrdered });
    tower.backward(rec, dOrdered, forwardVision);
  }
  rec.output(scores.logp);
  rec.output(scores.entropy);
  const update = await rec.build({ pool });
  const report = device.tensor("report", [OPTIMIZER_REPORT], "f32");
  const optimizer = await recordOptimizer(model, report, options.optimizer, pool);
  return {
    update,
    inputs,
    vision,
    dlogp,
    logp: scores.logp,
    entropy: scores.entropy,
    optimizer,
    report,
    persistentBytes: bufferBytes(report.storage.bytes) + update.plan.ownBytes + optimizer.plan.ownBytes,
    destroy() {
      update.destroy();
      optimizer.destroy();
      device.freeTensor(report);
    },
  };
}
