/**
 * `thinktab`: the kit from the page's side. Everything that computes is in workers; here are typed handles to it.
 *
 * ```ts
 * const kit = await createThinktab();
 * const policy = await kit.loadPolicy("/models/my-policy/", { lora: { rank: 8 } });
 * for await (const { text } of policy.generate([{ role: "user", content: "How many?" }])) show(text);
 * ```
 * @module thinktab
 */
import { proxy, releaseProxy, wrap } from "comlink";
import type { Endpoint, Remote } from "comlink";
import type { DeviceInfo, DeviceOptions } from "../src/gpu/device.ts";
import type { BenchmarkResult } from "../src/self-test/benchmark.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { Split, TaskExample } from "../src/tasks/task.ts";
import { DeviceLostError, reviveError, ThinktabError } from "../src/util/errors.ts";
import { Failure } from "./failure.ts";
import { portableTask, toWire } from "./portable.ts";
import type { PolicySource } from "./portable.ts";
import type { EngineApi, LoadOptions, NumberedSelfTest, OpenOptions } from "./protocol.ts";
import { RemotePolicy } from "./remote-policy.ts";
import type { SavedRun } from "./runs.ts";
import { readStream } from "./stream.ts";
import { installTransferHandlers } from "./transfer.ts";

export * from "../src/util/errors.ts";
export { changedExamples } from "../src/evaluation/changed-examples.ts";
export type { ChangedExample } from "../src/evaluation/changed-examples.ts";
export { taskNames } from "../src/tasks/registry.ts";
export {
  colourNames,
  isRightAnswer,
  ownScene,
  questionsAbout,
  shapeNames,
} from "../src/tasks/shapes/own-scene.ts";
export type { Colour, SceneQuestion, Shape, Thing } from "../src/tasks/shapes/own-scene.ts";
export { modelOptions, parseRecipeText, parseRunRecipe, trainingOf } from "../src/train/run-recipe.ts";
export { compareRuns, metricsOf, parseRunRecord } from "../src/train/run-record.ts";
export { REASONING_SYSTEM_PROMPT } from "../src/data/system-prompt.ts";
export { shippedRecipes } from "../src/train/recipes.ts";
export type { ContentPart, Message } from "../src/data/chat-template.ts";
export type { RgbImage } from "../src/data/image.ts";
export type {
  EvaluatedExample,
  Evaluation,
  EvaluationSummary,
  Proportion,
} from "../src/evaluation/accuracy.ts";
export type { DeviceInfo } from "../src/gpu/device.ts";
export type { Completion, Example, RewardResult } from "../src/rl/reward.ts";
export type { ImageAttention, InspectOptions, Inspection } from "../src/rollout/inspect.ts";
export type { GenerateOptions, TextDelta } from "../src/rollout/policy.ts";
export type { BenchmarkUnit } from "../src/self-test/benchmark-cases.ts";
export type { BenchmarkResult } from "../src/self-test/benchmark.ts";
export type { SelfTestResult } from "../src/self-test/self-test.ts";
export type { ExamplesOptions, OwnExample } from "../src/tasks/examples.ts";
export type { TaskSpec } from "../src/tasks/registry.ts";
export type { Split, Task, TaskExample } from "../src/tasks/task.ts";
export type { GroupRecord, RolloutRecord } from "../src/train/events.ts";
export type { RunPlan } from "../src/train/plan-run.ts";
export type { RolloutLine } from "../src/train/run-folder.ts";
export type { GrpoRunRecipe, RunRecipe, SftRunOptions, SftRunRecipe } from "../src/train/run-recipe.ts";
export type { RecordedStep, RunComparison, RunRecord } from "../src/train/run-record.ts";
export { createDataWorker, DataWorker, RemoteDataset } from "./data-client.ts";
export type {
  ConvertedDataset,
  DatasetFiles,
  DataWorkerOptions,
  HandedOff,
  HandOffOptions,
  MadeUpDataset,
  ReadLog,
  PlainReport,
  ReadDatasetOptions,
  RowQuery,
  ShownRow,
} from "./data-client.ts";
export { RemoteEvaluations } from "./evaluation-client.ts";
export type {
  EvaluatedPolicy,
  EvaluationFile,
  EvaluationFiles,
  EvaluationRequest,
  EvaluationScoring,
  KeptEvaluation,
  ListedBenchmark,
  ShownAnswer,
  ShownEvaluationEvent,
  ShownReport,
  ToyTable,
} from "./evaluation-client.ts";
export type { SynthesisClientOptions, SynthesisRequest, ToyImages } from "./synthesis-client.ts";
export type { PolicySource } from "./portable.ts";
export type {
  EngineRunEvent,
  LoadOptions,
  NumberedSelfTest,
  PolicyInfo,
  RunOptions,
  StorageKind,
} from "./protocol.ts";
export type { DataFiles } from "./wire-files.ts";
export { Generation, RemotePolicy, TrainingRun } from "./remote-policy.ts";
export type { RemoteJudgeOptions } from "./page-judge.ts";
export type {
  RemoteCompletion,
  RemoteEvaluateOptions,
  RemoteGenerateOptions,
  RemoteTrainOptions,
} from "./remote-policy.ts";
export type { SavedRun } from "./runs.ts";

/** How far a policy is loaded. */
export interface LoadProgress {
  /** The policy's address or name. */
  source: string;
  /** Layers, of how many. */
  done: number;
  total: number;
}

