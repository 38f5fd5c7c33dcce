/** A policy and its training runs, from the page's side. */
import { proxy, releaseProxy, transfer } from "comlink";
import type { ProxyMarked, Remote } from "comlink";
import type { Message } from "../src/data/chat-template.ts";
import type { Evaluation, EvaluateOptions } from "../src/evaluation/accuracy.ts";
import type { InspectOptions, Inspection } from "../src/rollout/inspect.ts";
import type { GeneratingPolicy } from "../src/language-models/policy-model.ts";
import type { GenerateOptions, PolicyCompletion, TextDelta } from "../src/rollout/policy.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { RunPlan } from "../src/train/plan-run.ts";
import { parseRunRecipe } from "../src/train/run-recipe.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import type { Failure } from "./failure.ts";
import { portableMessages, portableRecipe, portableTask } from "./portable.ts";
import type { EngineRunEvent, PolicyApi, PolicyInfo, RunOptions, TrainingApi } from "./protocol.ts";
import { remoteJudge } from "./remote-judge.ts";
import type { RemoteJudgeOptions } from "./page-judge.ts";
import type { RemoteJudge } from "./remote-judge.ts";
import { readStream } from "./stream.ts";
import { withOwnSignal } from "./transfer.ts";

export interface RemoteGenerateOptions extends GenerateOptions {
  /** Image bitmaps and buffers of the messages to be moved instead of copied; the page cannot use them any more. */
  transfer?: Transferable[];
}

/** A whole completion: its text, its tokens with their log-probabilities, and why it ended. */
export type RemoteCompletion = Pick<PolicyCompletion, "text" | "tokens" | "logps" | "finishReason">;

/** Where a run is kept, how it is stopped, and what its judge needs. */
export interface RemoteTrainOptions extends Partial<RunOptions> {
  /** What the judge that the recipe names (`task.reward.judge`) needs and no recipe holds: the endpoint's key. */
  judge?: RemoteJudgeOptions;
  /** Aborting it stops the run, as {@link TrainingRun.stop} does. */
  signal?: AbortSignal;
}

/** How held-out examples are asked and rewarded. */
export interface RemoteEvaluateOptions extends Omit<EvaluateOptions, "scorer"> {
  /** As a run has it: see {@link RemoteTrainOptions}. */
  judge?: RemoteJudgeOptions;
}

/** A policy in the engine. */
export class RemotePolicy {
  #disposed = false;

  /** Made by {@link Thinktab.loadPolicy}. @internal */
  constructor(
    readonly info: PolicyInfo,
    private readonly api: Remote<PolicyApi & ProxyMarked>,
    private readonly failure: Failure,
    /** Called when it is disposed of. */
    private readonly forget: () => void,
  ) {}

  /**
   * Completions of a chat. `for await` streams their pieces as they are drawn; `await` gives all of them at the end. It
   * starts when it is first used, once. The engine runs a little ahead of the reader and then waits; leaving the loop
   * ends the generation. While a training run goes on, answers come between its steps.
   * @throws ImageDecodeError, ImageTokenMismatchError, ContextLengthError, InvalidOptionError, AbortError, DeviceLostError
   */
  generate(messages: readonly Message[], options: RemoteGenerateOptions = {}): Generation {
    return new Generation(this.#stream(messages, options), options.n ?? 1);
  }

  async *#stream(
    messages: readonly Message[],
    options: RemoteGenerateOptions,
  ): AsyncGenerator<TextDelta, void, void> {
    const { signal, transfer: moved = [], ...rest } = options;
    signal?.throwIfAborted();
    const portable = transfer(portableMessages(messages), moved);
    const stream = await this.failure.orElse(this.api.generate(portable, rest, signal));
    yield* readStream(stream, this.failure, signal);
  }

  /** Each token as text of its own; bytes that are no whole character become U+FFFD. */
  tokenTexts(tokens: readonly (readonly number[])[]): Promise<string[][]> {
    return this.failure.orElse(this.api.tokenTexts(tokens.map((list) => [...list])));
  }

