/** What crosses between the page and its workers: plain values, and the interfaces of the objects on the far side. */
import type { ProxyMarked } from "comlink";
import type { Message } from "../src/data/chat-template.ts";
import type { Evaluation, EvaluateOptions } from "../src/evaluation/accuracy.ts";
import type { DeviceInfo, DeviceOptions } from "../src/gpu/device.ts";
import type { ModelOptions } from "../src/models/model.ts";
import type { JudgeCounters } from "../src/language-models/judge.ts";
import type { JudgeRequest } from "../src/rl/hybrid-reward.ts";
import type { Completion, RewardResult } from "../src/rl/reward.ts";
import type { InspectOptions, Inspection } from "../src/rollout/inspect.ts";
import type { GenerateOptions, PolicyCompletion, TextDelta } from "../src/rollout/policy.ts";
import type { BenchmarkResult } from "../src/self-test/benchmark.ts";
import type { SelfTestResult } from "../src/self-test/self-test.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { Split, TaskExample } from "../src/tasks/task.ts";
import type { RunPlan } from "../src/train/plan-run.ts";
import type { RunEvent } from "../src/train/run.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import type { ErrorRecord } from "../src/util/errors.ts";
import type { SavedRun } from "./runs.ts";

/** Where runs are kept: in the browser's private file system, or in memory, for as long as the engine lives. */
export type StorageKind = "browser" | "memory";

/** How the engine opens its device. A device of the caller's cannot cross into a worker. */
export interface OpenOptions extends Omit<DeviceOptions, "gpu" | "device"> {
  /** Default "browser". */
  storage?: StorageKind;
}

/** Where a policy comes from, in the form that crosses: files keep their paths, which a cloned File does not everywhere. */
export type WireSource =
  | { kind: "tiny"; seed: number }
  | { kind: "url"; base: string }
  | { kind: "files"; name: string; files: ReadonlyMap<string, Blob> };

/** See ModelOptions: storage formats of the weights, and what is trained. */
export type LoadOptions = Omit<ModelOptions, "onProgress" | "signal">;

/** Sampling and prompt options; the signal crosses as an argument of its own. */
export type WireGenerateOptions = Omit<GenerateOptions, "signal">;
export type WireEvaluateOptions = Omit<EvaluateOptions, "signal" | "onProgress" | "scorer">;
export type WireInspectOptions = Omit<InspectOptions, "signal">;

/** A loaded policy in plain values. */
export interface PolicyInfo {
  /** The source's name: an address, a folder. */
  name: string;
  architecture: string;
  /** Whether messages may hold images. */
  vision: boolean;
  /** Prompt and completion together, tokens. */
  contextTokens: number;
  /** Bytes of frozen weights, and of what is trained with its gradients and moments. */
  frozenBytes: number;
  trainedBytes: number;
  trainable: "lora" | "dense" | "none";
}

/** What a stream has for its reader: at least one item, or the end. */
export interface Pull<T> {
  items: T[];
  done: boolean;
}

/** A stream on the far side. It runs a little ahead of its reader and then waits: see Pump. */
export interface StreamApi<T> {
  /** Rejects with the error that ended the stream, after the items before it. */
  pull(): Promise<Pull<T>>;
  /** Ends the stream; what it held is free for others when this resolves. */
  cancel(): Promise<void>;
}

/** Where a run is kept, and whether it goes on from there. */
export interface RunOptions {
  /** Of the run's folder in this browser's storage: letters, digits, . _ -. */
  name: string;
  /** True: from its newest checkpoint. False: from the beginning; a run that is saved under the name is deleted. */
  resume: boolean;
}

/** What a run yields: besides trainRun's events, once at the beginning, why nothing of it outlives the tab. */
export type EngineRunEvent = RunEvent | { type: "unkept"; reason: string };

/** A training run on the far side. */
export interface TrainingApi extends StreamApi<EngineRunEvent> {
  /** Resolves when the run stands still between two steps, or has ended. */
  pause(): Promise<void>;
  resume(): void;
  /**
   * Saves a checkpoint as soon as the step that is going on is done; a run that stands still has saved one already.
   * Resolves with its key, or null when the run ended without one.
   */
  checkpoint(): Promise<string | null>;
  /** Ends the run as soon as a phase allows; its last event is `done` with reason `stopped`. */
  stop(): void;
}

