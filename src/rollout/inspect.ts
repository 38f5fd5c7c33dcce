import type { MemoryPlan } from "../gpu/plan.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { bannedMask } from "../kernels/sampling.ts";
import type { Model } from "../models/model.ts";
import { emitDecoder, emitScores, PackedInputs } from "../models/packed-inputs.ts";
import { packGroups } from "../models/packing.ts";
import { mergedShape } from "../models/positions.ts";
import { invariant } from "../util/assert.ts";
import { ContextLengthError, InvalidOptionError } from "../util/errors.ts";
import { ImageFeatures } from "./image-features.ts";
import type { PolicyPrompt } from "./prompt.ts";

/** How a chat and a completion are looked at again. */
export interface InspectOptions {
  /** As the completion was drawn with: `GenerateOptions.system`. */
  system?: string;
  /** As the completion was drawn with: `GenerateOptions.prefill`. */
  prefill?: string;
  /** False: the reference model, without the adapter. Default true. */
  adapter?: boolean;
  /** False: log-probs alone. Default true. */
  attention?: boolean;
  /** Of the log-probs, as in sampling. Default 1; 0, which draws the most likely token, counts as 1. */
  temperature?: number;
  signal?: AbortSignal;
}

/** What a model makes of a completion that is there already. */
export interface Inspection {
  /** log-softmax(logits / temperature) of each token, over the tokens that are no placeholders [tokens]. */
  logps: Float32Array;
  /** The prompt's images, in order; none when attention was not asked for. */
  images: ImageAttention[];
}

/** Where each token of a completion looks in an image: the attention of the row that predicts the token. */
export interface ImageAttention {
  /** Merged patches: the grid of the image's tokens. It covers the whole image. */
  rows: number;
  columns: number;
  /** Mean over heads and layers [tokens, rows · columns]. What a token's weights over all images lack of 1 is on text. */
  weights: Float32Array;
}

/** Programs grow in steps of so many tokens, and of scored rows and image tokens: one serves prompts of like length. */
const tokenStep = 256;
const rowStep = 64;

interface Needed {
  tokens: number;
  scored: number;
  /** Image tokens looked at; 0: log-probs alone. */
  keys: number;
}

interface InspectProgram extends Needed {
  program: Program;
  inputs: PackedInputs;
  logp: Tensor;
  look: { keys: Tensor; w: Tensor } | undefined;
}

/**
 * Runs a model once over a prompt and a completion. Its image features are its own, so that neither an engine nor a
 * trainer finds its own changed; transient buffers are those of the pool.
 */
