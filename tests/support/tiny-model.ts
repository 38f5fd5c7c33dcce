import { Recorder } from "../../src/gpu/recorder.ts";
import type { ModelConfig } from "../../src/models/config.ts";
import type { WeightSource } from "../../src/models/factory.ts";
import type { Model } from "../../src/models/model.ts";
import { weightSpecs } from "../../src/models/names.ts";
import { emitDecoder, emitScores, PackedInputs } from "../../src/models/packed-inputs.ts";
import { packGroups } from "../../src/models/packing.ts";
import { visionBatch, VisionProgramInputs } from "../../src/models/vision-encoder.ts";
import { integers, normals } from "./random.ts";

/** Seeded weights of which no two tensors are alike, norms and biases included: an exchange of any two shows. */
export function distinctWeights(config: ModelConfig, seed: number): WeightSource {
  const specs = weightSpecs(config);
  return {
    read(name) {
      const index = specs.findIndex((spec) => spec.name === name);
      if (index < 0) return Promise.reject(new Error(`no weight ${name}`));
      const { shape } = specs[index];
      const count = shape.reduce((product, extent) => product * extent, 1);
      const offset = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
      const scale = shape.length === 1 ? 0.1 : Math.sqrt(shape[0] / count);
      return Promise.resolve(
        Float32Array.from(normals(count, seed * 1000 + index, scale), (value) => value + offset),
      );
    },
  };
}

/** Log-probs of a fixed text batch, and of a model that sees the features of a fixed picture. */
export async function outputs(model: Model): Promise<{ logp: number[]; features: number[] }> {
  const rec = new Recorder(model.device, "outputs");
  const prompt = {
    positions: Int32Array.from({ length: 27 }, (_, i) => i % 9),
    nextPosition: 9,
    featureRows: [],
  };
  const batch = packGroups([
    { prompt: { ...prompt, tokens: integers(9, 200, 1) }, completions: [integers(5, 200, 2)] },
  ]);
  const { ids, targets, segments } = batch;
  const inputs = new PackedInputs(rec, {
    tokens: ids.length,
    scored: targets.length,
    segments: segments.length,
  });
  const { logp } = emitScores(rec, model, inputs, emitDecoder(rec, model, inputs, { adapter: false }), {
    temperature: 1,
  });
  rec.output(logp);
  const program = await rec.build();
  program.run(inputs.write(program, batch));
  const read = [...((await program.read(logp)) as Float32Array)];
  program.destroy();
  return { logp: read, features: await features(model) };
}

async function features({ vision, device }: Model): Promise<number[]> {
  if (!vision) return [];
  const { mergeSize, inChannels, temporalPatchSize, patchSize } = vision.config;
  const [height, width] = [4, 6];
  const patch = inChannels * temporalPatchSize * patchSize ** 2;
  const rec = new Recorder(device, "features");
  const inputs = new VisionProgramInputs(rec, vision.config, height * width);
  const forward = vision.forward(rec, inputs);
  rec.output(forward.features);
  const program = await rec.build();
  const image = {
    grid: [1, height, width] as const,
    pixelValues: Float32Array.from(normals(height * width * patch, 7)),
  };
  program.run(inputs.write(program, visionBatch(vision.config, [image]), 0));
  const read = (await program.read(forward.features)) as Float32Array;
  program.destroy();
  return [...read.subarray(0, ((height * width) / mergeSize ** 2) * vision.config.outHiddenSize)];
}
