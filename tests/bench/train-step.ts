import type { Device } from "../../src/gpu/device.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { emitAdamW, OPTIMIZER_REPORT } from "../../src/kernels/adamw.ts";
import { packedSegments } from "../../src/kernels/attention.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../../src/models/packed-inputs.ts";
import type { PackedBatch } from "../../src/models/packing.ts";
import { invariant } from "../../src/util/assert.ts";
import type { BenchContext } from "./context.ts";
import {
  parameterCount,
  training,
  trainingTokens,
  trainStepFlops,
  type DecoderConfig,
  type TrainConfig,
} from "./decoder-config.ts";
import type { Benchmark, Contender } from "./harness.ts";
import { ourDecoder } from "./our-decoder.ts";

/** Forward, all gradients, clipping by the global norm and AdamW: one step of dense f32 training. */
export function trainStep(config: DecoderConfig, { device, jax }: BenchContext): Benchmark {
  const { batch, length } = training;
  const size = `${(parameterCount(config) / 1e6).toFixed(2)}M parameters`;
  return {
    name: `train-step-${config.name}`,
    what: `one training step of a Qwen2-style decoder (${size}, ${config.layers} layers), ${batch} × ${length} tokens, full gradients + AdamW, f32, nothing read back`,
    flops: trainStepFlops(config, training),
    // Parameters, gradients and two moments are read and written once by the update.
    bytes: parameterCount(config) * 4 * 7,
    tokens: batch * length,
    // Losses before four updates in a row, which part when gradients do.
    tolerance: 2e-4,
    ours: () => ourTrainStep(device, config, training),
    peers: {
      "jax-js": async () => {
        await jax();
        const { jaxTrainStep } = await import("./peers/jax-train.ts");
        return jaxTrainStep(config, training);
      },
    },
    noPeer: { "onnxruntime-web": "does not train" },
  };
}

/** All of a step in one Program and one submit. The loss is the mean of −log p over every position. */
async function ourTrainStep(device: Device, config: DecoderConfig, train: TrainConfig): Promise<Contender> {
  const model = await ourDecoder(device, config, { dense: "decoder" });
  const { parameters } = model;
  invariant(parameters, "a dense model has parameters");
  parameters.allocateGradients();
  const { tokens, targets } = trainingTokens(config, train);
  const T = tokens.length;
  const packed = packedBatch(tokens, targets, train);

  const rec = new Recorder(device, `train-step-${config.name}`);
  const capacity = { tokens: T, scored: T, segments: train.batch };
  const inputs = new PackedInputs(rec, capacity, undefined, model.decoder.embedding);
  invariant(inputs.S, "every position is scored");
  const dlogp = rec.input("dlogp", [inputs.S], "f32");
  const scoring = { temperature: 1 };
  const forward = emitDecoder(rec, model, inputs, { adapter: false });
  const scores = emitScores(rec, model, inputs, forward, scoring);
  emitBackward(rec, model, inputs, forward, scores, dlogp, scoring);
  const report = device.tensor("report", [OPTIMIZER_REPORT], "f32");
  emitAdamW(rec, {
    parameters: parameters.blocks.map(({ param, grad, m, v, decay }) => {
      invariant(grad && m && v, "gradients are allocated");
      return { param, grad, m, v, decay };
    }),
    report,
    lr: train.learningRate,
    beta1: train.beta1,
    beta2: train.beta2,
    eps: train.eps,
    weightDecay: train.weightDecay,
    maxNorm: train.maxNorm,
    bias1: rec.scalar("bias1"),
    bias2: rec.scalar("bias2"),
    zeroGrad: true,
  });
  rec.output(scores.logp);
  const program = await rec.build();
  const sizes = inputs.write(program, packed);
  program.write("dlogp", new Float32Array(T).fill(-1 / T));

  let steps = 0;
  const losses: number[] = [];
  const run = async () => {
    steps++;
    program.run({ ...sizes, bias1: 1 - train.beta1 ** steps, bias2: 1 - train.beta2 ** steps });
    await device.idle();
  };
  return {
    run,
    async read() {
      while (losses.length < 4) {
        if (losses.length > 0 || steps === 0) await run();
        const logp = (await program.read(scores.logp)) as Float32Array;
        losses.push(-logp.reduce((sum, value) => sum + value, 0) / T);
      }
      return Float32Array.from(losses);
    },
    dispose() {
      program.destroy();
      device.freeTensor(report);
      model.destroy();
    },
  };
}

/** `batch` sequences, each looking at itself alone, every position predicting. */
function packedBatch(tokens: Int32Array, targets: Int32Array, { batch, length }: TrainConfig): PackedBatch {
  const T = tokens.length;
  const position = Int32Array.from({ length: 3 * T }, (_, i) => (i % T) % length);
  return {
    ids: Uint32Array.from(tokens),
    positions: position,
    segments: packedSegments(new Array<number>(batch).fill(length), true),
    featureTargets: new Uint32Array(0),
    scoredRows: Uint32Array.from({ length: T }, (_, row) => row),
    targets: Uint32Array.from(targets),
    sequence: Uint32Array.from({ length: T }, (_, row) => Math.floor(row / length)),
  };
}
