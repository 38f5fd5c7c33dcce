/** Gradients of whole networks: LoRA against dense, dense against the loss itself, a shared prompt against separate ones. */
import { describe, expect, it } from "vitest";
import { Recorder } from "../../src/gpu/recorder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { emitScatterRows } from "../../src/kernels/rows.ts";
import { emitGatherRows } from "../../src/kernels/rows.ts";
import { parseModelConfig } from "../../src/models/config.ts";
import type { ModelConfig } from "../../src/models/config.ts";
import { Model } from "../../src/models/model.ts";
import type { ModelOptions } from "../../src/models/model.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../../src/models/packed-inputs.ts";
import { packGroups } from "../../src/models/packing.ts";
import type { PackedBatch, PackedGroup } from "../../src/models/packing.ts";
import { randomWeights } from "../../src/models/random-weights.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { decoderLinears } from "../../src/models/trainable.ts";
import { visionBatch, VisionProgramInputs } from "../../src/models/vision-encoder.ts";
import { readJson } from "../../src/storage/source.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { integers, normals } from "../support/random.ts";

const scoring = { temperature: 1 };

async function tinyConfig(): Promise<ModelConfig> {
  return parseModelConfig(await readJson(await tinyPolicySource(), "config.json"));
}

function group(length: number, completions: number[], seed: number): PackedGroup {
  const tokens = integers(length, 200, seed);
  const positions = Int32Array.from({ length: 3 * length }, (_, i) => i % length);
  return {
    prompt: { tokens, positions, nextPosition: length, featureRows: [] },
    completions: completions.map((count, i) => integers(count, 200, seed * 31 + i + 1)),
  };
}

/** Log-probs of a batch, and with `weights` the gradients of Σ wₜ·logpₜ. */
async function score(
  model: Model,
  batch: PackedBatch,
  {
    adapter = true,
    weights,
    recompute = false,
  }: { adapter?: boolean; weights?: Float32Array; recompute?: boolean } = {},
) {
  const rec = new Recorder(model.device, "score");
  const capacity = {
    tokens: batch.ids.length,
    scored: batch.targets.length,
    segments: batch.segments.length,
  };
  const inputs = new PackedInputs(rec, capacity, undefined, weights && model.decoder.embedding);
  const forward = emitDecoder(rec, model, inputs, { adapter, recompute });
  const scores = emitScores(rec, model, inputs, forward, scoring);
  rec.output(scores.logp);
  if (weights) {
    model.parameters?.allocateGradients();
    for (const { grad } of model.parameters?.blocks ?? []) if (grad) rec.zero(grad);
    const dlogp = rec.input("dlogp", [scores.logp.shape[0]], "f32");
    emitBackward(rec, model, inputs, forward, scores, dlogp, scoring);
  }
  const program = await rec.build();
  const values = inputs.write(program, batch);
  if (weights) program.write("dlogp", weights);
  program.run(values);
  const logp = (await program.read(scores.logp)) as Float32Array;
  const gradients = weights ? await model.parameters?.read("grad") : undefined;
  program.destroy();
  return { logp, gradients };
}

async function create(options: ModelOptions): Promise<Model> {
  const config = await tinyConfig();
  return Model.create(
    await sharedDevice(),
    { ...config, vision: undefined },
    randomWeights(config, 5),
    options,
  );
}

const batch = packGroups([group(6, [4, 7], 1), group(3, [5], 2)]);
const weights = Float32Array.from(normals(batch.targets.length, 3));

