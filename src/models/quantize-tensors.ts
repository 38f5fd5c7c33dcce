import type { Device } from "../gpu/device.ts";
import { createWeight } from "../kernels/quantize.ts";
import { freeWeight } from "../kernels/weight.ts";
import { bytesOf, toFloat32 } from "../storage/dtype.ts";
import { quantizationEntry, splitScales } from "../storage/mlx.ts";
import type { PackedMatrix, Quantization, QuantizedAs } from "../storage/mlx.ts";
import type { TensorData } from "../storage/safetensors.ts";

/** Bits and groups of quantized weights. */
export interface QuantizeOptions {
  /** Of the linear layers. */
  bits: 4 | 8;
  /** Of the token embedding and the vocabulary head. Default 8, as weights become on the GPU. */
  embeddingBits?: 4 | 8;
  /** Values per scale and bias. Default 32. */
  group?: 32 | 64;
}

/** Values that are on the GPU at a time. */
const valuesPerRun = 2 ** 22;

/**
 * A checkpoint's tensors quantized as MLX does it (src/storage/mlx.ts), and what to put as `quantization` into its
 * config.json. Matrices NAME.weight whose rows are whole groups become NAME.weight, NAME.scales and NAME.biases, with
 * the words that the GPU makes of them at load in the same format; other tensors (norms, biases, convolutions) stay as
 * they are.
 */
export async function quantizeTensors(
  device: Device,
  tensors: readonly TensorData[],
  { bits, embeddingBits = 8, group = 32 }: QuantizeOptions,
): Promise<{ tensors: TensorData[]; quantization: Record<string, unknown> }> {
  const written: TensorData[] = [];
  const modules: [string, QuantizedAs][] = [];
  for (const tensor of tensors) {
    const module = moduleOf(tensor, group);
    if (module === undefined) {
      written.push(tensor);
      continue;
    }
    const as: QuantizedAs = {
      bits: /(^|\.)(embed_tokens|lm_head)$/.test(module) ? embeddingBits : bits,
      group,
    };
    if (as.bits !== bits) modules.push([module, as]);
    const [N, K] = tensor.shape;
    const values = toFloat32(bytesOf(tensor.data), tensor.dtype);
    const packed = await quantizeMatrix(device, module, { ...as, N, K }, values);
    const halves = splitScales(packed.scales);
    const floats = (name: string, data: Uint16Array): TensorData => ({
      name: `${module}.${name}`,
      dtype: "F16",
      shape: [N, K / group],
      data,
    });
    written.push(
      { name: tensor.name, dtype: "U32", shape: [N, (K * as.bits) / 32], data: packed.data },
      floats("scales", halves.scales),
      floats("biases", halves.biases),
    );
  }
  const quantization: Quantization = { bits, group, modules: new Map(modules) };
  return { tensors: written, quantization: quantizationEntry(quantization) };
}

/** The module whose weight a tensor is, if it is one to quantize. */
function moduleOf({ name, dtype, shape }: TensorData, group: number): string | undefined {
  const isMatrix = name.endsWith(".weight") && shape.length === 2 && shape[1] % group === 0;
  return isMatrix && ["F32", "F16", "BF16"].includes(dtype) ? name.slice(0, -".weight".length) : undefined;
}

/** The words that a weight of that format has on the GPU, a run of rows at a time. */
async function quantizeMatrix(
  device: Device,
  name: string,
  { bits, group, N, K }: Omit<PackedMatrix, "data" | "scales">,
  values: Float32Array,
): Promise<PackedMatrix> {
  const data = new Uint32Array((N * K * bits) / 32);
  const scales = new Uint32Array((N * K) / group);
  const perRun = Math.max(1, Math.floor(valuesPerRun / K));
  for (let begin = 0; begin < N; begin += perRun) {
    const rows = Math.min(perRun, N - begin);
    const part = values.subarray(begin * K, (begin + rows) * K);
    const weight = await createWeight(device, name, { format: `q${bits}`, N: rows, K, group }, part);
    const [words, pairs] = await device.readAll(weight.scales ? [weight.data, weight.scales] : [weight.data]);
    freeWeight(device, weight);
    data.set(words, (begin * K * bits) / 32);
    scales.set(pairs, (begin * K) / group);
  }
  return { bits, group, N, K, data, scales };
}
