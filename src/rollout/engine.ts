import { bufferBytes } from "../gpu/plan.ts";
import type { MemoryPlan } from "../gpu/plan.ts";
import { SlotPool } from "../gpu/program.ts";
import type { Program } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { writeSegments } from "../kernels/attention.ts";
import { bannedMask } from "../kernels/sampling.ts";
import type { Model } from "../models/model.ts";
import { emitDecoder, PackedInputs } from "../models/packed-inputs.ts";
import { packPrefixes } from "../models/packing.ts";
import type { PackedPrompt } from "../models/packing.ts";
import { invariant } from "../util/assert.ts";
import { ContextLengthError } from "../util/errors.ts";
import { seedFrom } from "../util/rng.ts";
import { decodeTensors, recordDecode, stride } from "./decode-program.ts";
import type { DecodeProgram, DecodeTensors } from "./decode-program.ts";
import { KvCache } from "./kv-cache.ts";
import { resolveSampling } from "./options.ts";
import type { SamplingOptions } from "./options.ts";

export interface EngineCapacity {
  /** Sequences that decode together. */
  batch: number;
  /** Prompt tokens that are in the cache together, without each prompt's last token. */
  prefixTokens: number;
  maxNewTokens: number;
  /** Rows of the feature tensor, for prompts with images. */
  features?: Tensor;
}

export interface GenerationRequest {
  prompt: PackedPrompt;
  /** Completions of this prompt. */
  n: number;
  /**
   * Number of its first completion, which keys the random draws: the same number, prompt and seed give the same draws
   * beside whatever others. Absent: completions are counted from 0 within the call.
   */
  sequence?: number;
}

export interface Completion {
  /** Index of the request, and of the completion within it. */
  request: number;
  index: number;
  /** Tokens drawn, the stop token included. */
  tokens: number[];
  /** log-softmax(logits / temperature) of each, over the tokens that are not banned; temperature 1 when greedy. */
  logps: number[];
  finishReason: "stop" | "length";
}

export type GenerationEvent =
  | { kind: "tokens"; request: number; index: number; tokens: number[]; logps: number[] }
  | { kind: "finished"; completion: Completion };

interface Row {
  request: number;
  index: number;
  /** Number of the sequence: keys its random draws. */
  sequence: number;
  slot: number;
  prefix: { begin: number; end: number };
  nextPosition: number;
  lastPosition: readonly [number, number, number];
  lastToken: number;
  tokens: number[];
  logps: number[];
}

/**
 * Generates completions: one prefill per prompt, shared by its completions, then decode steps for all of them together,
 * sampled on the GPU. The host looks every few steps, streams what was drawn, and takes finished sequences out.
 */
export class RolloutEngine {
  #adapterOff: { prefill: Program; inputs: PackedInputs; decode: DecodeProgram } | undefined;
  #penalty: DecodeProgram | undefined;

  private constructor(
    readonly model: Model,
    readonly capacity: EngineCapacity,
    private readonly cache: KvCache,
    private readonly pool: SlotPool,
    private readonly ownsPool: boolean,
    private readonly prefill: { program: Program; inputs: PackedInputs },
    private readonly decode: DecodeProgram,
  ) {}

  static async create(model: Model, capacity: EngineCapacity, pool?: SlotPool): Promise<RolloutEngine> {
    const { device } = model;
    const shared = pool ?? new SlotPool(device);
    const cache = new KvCache(
      device,
      model.config.text,
      capacity.prefixTokens,
      capacity.batch,
      capacity.maxNewTokens,
    );
    const prefill = await recordPrefill(model, cache, capacity, true, shared);
    const tensors = decodeTensors(device, capacity.batch, model.config.text.vocabSize, false);
    const decode = await recordDecode(model, cache, capacity.batch, tensors, { adapter: true, pool: shared });
    return new RolloutEngine(model, capacity, cache, shared, pool === undefined, prefill, decode);
  }

  get plans(): MemoryPlan[] {
    return [this.prefill.program.plan, this.decode.program.plan];
  }

