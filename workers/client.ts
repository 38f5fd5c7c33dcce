/** The kit from the page's side: everything that computes is in workers; here are typed handles to it. */
import { proxy, releaseProxy, transfer, wrap } from "comlink";
import type { Endpoint, ProxyMarked, Remote } from "comlink";
import type { ContentPart, Message } from "../src/data/chat-template.ts";
import type { DeviceInfo } from "../src/gpu/device.ts";
import type { GenerateOptions, PolicyCompletion, TextDelta } from "../src/rollout/policy.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { Split, TaskExample } from "../src/tasks/task.ts";
import type { RecordedStep, RunRecord } from "../src/train/run-record.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import { DeviceLostError, InvalidOptionError, reviveError, ThinktabError } from "../src/util/errors.ts";
import type {
  EngineApi,
  EngineRunEvent,
  LoadOptions,
  OpenOptions,
  PolicyApi,
  PolicyInfo,
  RunOptions,
  TrainingApi,
  WireSource,
} from "./protocol.ts";
import type { SavedRun } from "./runs.ts";
import { readStream } from "./stream.ts";
import { installTransferHandlers } from "./transfer.ts";

export * from "../src/util/errors.ts";
export { changedExamples } from "../src/evaluation/changed-examples.ts";
export { modelOptions, parseRecipeText, parseRunRecipe } from "../src/train/run-recipe.ts";
export { shippedRecipes } from "../src/train/recipes.ts";
export type { Evaluation, EvaluationSummary, Proportion } from "../src/evaluation/accuracy.ts";
export type {
  DeviceInfo,
  EngineRunEvent,
  GenerateOptions,
  LoadOptions,
  Message,
  PolicyInfo,
  RecordedStep,
  RunOptions,
  RunRecipe,
  RunRecord,
  SavedRun,
  Split,
  TaskExample,
  TaskSpec,
  TextDelta,
};

/** Where a policy comes from. */
export type PolicySource =
  /** The built-in miniature with random weights. */
  | { kind: "tiny"; seed?: number }
  /** A Hugging Face folder on a server, e.g. `https://huggingface.co/OWNER/REPO/resolve/main`. */
  | { kind: "url"; base: string }
  /** A Hugging Face folder picked or dropped by the user; a map has paths as keys. */
  | { kind: "files"; files: readonly File[] | ReadonlyMap<string, Blob>; name?: string };

export interface ConnectOptions extends OpenOptions {
  /** The engine's endpoint; by default a worker is started. */
  endpoint?: Endpoint;
}

export interface LoadPolicyOptions extends LoadOptions {
  /** Layers loaded, of how many. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface RemoteGenerateOptions extends GenerateOptions {
  /** Image bitmaps and buffers of the messages to be moved instead of copied; the page cannot use them any more. */
  transfer?: Transferable[];
}

export type RemoteCompletion = Pick<PolicyCompletion, "text" | "tokens" | "logps" | "finishReason">;

/**
 * Starts the engine worker and opens the GPU there.
 * @throws GpuUnavailableError without WebGPU, ThinktabError when the worker does not start.
 */
export async function connect({ endpoint, ...open }: ConnectOptions = {}): Promise<Thinktab> {
  installTransferHandlers();
  const worker = endpoint ? undefined : startWorker();
  const failure = new Failure();
  if (worker) {
    worker.onerror = ({ message }) =>
      failure.fail(
        new ThinktabError(`the engine worker failed: ${message || "its script could not be loaded"}`),
      );
  }
  const engine = wrap<EngineApi>(endpoint ?? worker!);
  try {
    const info = await failure.orElse(engine.open(open));
    return new Thinktab(info, engine, worker, failure);
  } catch (error) {
    worker?.terminate();
    throw error;
  }
}

function startWorker(): Worker {
  return new Worker(new URL("./engine-worker.ts", import.meta.url), { type: "module", name: "engine" });
}

/** The reason why nothing will come from the engine any more; everything pending is held against it. */
class Failure {
  readonly promise: Promise<never>;
  #reject: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((_, reject) => (this.#reject = reject));
    this.promise.catch(() => undefined); // whoever waits for something hears of it
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  orElse<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.promise]);
  }
}

