import type { TensorData } from "../storage/safetensors.ts";
import { InvalidOptionError, MissingTensorError } from "../util/errors.ts";
import type { Model } from "./model.ts";
import { weightSpecs } from "./names.ts";

/**
 * The weights of a densely trained model as a Hugging Face checkpoint has them: f32, under the hub's names and shapes,
 * with q, k and v of a vision block as one tensor. Of a model whose decoder alone is trained, the decoder's.
 * @throws InvalidOptionError for a model that is not trained densely.
 */
export async function exportWeights({ config, parameters, lora }: Model): Promise<TensorData[]> {
  if (!parameters || lora) {
    throw new InvalidOptionError(
      "export weights",
      lora ? "a model with LoRA, whose weights are frozen" : "a frozen model",
      'one loaded with the `dense` option, "decoder" or "all"',
    );
  }
  const values = await parameters.read();
  const withVision = parameters.names.some((name) => name.startsWith("visual."));
  const get = (name: string): Float32Array => {
    const found = values.get(name);
    if (!found) throw new MissingTensorError(`export weights: ${name} is not among the trained parameters`);
    return found;
  };
  return weightSpecs(config)
    .filter(({ name }) => withVision || !name.startsWith("visual."))
    .map(({ name, candidates, shape }) => {
      const fused = /^(.*\.attn)\.qkv\.(weight|bias)$/.exec(name);
      const data = fused
        ? concatenated(["q", "k", "v"].map((part) => get(`${fused[1]}.${part}.${fused[2]}`)))
        : get(name);
      return { name: candidates[0], dtype: "F32", shape, data };
    });
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
