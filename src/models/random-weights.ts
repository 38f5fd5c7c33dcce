import { Rng } from "../util/rng.ts";
import type { ModelConfig } from "./config.ts";
import type { WeightSource } from "./factory.ts";
import { weightSpecs } from "./names.ts";

/**
 * Seeded initial weights: matrices normal with deviation 1/√fan-in, embeddings with their own, norms 1, biases 0.
 * Each tensor draws from a stream of its own, so the order in which they are read does not matter.
 */
export function randomWeights(config: ModelConfig, seed: number, embeddingDeviation = 0.02): WeightSource {
  const specs = weightSpecs(config);
  const shapes = new Map(specs.map((spec, index) => [spec.name, { shape: spec.shape, index }]));
  return {
    read(name) {
      const found = shapes.get(name);
      if (!found) return Promise.reject(new Error(`no weight is called ${name}`));
      const { shape, index } = found;
      const count = shape.reduce((product, extent) => product * extent, 1);
      const values = new Float32Array(count);
      if (shape.length === 1) return Promise.resolve(name.endsWith(".bias") ? values : values.fill(1));
      const fanIn = count / shape[0];
      const deviation = name.startsWith("embed_tokens") ? embeddingDeviation : 1 / Math.sqrt(fanIn);
      const rng = new Rng(seed, index + 1);
      for (let i = 0; i < count; i++) values[i] = rng.normal() * deviation;
      return Promise.resolve(values);
    },
  };
}
