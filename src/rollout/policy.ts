import { readChatTemplate } from "../data/chat-template.ts";
import type { ChatTemplate, Message } from "../data/chat-template.ts";
import { readImageProcessorConfig } from "../data/image.ts";
import type { ImageProcessorConfig, ProcessedImage } from "../data/image.ts";
import { encodePrompt } from "../data/prompt.ts";
import { readTokenizer } from "../data/tokenizer.ts";
import type { Detokenizer, Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import { bufferBytes } from "../gpu/plan.ts";
import type { MemoryPlan } from "../gpu/plan.ts";
import { SlotPool } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Model } from "../models/model.ts";
import type { ModelOptions } from "../models/model.ts";
import type { PackedPrompt } from "../models/packing.ts";
import { promptPositions } from "../models/positions.ts";
import { VisionEncoder } from "../models/vision-encoder.ts";
import type { FileSource } from "../storage/source.ts";
import { UnsupportedModelError } from "../util/errors.ts";
import { RolloutEngine } from "./engine.ts";
import type { Completion, EngineCapacity } from "./engine.ts";
import type { SamplingOptions } from "./options.ts";

export interface GenerateOptions extends SamplingOptions {
  /** Completions of the prompt, which is computed once for all of them. Default 1. */
  n?: number;
  /** Put before the chat as a system turn. */
  system?: string;
  /** Text the answer begins with; it is part of the prompt. */
  prefill?: string;
  /** False: the reference model, without the adapter. */
  adapter?: boolean;
  signal?: AbortSignal;
}

/** A piece of a completion, as it is read back from the GPU. */
export interface TextDelta {
  index: number;
  text: string;
  tokens: number[];
  logps: number[];
  /** Set on a completion's last piece. */
  finishReason?: "stop" | "length";
}

export interface PolicyCompletion extends Completion {
  /** Decoded, special tokens left out. */
  text: string;
}

/** A prompt, tokenized and with its images preprocessed: what rollouts and training take. */
export interface PolicyPrompt {
  text: string;
  tokens: number[];
  positions: Int32Array;
  nextPosition: number;
  images: ProcessedImage[];
  /** Image features that the prompt holds. */
  featureCount: number;
}

/** Prompts that are placed together, as the programs take them: their image features follow one another from row 0. */
export function packedPrompts(prompts: readonly PolicyPrompt[]): PackedPrompt[] {
  let begin = 0;
  return prompts.map(({ tokens, positions, nextPosition, featureCount }) => {
    const featureRows = Uint32Array.from({ length: featureCount }, (_, i) => begin + i);
    begin += featureCount;
    return { tokens, positions, nextPosition, featureRows };
  });
}

/** Model, tokenizer, chat template and adapter version: generates, and is trained by a trainer that holds it. */
export class Policy {
  /** Counts the changes of the adapter; rollouts are stamped with it. */
  version = 0;
  /** Transient buffers of every program of this policy: no two of them run at the same time. */
  readonly pool: SlotPool;
  #engine: RolloutEngine | undefined;
  #encoder: VisionEncoder | undefined;
  #features: Tensor | undefined;

  constructor(
    readonly model: Model,
    readonly tokenizer: Tokenizer,
    readonly template: ChatTemplate,
    /** Null for a model without a vision tower. */
    readonly imageProcessor: ImageProcessorConfig | null,
  ) {
    this.pool = new SlotPool(model.device);
  }

  /** Loads a Hugging Face folder: config, weights, tokenizer, chat template, image preprocessing. */
  static async load(device: Device, source: FileSource, options: ModelOptions = {}): Promise<Policy> {
    const tokenizer = await readTokenizer(source);
    const template = await readChatTemplate(source);
    const model = await Model.load(device, source, options);
    const imageProcessor = model.vision ? await readImageProcessorConfig(source) : null;
    return new Policy(model, tokenizer, template, imageProcessor);
  }

  get device(): Device {
    return this.model.device;
  }

  /**
   * Messages and images → tokens, positions and patches.
   * @throws ImageDecodeError, ImageTokenMismatchError, ContextLengthError, UnsupportedModelError for images without a vision tower.
   */
  async encode(
    messages: readonly Message[],
    { system, prefill, signal }: Pick<GenerateOptions, "system" | "prefill" | "signal"> = {},
  ): Promise<PolicyPrompt> {
    const chat: Message[] =
      system === undefined ? [...messages] : [{ role: "system", content: system }, ...messages];
    const { config } = this.model;
    const prompt = await encodePrompt(
      {
        tokenizer: this.tokenizer,
        template: this.template,
        imageProcessor: this.imageProcessor,
        imageToken:
          config.tokens.image === null
            ? undefined
            : (this.tokenizer.tokenOf(config.tokens.image) ?? undefined),
        maxTokens: config.text.maxPositionEmbeddings,
      },
      chat,
      { signal },
    );
    const tokens = prefill ? [...prompt.tokens, ...this.tokenizer.encode(prefill)] : prompt.tokens;
    const { positions, delta } = promptPositions(config, tokens, prompt.grids);
    const merge = (config.vision?.mergeSize ?? 1) ** 2;
    const featureCount = prompt.grids.reduce((sum, [t, h, w]) => sum + (t * h * w) / merge, 0);
    return {
      text: prompt.text + (prefill ?? ""),
      tokens,
      positions,
      nextPosition: tokens.length + delta,
      images: prompt.images,
      featureCount,
    };
  }

