import type { Device } from "../gpu/device.ts";
import { bufferBytes } from "../gpu/plan.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ParameterSet } from "../layers/parameters.ts";
import type { WeightFormat } from "../kernels/weight.ts";
import { loraScale } from "../storage/peft.ts";
import type { Adapter } from "../storage/peft.ts";
import { openCheckpoint } from "../storage/safetensors.ts";
import type { FileSource } from "../storage/source.ts";
import { InvalidOptionError, MissingTensorError, ShapeError } from "../util/errors.ts";
import { checkpointWeights } from "./checkpoint-weights.ts";
import { readModelConfig } from "./config.ts";
import type { ModelConfig } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { LayerFactory } from "./factory.ts";
import type { Training, WeightFormats, WeightSource } from "./factory.ts";
import { randomWeights } from "./random-weights.ts";
import { decoderLinears, denseSpecs, initialLora, loraSpecs } from "./trainable.ts";
import { VisionTower } from "./vision-tower.ts";

/** The adapter that is trained: W·x + scale · B·(A·x). */
export interface LoraOptions {
  rank: number;
  /** Default: twice the rank. */
  alpha?: number;
  /** Scale alpha/√rank instead of alpha/rank. */
  rslora?: boolean;
  /** Seed of A's initial values. */
  seed?: number;
}

/** How weights are kept on the GPU, and what of them is trained. */
export interface ModelOptions {
  /**
   * Storage of the linear layers. By default weights that are quantized in the checkpoint are taken as they are, to the
   * bit, and others become q8; asking for another format than theirs converts them.
   */
  format?: WeightFormat;
  /** Of embedding and head. By default as `format`; with q4 as if `format` were not given. */
  embeddingFormat?: WeightFormat;
  /** Of the vision tower. By default as `format`. */
  visionFormat?: WeightFormat;
  /** Values per scale of a quantized weight. By default as the checkpoint has them, 32 where it has none. */
  group?: 32 | 64;
  /** Trains LoRA adapters on the frozen weights. */
  lora?: LoraOptions;
  /**
   * Trains every weight of the decoder in f32 instead, or of the vision tower too ("all"), which needs a trainer that
   * runs the tower in its own program.
   */
  dense?: "decoder" | "all";
  /** Layers loaded, of how many. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * A policy network on the GPU: decoder, vision tower where the architecture has one, and what of it is trained.
 * One frozen base serves policy, reference and rollout: with the adapter off it is the reference model.
 */
export class Model {
  private constructor(
    readonly device: Device,
    readonly config: ModelConfig,
    /** @internal */
    readonly decoder: Decoder,
    /** @internal */
    readonly vision: VisionTower | undefined,
    /** What is trained: LoRA matrices or every weight. @internal */
    readonly parameters: ParameterSet | undefined,
    readonly lora: { rank: number; alpha: number; rslora: boolean; scale: number } | undefined,
    private readonly factory: LayerFactory,
  ) {}

  /**
   * Loads a Hugging Face folder: config.json, model.safetensors or shards with an index. Weights may be quantized as
   * MLX does it (src/storage/mlx.ts).
   * @throws MissingFileError, CorruptFileError, MissingTensorError, ShapeError, UnsupportedModelError, MemoryBudgetError
   */
  static async load(device: Device, source: FileSource, options: ModelOptions = {}): Promise<Model> {
    const config = await readModelConfig(source);
    const table = await openCheckpoint(source, { signal: options.signal });
    const weights = checkpointWeights(config, table, { signal: options.signal });
    return Model.create(device, config, weights, options);
  }

  /** A model with random weights: for tests, benchmarks and training from scratch. */
  static random(
    device: Device,
    config: ModelConfig,
    seed: number,
    options: ModelOptions = {},
  ): Promise<Model> {
    return Model.create(device, config, randomWeights(config, seed), options);
  }

