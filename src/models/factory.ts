import type { Device } from "../gpu/device.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { createWeight } from "../kernels/quantize.ts";
import { denseWeight, weightFromPacked } from "../kernels/weight.ts";
import type { Weight, WeightFormat } from "../kernels/weight.ts";
import { Linear } from "../layers/linear.ts";
import type { Lora } from "../layers/linear.ts";
import { RmsNorm } from "../layers/norm.ts";
import type { Parameter, ParameterSet } from "../layers/parameters.ts";
import { dequantizeMatrix } from "../storage/mlx.ts";
import type { PackedMatrix } from "../storage/mlx.ts";
import { assertShape } from "../util/assert.ts";

/** Where weights come from, by logical name: a checkpoint, or a random initialiser. */
export interface WeightSource {
  /** Row-major values of the whole tensor. */
  read(name: string): Promise<Float32Array>;
  /** The words of a matrix that is stored quantized; undefined for one that is not, or whose words do not fit ours. */
  readPacked?(name: string): Promise<PackedMatrix | undefined>;
}

/** How weights are stored on the GPU. Undefined: as they come where they come quantized, else as said. */
export interface WeightFormats {
  /** Of the linear layers; else q8. */
  linear: WeightFormat | undefined;
  /** Of the token embedding and the vocabulary head; else q8. */
  embedding: WeightFormat | undefined;
  /** Of the vision tower; else q8. */
  vision: WeightFormat | undefined;
  /** Values per scale and bias in a quantized weight; else 32. */
  group: 32 | 64 | undefined;
}

/** Everything frozen, LoRA on the decoder's linear layers, or every weight trained in f32. */
export type Training =
  { kind: "lora"; parameters: ParameterSet; scale: number } | { kind: "dense"; parameters: ParameterSet };

/** Makes layers from named weights: frozen in a storage format, or as views of trainable parameters. */
export class LayerFactory {
  readonly tensors: Tensor[] = [];
  constructor(
    private readonly device: Device,
    private readonly source: WeightSource,
    private readonly formats: WeightFormats,
    private readonly training: Training | undefined,
    /** Called as each block is ready. */
    readonly progress: () => void = () => undefined,
  ) {}

  async linear(
    name: string,
    N: number,
    K: number,
    { bias, lora, source }: { bias?: boolean; lora?: boolean; source?: WeightSource },
  ): Promise<Linear> {
    const from = source ?? this.source;
    const format = name.startsWith("visual.") ? this.formats.vision : this.formats.linear;
    const { w, dense } = await this.#weight(`${name}.weight`, N, K, format, from);
    const biased = bias ? await this.#vector(`${name}.bias`, N, from) : undefined;
    const trained = dense && { w: dense, bias: biased?.dense };
    return new Linear(name, {
      w,
      bias: biased?.tensor,
      lora: lora ? this.#lora(name) : undefined,
      dense: trained,
    });
  }

  async embedding(name: string, N: number, K: number): Promise<{ w: Weight; dense?: Parameter }> {
    return this.#weight(name, N, K, this.formats.embedding, this.source);
  }

  async rmsNorm(name: string, C: number, eps: number): Promise<RmsNorm> {
    const { tensor, dense } = await this.#vector(`${name}.weight`, C, this.source);
    return new RmsNorm(name, tensor, eps, dense);
  }

  /** A fixed table on the GPU, freed with the model. */
  constant(name: string, dtype: "f32" | "u32", values: Float32Array | Uint32Array): Tensor {
    const tensor = this.device.tensor(name, [values.length], dtype, values);
    this.tensors.push(tensor);
    return tensor;
  }

  /** The parameter a weight is, with its first values; undefined for a frozen one. */
  #dense(name: string, values: Float32Array): Parameter | undefined {
    if (this.training?.kind !== "dense") return undefined;
    const parameter = this.training.parameters.find(name);
    if (parameter) this.training.parameters.set(name, values);
    return parameter;
  }

  #lora(name: string): Lora | undefined {
    if (this.training?.kind !== "lora") return undefined;
    const { parameters, scale } = this.training;
    return { a: parameters.get(`${name}.lora_A`), b: parameters.get(`${name}.lora_B`), scale };
  }

  async #weight(
    name: string,
    N: number,
    K: number,
    format: WeightFormat | undefined,
    source: WeightSource,
  ): Promise<{ w: Weight; dense?: Parameter }> {
    const packed = await source.readPacked?.(name);
    if (packed) assertShape(`weight ${name}`, [packed.N, packed.K], [N, K]);
    const trained = this.training?.kind === "dense" && this.training.parameters.find(name);
    const { group } = this.formats;
    if (packed && !trained && fits(packed, format, group)) {
      const spec = { format: formatOf(packed), N, K, group: packed.group };
      return { w: this.#keep(weightFromPacked(this.device, name, spec, packed)) };
    }
    const values = packed ? dequantizeMatrix(packed) : await source.read(name);
    assertShape(`weight ${name}`, [values.length], [N * K]);
    const dense = this.#dense(name, values);
    if (dense) return { w: denseWeight(dense.value), dense };
    return {
      w: this.#keep(await createWeight(this.device, name, { format: format ?? "q8", N, K, group }, values)),
    };
  }

  #keep(w: Weight): Weight {
    this.tensors.push(w.data);
    if (w.scales) this.tensors.push(w.scales);
    return w;
  }

  async #vector(
    name: string,
    length: number,
    source: WeightSource,
  ): Promise<{ tensor: Tensor; dense?: Parameter }> {
    const values = await source.read(name);
    assertShape(`weight ${name}`, [values.length], [length]);
    const dense = this.#dense(name, values);
    if (dense) return { tensor: dense.value, dense };
    const tensor = this.device.tensor(name, [length], "f32", values);
    this.tensors.push(tensor);
    return { tensor };
  }
}

function formatOf({ bits }: PackedMatrix): WeightFormat {
  return `q${bits}`;
}

/** Whether the words can be taken as they are. */
function fits(
  packed: PackedMatrix,
  format: WeightFormat | undefined = formatOf(packed),
  group: number = packed.group,
): boolean {
  return format === formatOf(packed) && group === packed.group;
}