/** The kit: one engine in a worker, with its GPU device. */
export class Thinktab {
  /** Resolves when the GPU device is lost. Everything pending rejects with the same error; connect again to go on. */
  readonly lost: Promise<DeviceLostError>;
  #disposed = false;

  /** Made by {@link connect}. */
  constructor(
    readonly device: DeviceInfo,
    private readonly engine: Remote<EngineApi>,
    private readonly worker: Worker | undefined,
    private readonly failure: Failure,
  ) {
    this.lost = engine.lost().then((record) => {
      const error = reviveError(record);
      const lost = error instanceof DeviceLostError ? error : new DeviceLostError(error.message);
      // What the engine itself throws on a loss arrives first, where there is something; nothing may hang.
      if (!this.#disposed) failure.fail(lost);
      return lost;
    });
  }

  /**
   * Loads a policy. Several may be loaded; each holds its memory until it is disposed of. When loading fails, those
   * that are loaded stay usable.
   * @throws MissingFileError, CorruptFileError, MissingTensorError, ShapeError, UnsupportedModelError,
   *   MemoryBudgetError, AbortError
   */
  async loadPolicy(
    source: PolicySource,
    { onProgress, signal, ...options }: LoadPolicyOptions = {},
  ): Promise<RemotePolicy> {
    signal?.throwIfAborted();
    const progress = proxy((done: number, total: number) => onProgress?.(done, total));
    const api = await this.failure.orElse(this.engine.load(toWire(source), options, progress, signal));
    return new RemotePolicy(await this.failure.orElse(api.describe()), api, this.failure);
  }

  /** An example of a task: the same for the same seed and split. */
  async example(task: TaskSpec, seed: number, split: Split = "train"): Promise<TaskExample> {
    return this.failure.orElse(this.engine.example(task, seed, split));
  }

  /**
   * What this browser keeps of a run; null when there is nothing.
   * @throws CorruptFileError, InvalidOptionError when it is of no use, e.g. made by another version: discard it then.
   */
  async savedRun(name: string): Promise<SavedRun | null> {
    return this.failure.orElse(this.engine.savedRun(name));
  }

  /** A file of a run: `run.json`, `adapter_model.safetensors`, … (see RunFolder). Null when there is none. */
  async runFile(name: string, file: string): Promise<Uint8Array | null> {
    return this.failure.orElse(this.engine.runFile(name, file));
  }

  /** Deletes what is kept of a run. @throws StorageError while it goes on somewhere. */
  async discardRun(name: string): Promise<void> {
    await this.failure.orElse(this.engine.discardRun(name));
  }

  /** Ends everything and frees the GPU. What is pending rejects with an AbortError. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const closed = new DOMException("the kit was disposed of", "AbortError");
    try {
      await this.failure.orElse(this.engine.dispose());
    } finally {
      this.failure.fail(closed);
      this.engine[releaseProxy]();
      this.worker?.terminate();
    }
  }
}

/** A policy in the engine. */
export class RemotePolicy {
  /** Made by {@link Thinktab.loadPolicy}. */
  constructor(
    readonly info: PolicyInfo,
    private readonly api: Remote<PolicyApi & ProxyMarked>,
    private readonly failure: Failure,
  ) {}

  /**
   * Streams the completions of a chat as they are drawn. The engine runs a little ahead of the reader and then waits;
   * leaving the loop ends the generation. While a training run goes on, answers come between its steps.
   * @throws ImageDecodeError, ImageTokenMismatchError, ContextLengthError, InvalidOptionError, AbortError, DeviceLostError
   */
  async *stream(
    messages: readonly Message[],
    options: RemoteGenerateOptions = {},
  ): AsyncGenerator<TextDelta, void, void> {
    const { signal, transfer: moved = [], ...rest } = options;
    signal?.throwIfAborted();
    const portable = transfer(messages.map(portableMessage), moved);
    const stream = await this.failure.orElse(this.api.generate(portable, rest, signal));
    yield* readStream(stream, this.failure.promise);
  }

  /** The completions of a chat, when all of them have ended. Throws as {@link stream} does. */
  async generate(
    messages: readonly Message[],
    options: RemoteGenerateOptions = {},
  ): Promise<RemoteCompletion[]> {
    const completions = Array.from({ length: options.n ?? 1 }, (): RemoteCompletion => {
      return { text: "", tokens: [], logps: [], finishReason: "length" };
    });
    for await (const { index, text, tokens, logps, finishReason } of this.stream(messages, options)) {
      const completion = completions[index];
      completion.text += text;
      completion.tokens.push(...tokens);
      completion.logps.push(...logps);
      if (finishReason) completion.finishReason = finishReason;
    }
    return completions;
  }

  /**
   * Starts a run, or goes on with the saved one: from its newest checkpoint, to the same weights as without a break.
   * Iterate over it for its events; it waits for a reader that falls behind. A run from the beginning needs a policy
   * that was just loaded with the recipe's options (see modelOptions), and replaces what is saved under its name.
   * @throws InvalidOptionError for a task that is none, or while another run is in progress; StorageError when this one
   *   goes on in another tab; CheckpointError when what is saved is another recipe's.
   */
  async train(
    recipe: RunRecipe,
    { name = "run", resume = false }: Partial<RunOptions> = {},
  ): Promise<TrainingRun> {
    return new TrainingRun(await this.failure.orElse(this.api.train(recipe, { name, resume })), this.failure);
  }

  /** Frees the policy's memory; its runs and generations end. */
  async dispose(): Promise<void> {
    await this.failure.orElse(this.api.destroy());
    this.api[releaseProxy]();
  }
}

/** A training run in the engine: its events, once, and the means to hold it. */
export class TrainingRun implements AsyncIterable<EngineRunEvent> {
  readonly #events: AsyncGenerator<EngineRunEvent, void, void>;

  /** Made by {@link RemotePolicy.train}. */
  constructor(
    private readonly api: Remote<TrainingApi & ProxyMarked>,
    private readonly failure: Failure,
  ) {
    this.#events = readStream(api, failure.promise);
  }

  /** @throws what ended the run: NonFiniteError, DeviceLostError, MemoryBudgetError, … */
  [Symbol.asyncIterator](): AsyncGenerator<EngineRunEvent, void, void> {
    return this.#events;
  }

  /** Resolves when the run stands still between two steps, or has ended. */
  async pause(): Promise<void> {
    await this.failure.orElse(this.api.pause());
  }

  async resume(): Promise<void> {
    await this.failure.orElse(this.api.resume());
  }

  /** Ends the run; its last event is `done` with reason `stopped`. What was done is saved. */
  async stop(): Promise<void> {
    await this.failure.orElse(this.api.stop());
  }
}

function toWire(source: PolicySource): WireSource {
  switch (source.kind) {
    case "tiny":
      return { kind: "tiny", seed: source.seed ?? 1 };
    case "url":
      return { kind: "url", base: absolute(source.base) };
    case "files": {
      const { files } = source;
      const table: ReadonlyMap<string, Blob> =
        files instanceof Map
          ? (files as ReadonlyMap<string, Blob>)
          : new Map((files as readonly File[]).map((file) => [file.webkitRelativePath || file.name, file]));
      if (table.size === 0)
        throw new InvalidOptionError("policy files", "none", "the files of a Hugging Face folder");
      const folder = [...table.keys()][0].split("/").at(-2);
      return { kind: "files", name: source.name ?? folder ?? "picked files", files: table };
    }
  }
}

/** Addresses are resolved here: a worker would take them relative to its own script. */
function absolute(url: string): string {
  return typeof location === "undefined" ? url : new URL(url, location.href).href;
}

function portableMessage({ role, content }: Message): Message {
  return { role, content: typeof content === "string" ? content : content.map(portablePart) };
}

function portablePart(part: ContentPart): ContentPart {
  if (part.type === "image_url")
    return { type: "image_url", image_url: { url: absolute(part.image_url.url) } };
  if (part.type === "image" && (typeof part.image === "string" || part.image instanceof URL)) {
    return { type: "image", image: absolute(String(part.image)) };
  }
  return part;
}