  /** A model with weights from any source. @internal */
  static async create(
    device: Device,
    config: ModelConfig,
    weights: WeightSource,
    options: ModelOptions = {},
  ): Promise<Model> {
    if (options.lora && options.dense) {
      throw new InvalidOptionError(
        "model training",
        "lora and dense",
        "one of them, or neither for inference",
      );
    }
    const { format } = options;
    const formats: WeightFormats = {
      linear: format,
      embedding: options.embeddingFormat ?? (format === "q4" ? undefined : format),
      vision: options.visionFormat ?? format,
      group: options.group,
    };
    const { lora: loraOptions } = options;
    const lora = loraOptions && {
      rank: loraOptions.rank,
      alpha: loraOptions.alpha ?? loraOptions.rank * 2,
      rslora: loraOptions.rslora ?? false,
      scale: loraScale(
        loraOptions.rank,
        loraOptions.alpha ?? loraOptions.rank * 2,
        loraOptions.rslora ?? false,
      ),
    };
    let training: Training | undefined;
    if (lora) {
      const specs = loraSpecs(config.text, lora.rank);
      const parameters = new ParameterSet(device, "lora", specs);
      for (const [name, values] of initialLora(specs, loraOptions?.seed ?? 0)) parameters.set(name, values);
      training = { kind: "lora", parameters, scale: lora.scale };
    } else if (options.dense) {
      const specs = denseSpecs(options.dense === "all" ? config : { ...config, vision: undefined });
      training = { kind: "dense", parameters: new ParameterSet(device, "dense", specs) };
    }
    const total = config.text.numLayers + (config.vision?.depth ?? 0);
    let done = 0;
    const factory = new LayerFactory(device, weights, formats, training, () => {
      options.signal?.throwIfAborted();
      options.onProgress?.(++done, total);
    });
    try {
      const decoder = await Decoder.create(config.text, factory);
      const vision = config.vision && (await VisionTower.create(config.vision, factory, weights));
      return new Model(device, config, decoder, vision, training?.parameters, lora, factory);
    } catch (error) {
      for (const tensor of factory.tensors) device.freeTensor(tensor);
      training?.parameters.destroy();
      throw error;
    }
  }

  /** Replaces the adapter's weights by a PEFT adapter's. Its rank must be this model's; its scale is taken over in B. */
  loadAdapter(adapter: Adapter): void {
    const { lora, parameters } = this;
    if (!lora || !parameters) {
      throw new InvalidOptionError(
        "load an adapter",
        "a model without LoRA",
        "one loaded with the `lora` option",
      );
    }
    if (adapter.rank !== lora.rank) throw new ShapeError("adapter rank", adapter.rank, lora.rank);
    const rescale = adapter.scale / lora.scale;
    for (let layer = 0; layer < this.config.text.numLayers; layer++) {
      for (const [module, [N, K]] of Object.entries(decoderLinears(this.config.text))) {
        const key = `layers.${layer}.${module}`;
        const found = adapter.tensors.get(key);
        if (found && (found.N !== N || found.K !== K)) {
          throw new ShapeError(`adapter ${key}`, [found.N, found.K], [N, K]);
        }
        // A module the adapter does not touch is left as the base model has it.
        const b = found ? found.b.map((value) => value * rescale) : new Float32Array(N * lora.rank);
        parameters.set(`${key}.lora_B`, b);
        if (found) parameters.set(`${key}.lora_A`, found.a);
      }
    }
  }

  /** The adapter's weights as PEFT has them. */
  async readAdapter(): Promise<Adapter> {
    const { lora, parameters } = this;
    if (!lora || !parameters) {
      throw new InvalidOptionError(
        "read the adapter",
        "a model without LoRA",
        "one loaded with the `lora` option",
      );
    }
    const values = await parameters.read();
    const tensors: Adapter["tensors"] = new Map();
    for (let layer = 0; layer < this.config.text.numLayers; layer++) {
      for (const [module, [N, K]] of Object.entries(decoderLinears(this.config.text))) {
        const key = `layers.${layer}.${module}`;
        const a = values.get(`${key}.lora_A`);
        const b = values.get(`${key}.lora_B`);
        if (!a || !b) throw new MissingTensorError(`adapter ${key}: not among the trained parameters`);
        tensors.set(key, { a, b, N, K });
      }
    }
    return { ...lora, baseModel: null, tensors };
  }

  /** Bytes of frozen weights, and of trained parameters with their gradients and moments. */
  weightBytes(): { frozen: number; trained: number } {
    const bytes = (tensors: readonly (Tensor | undefined)[]) =>
      tensors
        .flatMap((tensor) => tensor?.storage.shards?.map((shard) => shard.tensor) ?? tensor ?? [])
        .reduce((sum, { storage }) => sum + bufferBytes(storage.bytes), 0);
    const blocks = this.parameters?.blocks ?? [];
    return {
      frozen: bytes(this.factory.tensors),
      trained: bytes(blocks.flatMap(({ param, grad, m, v }) => [param, grad, m, v])),
    };
  }

  /** Frees the weights, and what is trained of them. */
  destroy(): void {
    for (const tensor of this.factory.tensors) this.device.freeTensor(tensor);
    this.parameters?.destroy();
  }
}
