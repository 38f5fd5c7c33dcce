import { InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import type { ModelConfig } from "./config.ts";
import type { WeightSource } from "./factory.ts";
import { weightSpecs } from "./names.ts";

/**
 * Seeded initial weights: matrices normal with deviation 1/√fan-in (the embedding 1/√C, so that a tied head gives logits
 * of deviation about 1), norms 1, biases 0. Each tensor draws from a stream of its own: the order of reading is free.
 */
export function randomWeights(config: ModelConfig, seed: number): WeightSource {
  const shapes = new Map(weightSpecs(config).map(({ name, shape }, index) => [name, { shape, index }]));
  return {
    read(name) {
      const found = shapes.get(name);
      if (!found)
        return Promise.reject(
          new InvalidOptionError("random weights", name, `one of ${[...shapes.keys()].join(", ")}`),
        );
      const { shape, index } = found;
      const count = shape.reduce((product, extent) => product * extent, 1);
      const values = new Float32Array(count);
      if (shape.length === 1) return Promise.resolve(name.endsWith(".bias") ? values : values.fill(1));
      const deviation = Math.sqrt(shape[0] / count);
      const rng = new Rng(seed, index + 1);
      for (let i = 0; i < count; i++) values[i] = rng.normal() * deviation;
      return Promise.resolve(values);
    },
  };
}
