import { dequantizeWords, joinScales } from "../storage/mlx.ts";
import type { TensorTable } from "../storage/safetensors.ts";
import type { ReadOptions } from "../storage/source.ts";
import { MissingTensorError } from "../util/errors.ts";
import type { ModelConfig } from "./config.ts";
import type { WeightSource } from "./factory.ts";
import { resolveWeights } from "./names.ts";
import type { StoredWeight } from "./names.ts";

/**
 * The weights of a checkpoint by their names in the kit, read when asked for.
 * @throws MissingTensorError, ShapeError, CorruptFileError when the table is not one of such a model.
 */
export function checkpointWeights(
  config: ModelConfig,
  table: TensorTable,
  options?: ReadOptions,
): WeightSource {
  const weights = resolveWeights(config, table);
  const find = (name: string): StoredWeight => {
    const weight = weights.get(name);
    if (!weight)
      throw new MissingTensorError(
        `weight ${name} was asked for and is not in the ${config.architecture} checkpoint`,
      );
    return weight;
  };
  const parts = async ({ name }: StoredWeight, { scales, biases }: Quantized) => ({
    data: new Uint32Array((await table.readBytes(name, options)).buffer),
    scales: await table.readFloat32(scales.name, options),
    biases: await table.readFloat32(biases.name, options),
  });
  return {
    async read(name) {
      const weight = find(name);
      if (weight.quantized) {
        const { data, scales, biases } = await parts(weight, weight.quantized);
        return dequantizeWords(data, scales, biases, weight.quantized);
      }
      const values = await table.readFloat32(weight.name, options);
      return weight.channelsLast ? channelsFirst(values, weight.shape) : values;
    },
    async readPacked(name) {
      const weight = find(name);
      const { quantized } = weight;
      if (!quantized) return undefined;
      const { data, scales: s, biases: b } = await parts(weight, quantized);
      const scales = joinScales(s, b);
      if (!scales) return undefined;
      const { bits, group } = quantized;
      return { bits, group, N: weight.shape[0], K: (weight.shape[1] * 32) / bits, data, scales };
    },
  };
}

type Quantized = NonNullable<StoredWeight["quantized"]>;

/** [out, …axes, in] → [out, in, …axes]. */
function channelsFirst(values: Float32Array, shape: readonly number[]): Float32Array {
  const channels = shape[shape.length - 1];
  const places = shape.slice(1, -1).reduce((product, extent) => product * extent, 1);
  const moved = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const channel = i % channels;
    const place = Math.floor(i / channels) % places;
    const out = Math.floor(i / (channels * places));
    moved[(out * channels + channel) * places + place] = values[i];
  }
  return moved;
}