  /**
   * One forward pass over a chat and a completion of it, under the present weights: the log-probability of each token,
   * and where in the images it looks.
   * @param tokens of the completion; `system` and `prefill` must be those it was drawn with.
   * @throws as {@link generate} does, and InvalidOptionError for tokens that are none.
   */
  inspect(
    messages: readonly Message[],
    tokens: readonly number[],
    { signal, ...options }: InspectOptions = {},
  ): Promise<Inspection> {
    return this.failure.orElse(this.api.inspect(portableMessages(messages), [...tokens], options, signal));
  }

  /**
   * What a run of this recipe would take: the memory, and with `probe` the time, for which two steps are tried on this
   * device and taken back. The policy is afterwards as it was.
   * @throws InvalidOptionError while a run is in progress; MemoryBudgetError with the table when it does not fit.
   */
  async plan(
    recipe: RunRecipe,
    { probe = false, signal }: { probe?: boolean; signal?: AbortSignal } = {},
  ): Promise<RunPlan> {
    signal?.throwIfAborted();
    return this.failure.orElse(this.api.plan(portableRecipe(recipe), probe, signal));
  }

  /**
   * Starts a run, or goes on with the saved one: from its newest checkpoint, to the same weights as without a break.
   * Iterate over it for its events; it waits for a reader that falls behind. A run from the beginning needs a policy
   * that was just loaded with the recipe's options (see modelOptions), and replaces what is saved under its name.
   * Its events, and its controls, reject with
   * InvalidOptionError for a recipe or task that is none, or while another run is in progress; StorageError when this
   * one goes on in another tab; CheckpointError when what is saved is another recipe's; and with what ended it.
   * @param recipe as a recipe file has it: options that are left out take their defaults.
   */
  train(recipe: RunRecipe | Record<string, unknown>, options: RemoteTrainOptions = {}): TrainingRun {
    const { name = "run", resume = false, signal } = options;
    let judge: RemoteJudge | undefined;
    const begin = async () => {
      signal?.throwIfAborted();
      const portable = portableRecipe(parseRunRecipe(recipe));
      // Demonstrations have no reward, but what is held out is judged.
      judge = await this.#judge(portable.task, options.judge);
      return this.failure.orElse(this.api.train(portable, { name, resume }, judge?.api));
    };
    return new TrainingRun(begin(), this.failure, signal, () => judge?.dispose());
  }

  #judge(
    task: TaskSpec,
    options?: RemoteJudgeOptions,
    signal?: AbortSignal,
  ): Promise<RemoteJudge | undefined> {
    const policy: GeneratingPolicy = {
      generate: (messages, { signal: asked, ...sampling } = {}) =>
        withOwnSignal(asked, (own) =>
          this.failure.orElse(this.api.answerJudge([...messages], sampling, own)),
        ),
    };
    return remoteJudge(task, { ...options, policy, signal });
  }

  /**
   * Greedy answers to held-out examples of a task, and how many of them are right. Between two batches other questions
   * are answered.
   * @throws InvalidOptionError, AbortError, DeviceLostError
   */
  async evaluate(
    task: TaskSpec,
    { signal, onProgress, judge: judging, ...options }: RemoteEvaluateOptions = {},
  ): Promise<Evaluation> {
    signal?.throwIfAborted();
    const portable = portableTask(task);
    const judge = await this.#judge(portable, judging, signal);
    const progress = proxy((done: number, total: number) => onProgress?.(done, total));
    try {
      return await this.failure.orElse(this.api.evaluate(portable, options, progress, signal, judge?.api));
    } finally {
      judge?.dispose();
    }
  }

  /** The adapter as PEFT's two files, by name. @throws InvalidOptionError for a policy without one. */
  exportAdapter(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return this.failure.orElse(this.api.exportAdapter());
  }

  /**
   * Replaces the adapter's weights by those of a PEFT adapter: `adapter_config.json`, `adapter_model.safetensors`.
   * @throws InvalidOptionError without an adapter, or during a run; CorruptFileError, MissingFileError, ShapeError, …
   */
  async importAdapter(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await this.failure.orElse(this.api.importAdapter(files));
  }

  /** What the policy holds on the GPU, by purpose, in bytes. */
  memory(): Promise<[name: string, bytes: number][]> {
    return this.failure.orElse(this.api.memory());
  }

  /** Frees the policy's memory; its runs and generations end. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    try {
      await this.failure.orElse(this.api.destroy());
      this.api[releaseProxy]();
    } finally {
      this.forget();
    }
  }
}

/** Completions on their way: iterate over it for their pieces, or await it for the whole. Either, and once. */
export class Generation implements AsyncIterable<TextDelta>, PromiseLike<RemoteCompletion[]> {
  #whole: Promise<RemoteCompletion[]> | undefined;