export interface PolicyApi {
  describe(): PolicyInfo;
  generate(
    messages: Message[],
    options: WireGenerateOptions,
    signal: AbortSignal | undefined,
  ): StreamApi<TextDelta> & ProxyMarked;
  /** @param judge of descriptive answers, on the page's side */
  train(
    recipe: RunRecipe,
    options: RunOptions,
    judge: JudgeApi | undefined,
  ): Promise<TrainingApi & ProxyMarked>;
  plan(recipe: RunRecipe, probe: boolean, signal: AbortSignal | undefined): Promise<RunPlan>;
  evaluate(
    task: TaskSpec,
    options: WireEvaluateOptions,
    progress: ReportProgress,
    signal: AbortSignal | undefined,
    judge: JudgeApi | undefined,
  ): Promise<Evaluation>;
  /** The answer of the policy that judges, while a run or an evaluation waits for its judgements. */
  answerJudge(
    messages: Message[],
    options: WireGenerateOptions,
    signal: AbortSignal | undefined,
  ): Promise<JudgingCompletion[]>;
  inspect(
    messages: Message[],
    tokens: number[],
    options: WireInspectOptions,
    signal: AbortSignal | undefined,
  ): Promise<Inspection>;
  tokenTexts(tokens: number[][]): string[][];
  exportAdapter(): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
  importAdapter(files: ReadonlyMap<string, Uint8Array>): Promise<void>;
  memory(): [name: string, bytes: number][];
  destroy(): Promise<void>;
}

export type ReportProgress = (done: number, total: number) => void | Promise<void>;

/** How one kernel came out, and how many have been tested, of how many. */
export interface NumberedSelfTest extends SelfTestResult {
  done: number;
  total: number;
}

/** The part of a completion that a judge's reply is read from. */
export type JudgingCompletion = Pick<PolicyCompletion, "text" | "tokens" | "finishReason">;

/**
 * A judge of descriptive answers, on the page's side: it holds the endpoint's key, which never crosses, and has what only
 * a window has.
 */
export interface JudgeApi {
  judge(request: JudgeRequest): Promise<{ score: number | null; why?: string }>;
  counters(): JudgeCounters | Promise<JudgeCounters>;
}

/** The engine: the only owner of the GPU. */
export interface EngineApi {
  open(options: OpenOptions): Promise<{ device: DeviceInfo; versions: Record<string, string> }>;
  /** Resolves when the device is lost. */
  lost(): Promise<ErrorRecord>;
  load(
    source: WireSource,
    options: LoadOptions,
    progress: ReportProgress,
    signal: AbortSignal | undefined,
  ): Promise<PolicyApi & ProxyMarked>;
  /** An example of a task: the same for the same seed. */
  example(task: TaskSpec, seed: number, split: Split): Promise<TaskExample>;
  savedRun(name: string): Promise<SavedRun | null>;
  runFile(name: string, key: string): Promise<Uint8Array | null>;
  discardRun(name: string): Promise<void>;
  selfTest(signal: AbortSignal | undefined): StreamApi<NumberedSelfTest> & ProxyMarked;
  benchmark(signal: AbortSignal | undefined): StreamApi<BenchmarkResult> & ProxyMarked;
  dispose(): Promise<void>;
}

/** One verdict of the reward worker. A reward that throws gives value null and the message. */
export interface Verdict {
  result: RewardResult;
  error?: string;
  /** In place of a verdict: what has to be judged first. Images are left with the example. */
  asks?: JudgeRequest;
}

/** A completion and the example it answers. Examples that are one object are cloned once per message. */
export interface RewardItem {
  completion: Completion;
  example: TaskExample;
  /** What the judge said, once it was asked. */
  judgement?: { score: number | null; why?: string };
}

/** "records": with mathematics and the user's own functions, a large file; "tasks": what all other tasks need. */
export type RewardWorkerKind = "tasks" | "records";

/** From the other side of a channel every call gives a promise. */
export type ReportVerdict = (index: number, verdict: Verdict) => void | Promise<void>;

export interface RewardApi {
  /** Resolves when the worker listens: its start does not count against a reward's time. */
  ready(): true;
  /** Computes the rewards one after the other; each verdict has been reported before the next reward begins. */
  score(task: TaskSpec, items: readonly RewardItem[], report: ReportVerdict): Promise<void>;
}