/** How {@link createThinktab} starts the engine. */
export interface ThinktabOptions extends OpenOptions {
  /**
   * A device of yours, which the kit uses and never destroys. A device cannot cross into a worker, so everything then
   * runs in this thread; images are still decoded and rewards still computed elsewhere.
   */
  device?: DeviceOptions["device"];
  /** Hears of every policy that is loaded. */
  onProgress?: (progress: LoadProgress) => void;
  /** The other end of a channel to an engine of your own; by default a worker is started. */
  endpoint?: Endpoint;
  /** Ends the start: nothing of it is left then. A kit that has started is ended by {@link Thinktab.dispose}. */
  signal?: AbortSignal;
}

export interface LoadPolicyOptions extends LoadOptions {
  /** Layers loaded, of how many. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Starts the engine and opens the GPU there.
 * @throws GpuUnavailableError without WebGPU, ThinktabError when the worker does not start, AbortError.
 */
export async function createThinktab(options: ThinktabOptions = {}): Promise<Thinktab> {
  const { endpoint, device, onProgress, signal, ...engineOptions } = options;
  signal?.throwIfAborted();
  installTransferHandlers();
  const failure = new Failure();
  const host = await startEngine(failure, endpoint, device);
  const engine = wrap<EngineApi>(host.endpoint);
  const abort = () => failure.fail(signal?.reason as Error);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted(); // it may have been, while the engine was fetched
    const { device: info, versions } = await failure.orElse(engine.open(engineOptions));
    return new Thinktab(info, versions, engine, () => host.close(), failure, onProgress);
  } catch (error) {
    host.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** A bundler that is older than what the package is made for leaves the worker's script behind. */
const unloadable =
  'its script could not be loaded (under Vite 7 or older: optimizeDeps: { exclude: ["thinktab"] }, worker: { format: "es" })';

/** A running engine, and how it is ended. */
interface EngineEnd {
  endpoint: Endpoint;
  close(): void;
}

async function startEngine(
  failure: Failure,
  endpoint: Endpoint | undefined,
  device: DeviceOptions["device"],
): Promise<EngineEnd> {
  if (endpoint) return { endpoint, close: () => undefined };
  if (device) return (await import("./engine-here.ts")).engineHere(device);
  const worker = new Worker(new URL("./engine-worker.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  worker.onerror = ({ message }) =>
    failure.fail(new ThinktabError(`the engine worker failed: ${message || unloadable}`));
  return { endpoint: worker, close: () => worker.terminate() };
}

/**
 * Kits that have not been disposed of. Comlink closes a channel when its proxy is collected, be there a call pending or
 * not, which would then never be answered: a kit that nobody holds but the call itself must outlive it.
 */
const undisposed = new Set<Thinktab>();

/** The kit: one engine with its GPU device. */
export class Thinktab {
  /** Resolves when the GPU device is lost. Everything pending rejects with the same error; make another kit to go on. */
  readonly lost: Promise<DeviceLostError>;
  #disposed = false;
  /** Held for the same reason, each until it is disposed of. */
  readonly #policies = new Set<RemotePolicy>();

  /** Made by {@link createThinktab}. @internal */
  constructor(
    readonly device: DeviceInfo,
    /** Of the kit (`version`) and of what it runs on, as run records have them. */
    readonly versions: Readonly<Record<string, string>>,
    private readonly engine: Remote<EngineApi>,
    private readonly end: () => void,
    private readonly failure: Failure,
    private readonly onProgress: ThinktabOptions["onProgress"],
  ) {
    this.lost = engine.lost().then((record) => {
      const error = reviveError(record);
      const lost = error instanceof DeviceLostError ? error : new DeviceLostError(error.message);
      // What the engine itself throws on a loss arrives first, where there is something; nothing may hang.
      if (!this.#disposed) failure.fail(lost);
      return lost;
    });
    undisposed.add(this);
  }

  /**
   * Loads a policy. Several may be loaded; each holds its memory until it is disposed of. When loading fails, those
   * that are loaded stay usable.
   * @param source a string is the address of a Hugging Face folder.
   * @throws MissingFileError, CorruptFileError, MissingTensorError, ShapeError, UnsupportedModelError,
   *   MemoryBudgetError, AbortError
   */
  async loadPolicy(
    source: PolicySource | string,
    { onProgress, signal, ...options }: LoadPolicyOptions = {},
  ): Promise<RemotePolicy> {
    signal?.throwIfAborted();
    const wire = toWire(typeof source === "string" ? { kind: "url", base: source } : source);
    const name = wire.kind === "url" ? wire.base : wire.kind === "files" ? wire.name : wire.kind;
    const progress = proxy((done: number, total: number) => {
      onProgress?.(done, total);
      this.onProgress?.({ source: name, done, total });
    });
    const api = await this.failure.orElse(this.engine.load(wire, options, progress, signal));
    const info = await this.failure.orElse(api.describe());
    const policy = new RemotePolicy(info, api, this.failure, () => this.#policies.delete(policy));
    this.#policies.add(policy);
    return policy;
  }

  /** An example of a task: the same for the same seed and split. */
  async example(task: TaskSpec, seed: number, split: Split = "train"): Promise<TaskExample> {
    return this.failure.orElse(this.engine.example(portableTask(task), seed, split));
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

  /**
   * Runs every kernel once against its float64 reference, on this device.
   * @throws AbortError, DeviceLostError
   */
  async *selfTest({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<NumberedSelfTest, void, void> {
    signal?.throwIfAborted();
    const stream = await this.failure.orElse(this.engine.selfTest(signal));
    yield* readStream(stream, this.failure, signal);
  }

  /** What this device gives the kit, measured: a few seconds. @throws AbortError, DeviceLostError */
  async *benchmark({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<BenchmarkResult, void, void> {
    signal?.throwIfAborted();
    const stream = await this.failure.orElse(this.engine.benchmark(signal));
    yield* readStream(stream, this.failure, signal);
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
      this.end();
      this.#policies.clear();
      undisposed.delete(this);
    }
  }
}
