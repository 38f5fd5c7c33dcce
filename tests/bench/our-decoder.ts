import type { Device } from "../../src/gpu/device.ts";
import { parseModelConfig } from "../../src/models/config.ts";
import type { WeightSource } from "../../src/models/factory.ts";
import { Model, type ModelOptions } from "../../src/models/model.ts";
import { decoderParameters, huggingFaceConfig, type DecoderConfig } from "./decoder-config.ts";

/** The benchmark's decoder as the kit's model, with the same weights as the peers', in f32. */
export function ourDecoder(
  device: Device,
  config: DecoderConfig,
  options: Pick<ModelOptions, "dense">,
  spread?: number,
): Promise<Model> {
  const values = new Map(
    decoderParameters(config, spread).map((parameter) => [parameter.name, parameter.values]),
  );
  const weights: WeightSource = {
    read(name) {
      const found = values.get(`model.${name}`);
      return found
        ? Promise.resolve(found)
        : Promise.reject(new Error(`the benchmark's decoder has no ${name}`));
    },
  };
  return Model.create(device, parseModelConfig(huggingFaceConfig(config)), weights, {
    format: "f32",
    ...options,
  });
}
