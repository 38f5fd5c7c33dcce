import type { ChatTemplate, Message } from "../data/chat-template.ts";
import { readImageProcessorConfig } from "../data/image.ts";
import type { ImageProcessorConfig } from "../data/image.ts";
import { encodePrompt } from "../data/prompt.ts";
import type { Detokenizer, Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import type { MemoryPlan } from "../gpu/plan.ts";
import { SlotPool } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Model } from "../models/model.ts";
import type { ModelOptions } from "../models/model.ts";
import type { PackedPrompt } from "../models/packing.ts";
import { promptPositions } from "../models/positions.ts";
import type { FileSource } from "../storage/source.ts";
import { RolloutEngine } from "./engine.ts";
import type { Completion, EngineCapacity } from "./engine.ts";
import { ImageFeatures } from "./image-features.ts";
import { Inspector } from "./inspect.ts";
import type { InspectOptions, Inspection } from "./inspect.ts";
import type { SamplingOptions } from "./options.ts";
import type { PolicyPrompt } from "./prompt.ts";

export { packedPrompts } from "./prompt.ts";
export type { PolicyPrompt } from "./prompt.ts";

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

/** A completion with its text. */
export interface PolicyCompletion extends Completion {
  /** Decoded, special tokens left out. */
  text: string;
}

/** Model, tokenizer, chat template and adapter version: generates, and is trained by a trainer that holds it. */
export class Policy {
  /** Counts the changes of the adapter; rollouts are stamped with it. */
  version = 0;
  /** Transient buffers of every program of this policy: no two of them run at the same time. @internal */
  readonly pool: SlotPool;
  readonly #images: ImageFeatures;
  readonly #inspector: Inspector;
  #engine: RolloutEngine | undefined;

  /** Made by {@link Policy.load}. @internal */
  constructor(
    readonly model: Model,
    readonly tokenizer: Tokenizer,
    /** @internal */
    readonly template: ChatTemplate,
    /** Null for a model without a vision tower. @internal */
    readonly imageProcessor: ImageProcessorConfig | null,
  ) {
    this.pool = new SlotPool(model.device);
    this.#images = new ImageFeatures(model, this.pool);
    this.#inspector = new Inspector(model, this.pool);
  }

  /** Loads a Hugging Face folder: config, weights, tokenizer, chat template, image preprocessing. */
  static async load(device: Device, source: FileSource, options: ModelOptions = {}): Promise<Policy> {
    // In a page of their own weight (a fifth of all code), so not part of what starts the engine.
    const [{ readTokenizer }, { readChatTemplate }] = await Promise.all([
      import("../data/tokenizer.ts"),
      import("../data/chat-template.ts"),
    ]);
    const tokenizer = await readTokenizer(source);
    const template = await readChatTemplate(source);
    const model = await Model.load(device, source, options);
    try {
      const imageProcessor = model.vision ? await readImageProcessorConfig(source) : null;
      return new Policy(model, tokenizer, template, imageProcessor);
    } catch (error) {
      model.destroy();
      throw error;
    }
  }

  /** The device that holds the weights. */
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
   * @internal
   */
  place(prompts: readonly PolicyPrompt[]): PackedPrompt[] {
    return this.#images.place(prompts);
  }

  /** Image features of the prompts last placed, [rows, C]. @internal */
  get features(): Tensor | undefined {
    return this.#images.tensor;
  }

  /**
   * An engine with at least this capacity. A larger one replaces the last; capacities grow in powers of two.
   * @internal
   */
  async engine(needed: Omit<EngineCapacity, "features">): Promise<RolloutEngine> {
    const known = this.#engine?.capacity;
    const fits =
      known !== undefined &&
      known.batch >= needed.batch &&
      known.prefixTokens >= needed.prefixTokens &&
      known.maxNewTokens >= needed.maxNewTokens &&
      known.features === this.features;
    if (fits && this.#engine) return this.#engine;
    const roomy = (value: number, before = 0) => 2 ** Math.ceil(Math.log2(Math.max(16, value, before)));
    const capacity = {
      batch: Math.max(needed.batch, known?.batch ?? 0),
      prefixTokens: roomy(needed.prefixTokens, known?.prefixTokens),
      maxNewTokens: roomy(needed.maxNewTokens, known?.maxNewTokens),
      features: this.features,
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

  /**
   * One forward pass over a chat and a completion of it, under the present weights: log-probs of the completion's tokens
   * and where in the images each of them looks. Generation and training find nothing changed.
   * @param tokens the completion, as {@link Policy.generate} gave it: at least one.
   * @throws as {@link Policy.encode}; InvalidOptionError for no tokens, or tokens that cannot be drawn.
   */
  async inspect(
    messages: readonly Message[],
    tokens: readonly number[],
    options: InspectOptions = {},
  ): Promise<Inspection> {
    return this.#inspector.inspect(await this.encode(messages, options), tokens, options);
  }

  /**
   * Each token as text of its own, special tokens as they are written. Bytes that are no whole character become U+FFFD;
   * an id outside the vocabulary gives "".
   */
  tokenTexts(tokens: readonly (readonly number[])[]): string[][] {
    return tokens.map((ids) => ids.map((id) => this.tokenizer.decode([id])));
  }

  /** Plans of the programs that generate and inspect. */
  get plans(): MemoryPlan[] {
    return [...this.#images.plans, ...(this.#engine?.plans ?? []), ...this.#inspector.plans];
  }

  /** What the policy holds on the GPU, by purpose. Activations of all its programs share one pool. */
  memory(): [name: string, bytes: number][] {
    const { frozen, trained } = this.model.weightBytes();
    return [
      ["frozen weights", frozen],
      ["trained weights, gradients and moments", trained],
      ["KV cache and sampler", this.#engine?.persistentBytes ?? 0],
      ["image features", this.#images.bytes + this.#inspector.featureBytes],
      ["activations and scratch, shared", this.pool.buffers.reduce((sum, { bytes }) => sum + bytes, 0)],
      ...this.plans.map((plan): [string, number] => [
        `${plan.program}: inputs, outputs, parameters`,
        plan.ownBytes,
      ]),
    ];
  }

  /** Makes room for the images of prompts that will be placed together. @internal */
  async reserveImages(prompts: readonly PolicyPrompt[]): Promise<void> {
    await this.#images.reserve(prompts);
  }

  /** Frees everything that the policy holds on the GPU. */
  destroy(): void {
    this.#engine?.destroy();
    this.#inspector.destroy();
    this.#images.destroy();
    this.pool.destroy();
    this.model.destroy();
  }
}