  /**
   * Encodes the images of several prompts into the feature tensor; returns the prompts as the programs take them.
   * What was there before is overwritten. Call {@link Policy.reserveImages} first.
   */
  place(prompts: readonly PolicyPrompt[]): PackedPrompt[] {
    const placed = packedPrompts(prompts);
    this.#encoder?.encode(
      prompts.flatMap((prompt) => prompt.images),
      0,
    );
    return placed;
  }

  /** Image features of the prompts last placed, [rows, C]. */
  get features(): Tensor | undefined {
    return this.#features;
  }

  /** An engine with at least this capacity. A larger one replaces the last; capacities grow in powers of two. */
  async engine(needed: Omit<EngineCapacity, "features">): Promise<RolloutEngine> {
    const known = this.#engine?.capacity;
    const fits =
      known !== undefined &&
      known.batch >= needed.batch &&
      known.prefixTokens >= needed.prefixTokens &&
      known.maxNewTokens >= needed.maxNewTokens &&
      known.features === this.#features;
    if (fits && this.#engine) return this.#engine;
    const roomy = (value: number, before = 0) => 2 ** Math.ceil(Math.log2(Math.max(16, value, before)));
    const capacity = {
      batch: Math.max(needed.batch, known?.batch ?? 0),
      prefixTokens: roomy(needed.prefixTokens, known?.prefixTokens),
      maxNewTokens: roomy(needed.maxNewTokens, known?.maxNewTokens),
      features: this.#features,
    };
    this.#engine?.destroy();
    this.#engine = undefined;
    this.#engine = await RolloutEngine.create(this.model, capacity, this.pool);
    return this.#engine;
  }

  /** Streams the completions of a chat as they are drawn. */
  async *stream(
    messages: readonly Message[],
    options: GenerateOptions = {},
  ): AsyncGenerator<TextDelta, void, void> {
    const { n = 1 } = options;
    const encoded = await this.encode(messages, options);
    options.signal?.throwIfAborted();
    await this.reserveImages([encoded]);
    const [prompt] = this.place([encoded]);
    const maxNewTokens = options.maxNewTokens ?? 256;
    const engine = await this.engine({ batch: n, prefixTokens: prompt.tokens.length - 1, maxNewTokens });
    const detokenizers = Array.from({ length: n }, (): Detokenizer =>
      this.tokenizer.stream({ skipSpecial: true }),
    );
    for await (const event of engine.generate([{ prompt, n }], { ...options, maxNewTokens })) {
      if (event.kind === "tokens") {
        const text = event.tokens.map((token) => detokenizers[event.index].push(token)).join("");
        yield { index: event.index, text, tokens: event.tokens, logps: event.logps };
      } else {
        const { index, finishReason } = event.completion;
        yield { index, text: detokenizers[index].flush(), tokens: [], logps: [], finishReason };
      }
    }
  }

  /** The completions of a chat, when all of them have ended. */
  async generate(messages: readonly Message[], options: GenerateOptions = {}): Promise<PolicyCompletion[]> {
    const { n = 1 } = options;
    const completions = Array.from({ length: n }, (_, index): PolicyCompletion => {
      return { request: 0, index, tokens: [], logps: [], finishReason: "length", text: "" };
    });
    for await (const delta of this.stream(messages, options)) {
      const completion = completions[delta.index];
      completion.text += delta.text;
      completion.tokens.push(...delta.tokens);
      completion.logps.push(...delta.logps);
      if (delta.finishReason) completion.finishReason = delta.finishReason;
    }
    return completions;
  }

  /** Plans of the programs that generate. */
  get plans(): MemoryPlan[] {
    return [...(this.#encoder ? [this.#encoder.plan] : []), ...(this.#engine?.plans ?? [])];
  }

  /** What the policy holds on the GPU, by purpose. Activations of all its programs share one pool. */
  memory(): [name: string, bytes: number][] {
    const { frozen, trained } = this.model.weightBytes();
    return [
      ["frozen weights", frozen],
      ["trained weights, gradients and moments", trained],
      ["KV cache and sampler", this.#engine?.persistentBytes ?? 0],
      ["image features", this.#features ? bufferBytes(this.#features.storage.bytes) : 0],
      ["activations and scratch, shared", this.pool.buffers.reduce((sum, { bytes }) => sum + bytes, 0)],
      ...this.plans.map((plan): [string, number] => [
        `${plan.program}: inputs, outputs, parameters`,
        plan.ownBytes,
      ]),
    ];
  }

  /** Makes room for the images of prompts that will be placed together. */
  async reserveImages(prompts: readonly PolicyPrompt[]): Promise<void> {
    const rows = prompts.reduce((sum, prompt) => sum + prompt.featureCount, 0);
    if (rows === 0) return;
    const { vision, config } = this.model;
    if (!vision || !config.vision)
      throw new UnsupportedModelError(`${config.architecture} has no vision tower`);
    const largest = prompts
      .flatMap(({ images }) => images.map(({ grid: [t, h, w] }) => t * h * w))
      .reduce((a, b) => Math.max(a, b), 0);
    const grown = !this.#features || Number(this.#features.shape[0]) < rows;
    if (grown) {
      if (this.#features) this.device.freeTensor(this.#features);
      const capacity = 2 ** Math.ceil(Math.log2(Math.max(64, rows)));
      this.#features = this.device.tensor("image features", [capacity, config.text.hiddenSize], "f32");
    }
    if (this.#features && (grown || !this.#encoder || this.#encoder.patches < largest)) {
      this.#encoder?.destroy();
      // Room for several images to a run, so that a step's images do not go one by one.
      const unit = config.vision.mergeSize ** 2;
      const patches = Math.ceil(Math.max(largest, Math.min(rows * unit, 4096)) / unit) * unit;
      this.#encoder = await VisionEncoder.create(this.device, vision, patches, this.#features, {
        pool: this.pool,
      });
    }
  }

  destroy(): void {
    this.#engine?.destroy();
    this.#encoder?.destroy();
    if (this.#features) this.device.freeTensor(this.#features);
    this.pool.destroy();
    this.model.destroy();
  }
}