export class Inspector {
  readonly #images: ImageFeatures;
  readonly #programs = new Map<string, InspectProgram>();
  #before: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly model: Model,
    private readonly pool: SlotPool,
  ) {
    this.#images = new ImageFeatures(model, pool, "inspect vision");
  }

  /**
   * Calls wait for one another.
   * @throws InvalidOptionError for no tokens or tokens that cannot be drawn, ContextLengthError, MemoryBudgetError.
   */
  inspect(
    prompt: PolicyPrompt,
    tokens: readonly number[],
    options: InspectOptions = {},
  ): Promise<Inspection> {
    const inspection = this.#before.then(() => this.#inspect(prompt, tokens, options));
    this.#before = inspection.catch(() => undefined);
    return inspection;
  }

  async #inspect(
    prompt: PolicyPrompt,
    tokens: readonly number[],
    { adapter = true, attention = true, temperature = 1, signal }: InspectOptions,
  ): Promise<Inspection> {
    signal?.throwIfAborted();
    this.#check(prompt, tokens, temperature);
    await this.#images.reserve([prompt]);
    const { program, inputs, logp, look } = await this.#program(
      {
        tokens: prompt.tokens.length - 1 + tokens.length,
        scored: tokens.length,
        keys: attention ? prompt.featureCount : 0,
      },
      adapter,
      signal,
    );
    const placed = this.#images.place([prompt]);
    const batch = packGroups([{ prompt: placed[0], completions: [tokens] }], {
      featureCount: Number(inputs.features?.shape[0] ?? 0),
      imageToken: this.model.config.tokens.image,
    });
    const values = inputs.write(program, batch);
    const N = prompt.featureCount;
    if (look) program.write(look.keys, batch.featureTargets.subarray(0, N));
    program.run({ ...values, N, temperature: temperature === 0 ? 1 : temperature });
    const [logps, w] = await this.model.device.readAll(look ? [logp, look.w] : [logp]);
    signal?.throwIfAborted();
    return {
      logps: Float32Array.from(logps.subarray(0, tokens.length)),
      images: look ? this.#perImage(prompt, Float32Array.from(w.subarray(0, tokens.length * N)), N) : [],
    };
  }

  #check({ tokens: { length } }: PolicyPrompt, tokens: readonly number[], temperature: number): void {
    const { text, tokens: special } = this.model.config;
    if (tokens.length === 0) throw new InvalidOptionError("inspect: tokens", 0, "at least 1");
    const drawn = (token: number) => Number.isInteger(token) && token >= 0 && token < text.vocabSize;
    const wrong = tokens.find((token) => !drawn(token) || token === special.image || token === special.video);
    if (wrong !== undefined) {
      const expected = `an integer from 0 to ${text.vocabSize - 1} that is no placeholder of an image or a video`;
      throw new InvalidOptionError("inspect: token", wrong, expected);
    }
    if (!(temperature >= 0 && temperature <= 100))
      throw new InvalidOptionError("temperature", temperature, "a number from 0 to 100");
    if (length + tokens.length > text.maxPositionEmbeddings) {
      throw new ContextLengthError(
        `inspect: got ${length} tokens of the prompt and ${tokens.length} of the completion, expected at most ` +
          `${text.maxPositionEmbeddings} together`,
      );
    }
  }

  /** A program with at least this room. A larger one replaces the last of its kind. */
  async #program(needed: Needed, adapter: boolean, signal?: AbortSignal): Promise<InspectProgram> {
    const on = adapter || !this.model.lora;
    const name = `inspect${on ? "" : " without adapter"}${needed.keys > 0 ? "" : ", log-probs alone"}`;
    const known = this.#programs.get(name);
    const fits =
      known &&
      known.tokens >= needed.tokens &&
      known.scored >= needed.scored &&
      known.keys >= needed.keys &&
      known.inputs.features === this.#images.tensor;
    if (fits) return known;
    const roomy = (value: number, before: number | undefined, step: number) =>
      Math.ceil(Math.max(value, before ?? 0) / step) * step;
    // Gone before the new one is tried: should it not fit, nothing is left that is half there.
    known?.program.destroy();
    this.#programs.delete(name);
    const recorded = await recordInspect(this.model, name, {
      tokens: roomy(needed.tokens, known?.tokens, tokenStep),
      scored: roomy(needed.scored, known?.scored, rowStep),
      keys: roomy(needed.keys, known?.keys, rowStep),
      adapter: on,
      features: this.#images.tensor,
      pool: this.pool,
      signal,
    });
    this.#programs.set(name, recorded);
    return recorded;
  }

  /** w [tokens, N] over the tokens of all images → the weights on each. */
  #perImage({ images }: PolicyPrompt, w: Float32Array, N: number): ImageAttention[] {
    const mergeSize = this.model.config.vision?.mergeSize ?? 1;
    let begin = 0;
    return images.map(({ grid }) => {
      const [t, height, columns] = mergedShape(grid, mergeSize);
      const rows = t * height;
      const count = rows * columns;
      const first = begin;
      begin += count;
      const weights = new Float32Array((w.length / N) * count);
      for (let at = 0; at < weights.length; at += count) {
        const from = (at / count) * N + first;
        weights.set(w.subarray(from, from + count), at);
      }
      return { rows, columns, weights };
    });
  }

  get plans(): MemoryPlan[] {
    return [...this.#images.plans, ...[...this.#programs.values()].map(({ program }) => program.plan)];
  }

  /** Bytes of the image features. */
  get featureBytes(): number {
    return this.#images.bytes;
  }

  destroy(): void {
    for (const { program } of this.#programs.values()) program.destroy();
    this.#programs.clear();
    this.#images.destroy();
  }
}

interface RecordOptions extends Needed {
  adapter: boolean;
  features: Tensor | undefined;
  pool: SlotPool;
  signal?: AbortSignal;
}

/** Prompt and completion → log-probs of the completion's tokens [S] and the mean weights w [S, N] of their rows. */
async function recordInspect(
  model: Model,
  name: string,
  { tokens, scored, keys, adapter, features, pool, signal }: RecordOptions,
): Promise<InspectProgram> {
  const { text, tokens: special } = model.config;
  const rec = new Recorder(model.device, name);
  const inputs = new PackedInputs(rec, { tokens, scored, segments: 2 }, features);
  const { S, scoredRows } = inputs;
  invariant(S && scoredRows, "an inspection scores tokens");
  const N = keys > 0 ? rec.dim("N", keys) : undefined;
  const look = N && {
    queries: scoredRows,
    keys: rec.input("image tokens", [N], "u32"),
    w: rec.tensor("attention weights", [S, N], "f32"),
    share: 1 / text.numLayers,
  };
  if (look) rec.zero(look.w);
  const forward = emitDecoder(rec, model, inputs, { adapter, look });
  const banned = rec.input("banned", [Math.ceil(text.vocabSize / 32)], "u32");
  const temperature = rec.scalar("temperature");
  const { logp } = emitScores(rec, model, inputs, forward, { temperature, banned });
  rec.output(logp);
  if (look) rec.output(look.w);
  const program = await rec.build({ pool, signal });
  const placeholders = [special.image, special.video].filter((token) => token !== null);
  program.write(banned, bannedMask(text.vocabSize, placeholders));
  return { tokens, scored, keys, program, inputs, logp, look };
}