  /** Made by {@link RemotePolicy.generate}. @internal */
  constructor(
    private readonly deltas: AsyncGenerator<TextDelta, void, void>,
    private readonly n: number,
  ) {}

  /** The pieces of all completions, in the order in which they are drawn. */
  [Symbol.asyncIterator](): AsyncGenerator<TextDelta, void, void> {
    return this.deltas;
  }

  then<A = RemoteCompletion[], B = never>(
    resolved?: ((completions: RemoteCompletion[]) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#whole ??= this.#collect();
    return this.#whole.then(resolved, rejected);
  }

  async #collect(): Promise<RemoteCompletion[]> {
    const completions = Array.from({ length: this.n }, (): RemoteCompletion => {
      return { text: "", tokens: [], logps: [], finishReason: "length" };
    });
    for await (const { index, text, tokens, logps, finishReason } of this.deltas) {
      const completion = completions[index];
      completion.text += text;
      completion.tokens.push(...tokens);
      completion.logps.push(...logps);
      if (finishReason) completion.finishReason = finishReason;
    }
    return completions;
  }
}

/** A training run in the engine: its events, once, and the means to hold it. */
export class TrainingRun implements AsyncIterable<EngineRunEvent> {
  readonly #api: Promise<Remote<TrainingApi & ProxyMarked>>;
  readonly #events: AsyncGenerator<EngineRunEvent, void, void>;
  /** Its events have been read to the end. */
  #ended = false;
  /** Key of the newest checkpoint that was told of. */
  #saved: string | null = null;

  /** Made by {@link RemotePolicy.train}. @internal */
  constructor(
    begun: Promise<Remote<TrainingApi & ProxyMarked>>,
    private readonly failure: Failure,
    signal: AbortSignal | undefined,
    /** Gives back what the run held on this side. */
    private readonly release: () => void,
  ) {
    this.#api = begun;
    begun.catch(release); // whoever reads the events, or holds the run, hears of the error
    this.#events = this.#read();
    signal?.addEventListener("abort", () => void this.stop().catch(() => undefined), { once: true });
  }

  async *#read(): AsyncGenerator<EngineRunEvent, void, void> {
    const api = await this.#api;
    try {
      for await (const event of readStream(api, this.failure)) {
        if (event.type === "saved") this.#saved = event.key;
        let left = true;
        try {
          yield event;
          left = false;
        } finally {
          // Leaving the loop waits for the run's end, and that for judgements under way: stopping it ends them.
          if (left) await this.stop().catch(() => undefined);
        }
      }
    } finally {
      this.#ended = true;
      this.release();
    }
  }

  /** @throws what ended the run: NonFiniteError, DeviceLostError, MemoryBudgetError, … */
  [Symbol.asyncIterator](): AsyncGenerator<EngineRunEvent, void, void> {
    return this.#events;
  }

  /** Resolves when the run stands still between two steps, with a checkpoint saved, or has ended. */
  async pause(): Promise<void> {
    await this.#ask((api) => api.pause());
  }

  /** Lets a run that stands still go on. */
  async resume(): Promise<void> {
    await this.#ask((api) => api.resume());
  }

  /** Ends the run; its last event is `done` with reason `stopped`. What was done is saved. */
  async stop(): Promise<void> {
    await this.#ask((api) => api.stop());
    this.release(); // judgements under way would hold it up
  }

  /**
   * Saves a checkpoint when the step that is going on is done. Resolves with its key in the run's folder, or null when
   * the run ended without one.
   */
  async checkpoint(): Promise<string | null> {
    const key = await this.#ask((api) => api.checkpoint());
    return key ?? this.#saved;
  }

  /** Asks the engine, unless the run has ended: then there is nothing left to hold. */
  async #ask<T>(ask: (api: Remote<TrainingApi & ProxyMarked>) => Promise<T>): Promise<T | undefined> {
    const api = await this.#api;
    return this.#ended ? undefined : this.failure.orElse(ask(api));
  }
}