describe("LoRA", () => {
  it("with B = 0 is the base, to the bit", async () => {
    const model = await create({ format: "q4", lora: { rank: 4 } });
    const on = await score(model, batch);
    const off = await score(model, batch, { adapter: false });
    expect([...on.logp]).toEqual([...off.logp]);
    model.destroy();
  });

  it("merged into the weights gives the same log-probs", async () => {
    const config = { ...(await tinyConfig()), vision: undefined };
    const model = await create({ format: "f32", lora: { rank: 4 } });
    const adapter = await model.readAdapter();
    for (const [key, { b }] of adapter.tensors) b.set(normals(b.length, key.length, 0.2));
    model.loadAdapter(adapter);
    const base = randomWeights(await tinyConfig(), 5);
    const merged = await Model.create(
      model.device,
      config,
      {
        async read(name) {
          const w = (await base.read(name)).slice();
          const found = adapter.tensors.get(name.replace(/\.weight$/, ""));
          if (!found) return w;
          const { a, b, N, K } = found;
          for (let n = 0; n < N; n++) {
            for (let k = 0; k < K; k++) {
              let sum = 0;
              for (let r = 0; r < adapter.rank; r++) sum += b[n * adapter.rank + r] * a[r * K + k];
              w[n * K + k] += adapter.scale * sum;
            }
          }
          return w;
        },
      },
      { format: "f32" },
    );
    expectClose(
      (await score(merged, batch)).logp,
      (await score(model, batch)).logp,
      { abs: 2e-5, rel: 2e-5 },
      "merged",
    );
    model.destroy();
    merged.destroy();
  });

  it("with B = 0 has the gradient dB = scale · dW · Aᵀ of dense training", async () => {
    const lora = await create({ format: "f32", lora: { rank: 4 } });
    const dense = await create({ format: "f32", dense: "decoder" });
    const { gradients: small } = await score(lora, batch, { weights });
    const { gradients: full } = await score(dense, batch, { weights });
    const values = await lora.parameters?.read();
    const scale = lora.lora?.scale ?? 0;
    for (const [module, [N, K]] of Object.entries(decoderLinears(lora.config.text))) {
      const key = `layers.1.${module}`;
      const dW = full?.get(`${key}.weight`) ?? new Float32Array();
      const a = values?.get(`${key}.lora_A`) ?? new Float32Array();
      const expected = new Float64Array(N * 4);
      for (let n = 0; n < N; n++) {
        for (let r = 0; r < 4; r++)
          for (let k = 0; k < K; k++) expected[n * 4 + r] += scale * dW[n * K + k] * a[r * K + k];
      }
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeGreaterThan(0);
      expectClose(small?.get(`${key}.lora_B`) ?? [], expected, { abs: 1e-5 * largest, rel: 1e-4 }, key);
    }
    lora.destroy();
    dense.destroy();
  });
});

describe("a group that shares its prompt", () => {
  it("equals separate sequences: log-probs and every gradient", async () => {
    const model = await create({ format: "q8", lora: { rank: 4 } });
    const adapter = await model.readAdapter();
    for (const [key, { b }] of adapter.tensors) b.set(normals(b.length, key.length, 0.2));
    model.loadAdapter(adapter);
    const shared = group(9, [5, 3, 8], 4);
    const separate = shared.completions.map((completion) => ({
      prompt: shared.prompt,
      completions: [completion],
    }));
    const w = Float32Array.from(normals(16, 8));
    const together = await score(model, packGroups([shared]), { weights: w });
    const apart = await score(model, packGroups(separate), { weights: w });
    expectClose(together.logp, apart.logp, { abs: 1e-5, rel: 1e-5 }, "log-probs");
    for (const [name, gradient] of together.gradients ?? []) {
      const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expectClose(gradient, apart.gradients?.get(name) ?? [], { abs: 2e-5 * largest, rel: 1e-4 }, name);
    }
    model.destroy();
  });

  it("recomputes blocks to the same bits", async () => {
    const model = await create({ format: "q8", lora: { rank: 4 } });
    const kept = await score(model, batch, { weights });
    const again = await score(model, batch, { weights, recompute: true });
    for (const [name, gradient] of kept.gradients ?? [])
      expect([...(again.gradients?.get(name) ?? [])]).toEqual([...gradient]);
    model.destroy();
  });
});

