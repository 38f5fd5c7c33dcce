import type { ProxyMarked } from "comlink";
import { releaseProxy } from "comlink";
import type { Remote } from "comlink";
import type { Device } from "../src/gpu/device.ts";
import type { DeviceInfo } from "../src/gpu/device.ts";
import { tinyPolicySource } from "../src/models/tiny-policy.ts";
import { Policy } from "../src/rollout/policy.ts";
import { httpSource } from "../src/storage/http-source.ts";
import { fileSource } from "../src/storage/source.ts";
import type { FileSource } from "../src/storage/source.ts";
import { loadTask } from "../src/tasks/load.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { Split, TaskExample } from "../src/tasks/task.ts";
import type { BenchmarkResult } from "../src/self-test/benchmark.ts";
import { errorRecord, InvalidOptionError } from "../src/util/errors.ts";
import type { ErrorRecord } from "../src/util/errors.ts";
import { EnginePolicy } from "./engine-policy.ts";
import type {
  EngineApi,
  LoadOptions,
  NumberedSelfTest,
  OpenOptions,
  PolicyApi,
  ReportProgress,
  RewardWorkerKind,
  StorageKind,
  StreamApi,
  WireSource,
} from "./protocol.ts";
import { RewardPool } from "./rewards.ts";
import type { RewardHost, RewardLimits } from "./rewards.ts";
import { Runs } from "./runs.ts";
import type { RunStorage, SavedRun } from "./runs.ts";
import { eitherSignal, remotely, serve } from "./stream.ts";
import type { Streams } from "./stream.ts";
import { installTransferHandlers } from "./transfer.ts";

/** What the surroundings give: a browser's worker, or Node. */
export interface EngineHost {
  openDevice(options: OpenOptions): Promise<Device>;
  startRewardWorker(kind: RewardWorkerKind): RewardHost;
  rewardLimits?: RewardLimits;
  /** Where runs are kept. */
  openRuns(kind: StorageKind): RunStorage;
  /** Versions of the kit (`version`) and of what it runs on, for run records. */
  kit: { version: string } & Record<string, string>;
}

/** The only owner of the GPU: holds the device and the policies on it. Knows nothing of workers; engine-worker.ts exposes it. */
export class Engine implements EngineApi {
  #device: Device | undefined;
  readonly #policies = new Set<EnginePolicy>();
  readonly #streams: Streams = new Set();
  readonly #disposed = new AbortController();
  readonly #loading = new Set<Promise<unknown>>();
  readonly #rewards: RewardPool;
  #runs: Runs | undefined;

  constructor(private readonly host: EngineHost) {
    installTransferHandlers();
    this.#rewards = new RewardPool((kind) => host.startRewardWorker(kind), host.rewardLimits);
  }

  /** Opens the device, once. @throws GpuUnavailableError */
  async open(options: OpenOptions): Promise<{ device: DeviceInfo; versions: Record<string, string> }> {
    this.#device ??= await this.host.openDevice(options);
    this.#runs ??= new Runs(this.host.openRuns(options.storage ?? "browser"));
    return { device: this.#device.info, versions: this.host.kit };
  }

  async lost(): Promise<ErrorRecord> {
    return errorRecord(await this.#opened().lost);
  }

  load(
    wire: WireSource,
    options: LoadOptions,
    progress: ReportProgress | Remote<ReportProgress>,
    signal: AbortSignal | undefined,
  ): Promise<PolicyApi & ProxyMarked> {
    const loading = this.#load(wire, options, progress, signal).finally(() => this.#loading.delete(loading));
    this.#loading.add(loading);
    return loading;
  }

  async #load(
    wire: WireSource,
    options: LoadOptions,
    progress: ReportProgress | Remote<ReportProgress>,
    signal: AbortSignal | undefined,
  ): Promise<PolicyApi & ProxyMarked> {
    const device = this.#opened();
    try {
      signal?.throwIfAborted();
      const source = await openSource(wire);
      let reported: Promise<void> | undefined;
      const either = eitherSignal(signal, this.#disposed.signal);
      const policy = await Policy.load(device, source, {
        ...options,
        signal: either,
        onProgress: (done, total) => {
          reported = Promise.resolve(progress(done, total));
        },
      });
      await reported;
      if (either.aborted) {
        policy.destroy();
        throw either.reason;
      }
      const shared = { rewards: this.#rewards, runs: this.#openedRuns(), kit: this.host.kit };
      const held = new EnginePolicy(source.name, policy, shared, () => this.#policies.delete(held));
      this.#policies.add(held);
      return remotely(held);
    } finally {
      if (releaseProxy in progress) progress[releaseProxy]();
    }
  }

  async example(task: TaskSpec, seed: number, split: Split): Promise<TaskExample> {
    return (await loadTask(task)).example(seed, split);
  }

  savedRun(name: string): Promise<SavedRun | null> {
    return this.#openedRuns().saved(name);
  }

  runFile(name: string, key: string): Promise<Uint8Array | null> {
    return this.#openedRuns().file(name, key);
  }

  discardRun(name: string): Promise<void> {
    return this.#openedRuns().discard(name);
  }

  selfTest(signal: AbortSignal | undefined): StreamApi<NumberedSelfTest> & ProxyMarked {
    return serve(this.#streams, (stop) => testKernels(this.#opened(), eitherSignal(signal, stop)));
  }

  benchmark(signal: AbortSignal | undefined): StreamApi<BenchmarkResult> & ProxyMarked {
    return serve(this.#streams, (stop) => timeKernels(this.#opened(), eitherSignal(signal, stop)));
  }

  /** Ends every run and generation, frees everything on the GPU, and the device itself. */
  async dispose(): Promise<void> {
    this.#disposed.abort(new DOMException("the kit was disposed of", "AbortError"));
    try {
      await Promise.all([...this.#streams].map((stream) => stream.cancel()));
      await Promise.all([...this.#policies].map((policy) => policy.destroy()));
      await Promise.allSettled(this.#loading);
    } finally {
      this.#rewards.dispose();
      this.#device?.destroy();
      this.#device = undefined;
    }
  }

  #opened(): Device {
    if (!this.#device) throw new InvalidOptionError("engine", "no open device", "open() to have been called");
    return this.#device;
  }

  #openedRuns(): Runs {
    this.#opened();
    if (!this.#runs) throw new InvalidOptionError("engine", "no runs", "open() to have been called");
    return this.#runs;
  }
}

/** Kernels, their references and the cases are fetched when they are asked for: few pages ever do. */
async function* testKernels(
  device: Device,
  signal: AbortSignal,
): AsyncGenerator<NumberedSelfTest, void, void> {
  const { selfTest, selfTestCases } = await import("../src/self-test/self-test.ts");
  const cases = selfTestCases(device);
  let done = 0;
  for await (const result of selfTest(device, cases)) {
    signal.throwIfAborted();
    yield { ...result, done: ++done, total: cases.length };
  }
}

async function* timeKernels(
  device: Device,
  signal: AbortSignal,
): AsyncGenerator<BenchmarkResult, void, void> {
  const { benchmark } = await import("../src/self-test/benchmark.ts");
  yield* benchmark(device, { signal });
}

async function openSource(wire: WireSource): Promise<FileSource> {
  switch (wire.kind) {
    case "tiny":
      return tinyPolicySource(wire.seed);
    case "url":
      return httpSource(wire.base);
    case "files":
      return fileSource(wire.files, wire.name);
  }
}