  /** Bytes of the cache and of what lives from one decode step to the next. */
  get persistentBytes(): number {
    const tensors = [...this.cache.keys, ...this.cache.values, ...placed(this.decode.tensors)];
    return tensors.reduce((sum, { storage }) => sum + bufferBytes(storage.bytes), 0);
  }

  /**
   * Streams tokens as they are read back, and each completion as it finishes. Sequences beyond the batch wait for their
   * turn. The same seed and requests give the same tokens on the same adapter.
   * @throws ContextLengthError when a prompt does not fit the cache, or the context with its completion.
   */
  async *generate(
    requests: readonly GenerationRequest[],
    options: SamplingOptions & { adapter?: boolean; signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void, void> {
    const sampling = resolveSampling(options);
    const { signal } = options;
    const { text, tokens: special } = this.model.config;
    if (sampling.maxNewTokens > this.capacity.maxNewTokens) {
      throw new ContextLengthError(
        `maxNewTokens is ${sampling.maxNewTokens}; this engine has room for ${this.capacity.maxNewTokens}`,
      );
    }
    requests.forEach(({ prompt }, request) => {
      const length = prompt.tokens.length;
      if (length - 1 > this.capacity.prefixTokens) {
        throw new ContextLengthError(
          `prompt ${request} has ${length} tokens; this engine has room for ${this.capacity.prefixTokens + 1}`,
        );
      }
      if (length + sampling.maxNewTokens > text.maxPositionEmbeddings) {
        throw new ContextLengthError(
          `prompt ${request} has ${length} tokens, with ${sampling.maxNewTokens} new ones that is more than the context of ${text.maxPositionEmbeddings}`,
        );
      }
    });
    const { prefill, decode } = await this.#programs(
      options.adapter !== false,
      sampling.repetitionPenalty !== 1,
    );
    const device = this.model.device;
    const seed = seedFromOption(options.seed);
    const placeholders =
      options.banPlaceholders === false
        ? []
        : [special.image, special.video].filter((token) => token !== null);
    const banned = bannedMask(text.vocabSize, [...placeholders, ...(options.bannedTokens ?? [])]);
    device.write(decode.tensors.banned, banned);
    const stop = new Set(options.stopTokens ?? special.eos);
    const values = { seedLo: seed.lo, seedHi: seed.hi, ...sampling, maxNewTokens: 0 };

    let sequence = 0;
    for (const wave of this.#waves(requests)) {
      signal?.throwIfAborted();
      const rows = this.#prefill(prefill, requests, wave, () => sequence++);
      if (decode.tensors.seen) this.#writeSeen(decode, requests, rows);
      yield* this.#decode(decode, rows, sampling.maxNewTokens, stop, values, signal);
    }
  }

  /** Runs {@link RolloutEngine.generate} to its end; completions in the order of requests and indices. */
  async complete(
    requests: readonly GenerationRequest[],
    options: SamplingOptions & { adapter?: boolean; signal?: AbortSignal } = {},
  ): Promise<Completion[][]> {
    const completions: Completion[][] = requests.map(() => []);
    for await (const event of this.generate(requests, options)) {
      if (event.kind === "finished")
        completions[event.completion.request][event.completion.index] = event.completion;
    }
    return completions;
  }

  async #programs(
    adapter: boolean,
    penalty: boolean,
  ): Promise<{ prefill: { program: Program; inputs: PackedInputs }; decode: DecodeProgram }> {
    const { model, capacity, pool } = this;
    const { device } = model;
    let prefill = this.prefill;
    let decode = this.decode;
    if (!adapter && model.lora) {
      if (!this.#adapterOff) {
        const recorded = await recordPrefill(model, this.cache, capacity, false, pool);
        const off = await recordDecode(model, this.cache, capacity.batch, this.decode.tensors, {
          adapter: false,
          pool,
        });
        this.#adapterOff = { prefill: recorded.program, inputs: recorded.inputs, decode: off };
      }
      prefill = { program: this.#adapterOff.prefill, inputs: this.#adapterOff.inputs };
      decode = this.#adapterOff.decode;
    }
    if (penalty) {
      invariant(adapter, "a repetition penalty is for generation with the adapter");
      if (!this.#penalty) {
        const tensors = decodeTensors(device, capacity.batch, model.config.text.vocabSize, true);
        this.#penalty = await recordDecode(model, this.cache, capacity.batch, tensors, {
          adapter: true,
          pool,
        });
      }
      decode = this.#penalty;
    }
    return { prefill, decode };
  }

  /** Splits the requests into runs that fit batch and cache; a prompt whose completions do not fit at once comes again. */
  *#waves(
    requests: readonly GenerationRequest[],
  ): Generator<{ request: number; first: number; count: number }[]> {
    let wave: { request: number; first: number; count: number }[] = [];
    let sequences = 0;
    let tokens = 0;
    for (const [request, { prompt, n }] of requests.entries()) {
      const prefix = prompt.tokens.length - 1;
      for (let first = 0; first < n;) {
        if (sequences === this.capacity.batch || tokens + prefix > this.capacity.prefixTokens) {
          yield wave;
          [wave, sequences, tokens] = [[], 0, 0];
        }
        const count = Math.min(n - first, this.capacity.batch - sequences);
        wave.push({ request, first, count });
        sequences += count;
        tokens += prefix;
        first += count;
      }
    }
    if (wave.length > 0) yield wave;
  }

  #prefill(
    { program, inputs }: { program: Program; inputs: PackedInputs },
    requests: readonly GenerationRequest[],
    wave: readonly { request: number; first: number; count: number }[],
    nextSequence: () => number,
  ): Row[] {
    const rows: Row[] = [];
    let begin = 0;
    for (const { request, first, count } of wave) {
      const { prompt, sequence } = requests[request];
      const { tokens, positions, nextPosition } = prompt;
      const last = tokens.length - 1;
      const prefix = { begin, end: begin + last };
      begin = prefix.end;
      for (let i = 0; i < count; i++) {
        rows.push({
          request,
          index: first + i,
          sequence: sequence === undefined ? nextSequence() : sequence + first + i,
          slot: rows.length,
          prefix,
          nextPosition,
          lastPosition: [
            positions[last],
            positions[tokens.length + last],
            positions[2 * tokens.length + last],
          ],
          lastToken: tokens[last],
          tokens: [],
          logps: [],
        });
      }
    }
    if (begin > 0) {
      const batch = packPrefixes(
        wave.map(({ request }) => requests[request].prompt),
        {
          featureCount: Number(this.capacity.features?.shape[0] ?? 0),
          imageToken: this.model.config.tokens.image,
        },
      );
      const values = inputs.write(program, batch);
      program.write(
        "cacheRows",
        Uint32Array.from({ length: begin }, (_, row) => row),
      );
      program.run(values);
    }
    return rows;
  }

  async *#decode(
    decode: DecodeProgram,
    rows: Row[],
    maxNewTokens: number,
    stop: ReadonlySet<number>,
    values: Record<string, number>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const { device } = this.model;
    let active = rows;
    while (active.length > 0) {
      signal?.throwIfAborted();
      device.write(
        decode.tensors.token,
        Uint32Array.from(active, (row) => row.lastToken),
      );
      const steps = Math.min(stride, maxNewTokens - active[0].tokens.length);
      for (let step = 0; step < steps; step++) this.#step(decode, active, step, values);
      const [tokens, logps] = await device.readAll([
        decode.tensors.historyTokens,
        decode.tensors.historyLogps,
      ]);
      const remaining: Row[] = [];
      for (const [b, row] of active.entries()) {
        const drawn = { tokens: [] as number[], logps: [] as number[] };
        let finished: Completion["finishReason"] | undefined;
        for (let step = 0; step < steps && !finished; step++) {
          const at = step * this.capacity.batch + b;
          drawn.tokens.push(tokens[at]);
          drawn.logps.push(logps[at]);
          if (stop.has(tokens[at])) finished = "stop";
        }
        row.tokens.push(...drawn.tokens);
        row.logps.push(...drawn.logps);
        row.lastToken = row.tokens.at(-1) ?? row.lastToken;
        if (!finished && row.tokens.length >= maxNewTokens) finished = "length";
        yield { kind: "tokens", request: row.request, index: row.index, ...drawn };
        if (finished) {
          const { request, index, tokens, logps } = row;
          yield { kind: "finished", completion: { request, index, tokens, logps, finishReason: finished } };
        } else remaining.push(row);
      }
      active = remaining;
    }
  }

  /** One step: the token of each row goes into the cache, the next one is drawn. Nothing is read back. */
  #step(decode: DecodeProgram, rows: readonly Row[], step: number, values: Record<string, number>): void {
    const { program } = decode;
    const B = rows.length;
    const positions = new Int32Array(3 * B);
    const segments = rows.map((row, b) => {
      const done = row.tokens.length + step;
      for (let axis = 0; axis < 3; axis++) {
        positions[axis * B + b] = done === 0 ? row.lastPosition[axis] : row.nextPosition + done - 1;
      }
      const own = this.cache.ownRow(row.slot);
      return {
        queryBegin: b,
        queryEnd: b + 1,
        causal: false,
        prefixBegin: row.prefix.begin,
        prefixEnd: row.prefix.end,
        keyBegin: own,
        keyEnd: own + done + 1,
      };
    });
    const table = (value: (row: Row, b: number) => number) => Uint32Array.from(rows, value);
    program.write(decode.positions, positions);
    program.write(
      decode.cacheRows,
      table((row) => this.cache.ownRow(row.slot) + row.tokens.length + step),
    );
    program.write(
      decode.sequence,
      table((row) => row.sequence),
    );
    program.write(
      decode.draw,
      table((row) => row.tokens.length + step),
    );
    program.write(
      decode.historyRows,
      table((_, b) => step * this.capacity.batch + b),
    );
    if (decode.slot)
      program.write(
        decode.slot,
        table((row) => row.slot),
      );
    writeSegments(program, decode.segments, segments);
    program.run({ ...values, B });
  }

  #writeSeen(decode: DecodeProgram, requests: readonly GenerationRequest[], rows: readonly Row[]): void {
    const { vocabSize } = this.model.config.text;
    const words = Math.ceil(vocabSize / 32);
    const seen = new Uint32Array(rows.length * words);
    for (const row of rows)
      seen.set(bannedMask(vocabSize, Array.from(requests[row.request].prompt.tokens)), row.slot * words);
    if (decode.tensors.seen) this.model.device.write(decode.tensors.seen, seen);
  }

  destroy(): void {
    const { device } = this.model;
    this.cache.destroy();
    this.prefill.program.destroy();
    for (const decode of [this.decode, this.#penalty, this.#adapterOff?.decode]) {
      decode?.program.destroy();
      // Freeing twice what two programs share does nothing the second time.
      if (decode) for (const tensor of placed(decode.tensors)) device.freeTensor(tensor);
    }
    this.#adapterOff?.prefill.destroy();
    if (this.ownsPool) this.pool.destroy();
  }
}

async function recordPrefill(
  model: Model,
  cache: KvCache,
  { prefixTokens, batch, features }: EngineCapacity,
  adapter: boolean,
  pool: SlotPool,
): Promise<{ program: Program; inputs: PackedInputs }> {
  const rec = new Recorder(model.device, "prefill");
  const inputs = new PackedInputs(
    rec,
    { tokens: Math.max(1, prefixTokens), scored: 0, segments: batch },
    features,
  );
  const rows = rec.input("cacheRows", [inputs.T], "u32");
  emitDecoder(rec, model, inputs, {
    adapter,
    cache: { mode: "prefill", keys: cache.keys, values: cache.values, rows },
  });
  return { program: await rec.build({ pool }), inputs };
}

function placed({ token, historyTokens, historyLogps, banned, seen }: DecodeTensors): Tensor[] {
  return [token, historyTokens, historyLogps, banned, ...(seen ? [seen] : [])];
}

function seedFromOption(seed: SamplingOptions["seed"]): { lo: number; hi: number } {
  return typeof seed === "object" ? seed : seedFrom(seed ?? 0);
}