describe("dense training", () => {
  it("has the gradient of the loss along its own direction, tensor by tensor", async () => {
    const model = await create({ format: "f32", dense: "decoder" });
    const { gradients } = await score(model, batch, { weights });
    await alongGradient(model, gradients, async () => weightedSum((await score(model, batch)).logp, weights));
    model.destroy();
  });

  it("reaches every weight of the vision tower", async () => {
    const config = await tinyConfig();
    const device = await sharedDevice();
    const { vision: visionConfig } = config;
    if (!visionConfig) throw new Error("the tiny policy sees");
    const model = await Model.create(device, config, randomWeights(config, 6), {
      format: "f32",
      dense: "all",
    });
    const images = [4, 6].map((edge, i) => ({
      grid: [1, edge, 4] as const,
      pixelValues: Float32Array.from(normals(edge * 4 * 3 * 2 * 64, i + 1)),
    }));
    const rows = 10;
    const dFeatures = Float32Array.from(normals(rows * config.text.hiddenSize, 9));
    const run = async (backward: boolean) => {
      const rec = new Recorder(device, "vision training");
      const inputs = new VisionProgramInputs(rec, visionConfig, rows * 4);
      const tower = model.vision;
      if (!tower) throw new Error("the tiny policy sees");
      const forward = tower.forward(rec, inputs, true);
      const features = rec.tensor("features", [rows, config.text.hiddenSize], "f32");
      emitScatterRows(rec, { src: forward.features, index: inputs.destinations, y: features });
      rec.output(features);
      if (backward) {
        model.parameters?.allocateGradients();
        for (const { grad } of model.parameters?.blocks ?? []) if (grad) rec.zero(grad);
        const given: Tensor = rec.input("dFeatures", features.shape, "f32");
        const ordered = rec.like(forward.features, "dOrdered");
        emitGatherRows(rec, { src: given, index: inputs.destinations, y: ordered });
        tower.backward(rec, ordered, forward);
      }
      const program = await rec.build();
      const values = inputs.write(program, visionBatch(visionConfig, images), 0);
      if (backward) program.write("dFeatures", dFeatures);
      program.run(values);
      const read = await program.read(features);
      program.destroy();
      return weightedSum(read, dFeatures);
    };
    await run(true);
    const all = (await model.parameters?.read("grad")) ?? new Map<string, Float32Array>();
    const visual = new Map([...all].filter(([name]) => name.startsWith("visual.")));
    expect(visual.size).toBeGreaterThan(30);
    await alongGradient(model, visual, () => run(false));
    model.destroy();
  });
});

function weightedSum(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  return Array.from(weights).reduce((sum, weight, i) => sum + weight * values[i], 0);
}

/** (f(θ + εd) − f(θ − εd)) / 2ε = |g| for d = g/|g|, one tensor at a time. */
async function alongGradient(
  model: Model,
  gradients: ReadonlyMap<string, Float32Array> | undefined,
  loss: () => Promise<number>,
): Promise<void> {
  const values = (await model.parameters?.read()) ?? new Map<string, Float32Array>();
  for (const [name, gradient] of gradients ?? []) {
    const norm = Math.hypot(...gradient);
    expect(norm, name).toBeGreaterThan(0);
    const value = values.get(name) ?? new Float32Array();
    const step = 0.01 * Math.max(0.1, Math.hypot(...value) / Math.sqrt(value.length));
    const at = async (sign: number) => {
      model.parameters?.set(
        name,
        value.map((v, i) => v + (sign * step * gradient[i]) / norm),
      );
      return loss();
    };
    const slope = ((await at(1)) - (await at(-1))) / (2 * step);
    model.parameters?.set(name, value);
    expect(Math.abs(slope - norm) / norm, `${name}: slope ${slope}, gradient ${norm}`).toBeLessThan(0.02);
  }
}
