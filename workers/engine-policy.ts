import { releaseProxy } from "comlink";
import type { ProxyMarked, Remote } from "comlink";
import type { Message } from "../src/data/chat-template.ts";
import { evaluateSteps } from "../src/evaluation/accuracy.ts";
import type { Evaluation } from "../src/evaluation/accuracy.ts";
import type { Inspection } from "../src/rollout/inspect.ts";
import type { Policy, TextDelta } from "../src/rollout/policy.ts";
import { readAdapter, writeAdapter } from "../src/storage/peft.ts";
import { memorySource } from "../src/storage/source.ts";
import { loadTask } from "../src/tasks/load.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { RunPlan } from "../src/train/plan-run.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import type { Shared } from "./engine-run.ts";
import type {
  JudgeApi,
  JudgingCompletion,
  PolicyApi,
  PolicyInfo,
  ReportProgress,
  RunOptions,
  StreamApi,
  TrainingApi,
  WireEvaluateOptions,
  WireGenerateOptions,
  WireInspectOptions,
} from "./protocol.ts";
import type { PoolJudge } from "./rewards.ts";
import { eitherSignal, remotely, serve } from "./stream.ts";
import type { Streams } from "./stream.ts";
import { Turn } from "./turn.ts";

/** A judge that came with a call, from the page or from this thread. */
type Judging = JudgeApi | Remote<JudgeApi>;

function release(judge: Judging | undefined): void {
  if (judge && releaseProxy in judge) judge[releaseProxy]();
}

/**
 * A policy on the engine's side. Generation and training share its buffers, so they take turns: a question that is
 * asked during a training run is answered between two steps.
 */
export class EnginePolicy implements PolicyApi {
  readonly #turn = new Turn();
  readonly #streams: Streams = new Set();
  /** Ends what is no stream: evaluations, plans. */
  readonly #destroyed = new AbortController();
  #training = false;
  /** Judgements that something waits for, and the judging policy's own order. */
  readonly #judging = new Set<symbol>();
  readonly #judgeTurn = new Turn();

  constructor(
    private readonly name: string,
    private readonly policy: Policy,
    private readonly shared: Shared,
    private readonly onDestroyed: () => void,
  ) {}

  describe(): PolicyInfo {
    const { config, lora, parameters } = this.policy.model;
    const { frozen, trained } = this.policy.model.weightBytes();
    return {
      name: this.name,
      architecture: config.architecture,
      vision: config.vision !== null && config.vision !== undefined,
      contextTokens: config.text.maxPositionEmbeddings,
      frozenBytes: frozen,
      trainedBytes: trained,
      trainable: lora ? "lora" : parameters ? "dense" : "none",
    };
  }

  generate(
    messages: Message[],
    options: WireGenerateOptions,
    signal: AbortSignal | undefined,
  ): StreamApi<TextDelta> & ProxyMarked {
    return serve(this.#streams, (cancelled) =>
      this.#answer(messages, options, eitherSignal(signal, cancelled)),
    );
  }

  async *#answer(
    messages: Message[],
    options: WireGenerateOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TextDelta, void, void> {
    const end = await this.#turn.take(signal);
    try {
      yield* this.policy.stream(messages, { ...options, signal });
    } finally {
      end();
    }
  }

  /**
   * Starts a run, or goes on with the one that is saved under the name.
   * @throws InvalidOptionError when a run of this policy is in progress, or for a task that is none;
   *   StorageError when the run is in progress in another tab.
   */
  async train(
    recipe: RunRecipe,
    options: RunOptions,
    judge: Judging | undefined,
  ): Promise<TrainingApi & ProxyMarked> {
    const trained = this.#beginTraining("train");
    const ended = () => {
      trained();
      release(judge);
    };
    try {
      const task = await loadTask(recipe.task); // one that is none is refused before anything saved is deleted
      const { EngineRun, isBetweenSteps } = await import("./engine-run.ts"); // what trains is fetched by those who do
      const held = await this.shared.runs.hold(options.name);
      if (this.#destroyed.signal.aborted) {
        held.release();
        throw this.#destroyed.signal.reason;
      }
      const { policy, shared } = this;
      const run = new EngineRun({
        policy,
        task,
        recipe,
        held,
        shared,
        turn: this.#turn,
        resume: options.resume,
        judge: this.#judge(judge),
      });
      const events = (cancelled: AbortSignal) => {
        cancelled.addEventListener("abort", () => run.stop(), { once: true });
        return run.events();
      };
      // A reader that asks the policy something, and pulls no more until it is answered, must not stop a step half way.
      const pump = serve(this.#streams, events, { mayWait: (event) => isBetweenSteps(event, recipe) });
      void pump.ended.then(ended);
      return remotely({
        pull: () => pump.pull(),
        cancel: () => pump.cancel(),
        pause: () => pump.unheld(() => run.pause()),
        resume: () => run.resume(),
        checkpoint: () => pump.unheld(() => run.checkpoint()),
        stop: () => run.stop(),
      });
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** @throws InvalidOptionError when a run of this policy is in progress. */
  #beginTraining(what: string): () => void {
    if (this.#training)
      throw new InvalidOptionError(what, "a run in progress", "one run at a time: stop it first");
    this.#training = true;
    return () => {
      this.#training = false;
    };
  }

  async plan(recipe: RunRecipe, probe: boolean, signal: AbortSignal | undefined): Promise<RunPlan> {
    const ended = this.#beginTraining("plan");
    try {
      const task = await loadTask(recipe.task);
      const { planRun } = await import("../src/train/plan-run.ts");
      return await this.#exclusively(signal, (either) => {
        const scorer = this.shared.rewards.scorer(recipe.task, () => undefined);
        return planRun({ policy: this.policy, task, recipe, scorer, probe, signal: either });
      });
    } finally {
      ended();
    }
  }

  /** Greedy answers; between two batches questions are answered. */
  async evaluate(
    spec: TaskSpec,
    options: WireEvaluateOptions,
    progress: ReportProgress | Remote<ReportProgress>,
    signal: AbortSignal | undefined,
    judge: Judging | undefined,
  ): Promise<Evaluation> {
    try {
      return await this.#evaluate(spec, options, progress, this.#untilDestroyed(signal), judge);
    } finally {
      if (releaseProxy in progress) progress[releaseProxy]();
      release(judge);
    }
  }

  /**
   * Whoever waits for judgements has the policy's turn: a policy that judges answers within it.
   * @throws InvalidOptionError when nothing waits for a judgement.
   */
  async answerJudge(
    messages: Message[],
    options: WireGenerateOptions,
    signal: AbortSignal | undefined,
  ): Promise<JudgingCompletion[]> {
    this.#checkJudging();
    const either = this.#untilDestroyed(signal);
    const end = await this.#judgeTurn.take(either);
    try {
      this.#checkJudging(); // meanwhile the rewards may have gone on without it
      const completions = await this.policy.generate(messages, { ...options, signal: either });
      return completions.map(({ text, tokens, finishReason }) => ({ text, tokens, finishReason }));
    } finally {
      end();
    }
  }

  #checkJudging(): void {
    if (this.#judging.size === 0)
      throw new InvalidOptionError(
        "policy: a judge's question",
        "none waits for it",
        "one of a run's rewards",
      );
  }

  /**
   * The judge on the page's side; while it is asked the policy may be asked, too. The counters are read when the rewards
   * are there: what is still being judged nobody waits for, and the policy must have come to rest.
   */
  #judge(judge: Judging | undefined): PoolJudge | undefined {
    if (!judge) return undefined;
    return {
      judge: async (request) => {
        const mine = Symbol("a judgement");
        this.#judging.add(mine);
        try {
          return await judge.judge(request);
        } finally {
          this.#judging.delete(mine);
        }
      },
      counters: async () => {
        this.#judging.clear();
        const end = await this.#judgeTurn.take();
        end();
        return judge.counters();
      },
    };
  }

  async #evaluate(
    spec: TaskSpec,
    options: WireEvaluateOptions,
    progress: ReportProgress | Remote<ReportProgress>,
    signal: AbortSignal,
    judge: Judging | undefined,
  ): Promise<Evaluation> {
    const scorer = this.shared.rewards.scorer(spec, () => undefined, this.#judge(judge));
    const steps = evaluateSteps(this.policy, await loadTask(spec), { ...options, scorer, signal });
    for (;;) {
      const next = await this.#exclusively(signal, () => steps.next());
      if (next.done) return next.value;
      await progress(next.value.done, next.value.total);
    }
  }

  inspect(
    messages: Message[],
    tokens: number[],
    options: WireInspectOptions,
    signal: AbortSignal | undefined,
  ): Promise<Inspection> {
    return this.#exclusively(signal, (either) =>
      this.policy.inspect(messages, tokens, { ...options, signal: either }),
    );
  }

  tokenTexts(tokens: number[][]): string[][] {
    return this.policy.tokenTexts(tokens);
  }

  async exportAdapter(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    return this.#exclusively(undefined, async () => {
      const { model } = this.policy;
      const adapter = { ...(await model.readAdapter()), baseModel: this.name };
      return writeAdapter(adapter, { architecture: model.config.architecture });
    });
  }

  async importAdapter(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const adapter = await readAdapter(memorySource(files));
    const ended = this.#beginTraining("import an adapter");
    try {
      await this.#exclusively(undefined, () => {
        this.policy.model.loadAdapter(adapter);
        this.policy.version++;
        return Promise.resolve();
      });
    } finally {
      ended();
    }
  }

  memory(): [name: string, bytes: number][] {
    return this.policy.memory();
  }

  async destroy(): Promise<void> {
    this.#destroyed.abort(new DOMException("the policy was disposed of", "AbortError"));
    await Promise.all([...this.#streams].map((stream) => stream.cancel()));
    const end = await this.#turn.take(); // what is no stream has ended then
    this.policy.destroy();
    this.onDestroyed();
    end();
  }

  /** Has the turn for one piece of work. */
  async #exclusively<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const either = this.#untilDestroyed(signal);
    const end = await this.#turn.take(either);
    try {
      return await work(either);
    } finally {
      end();
    }
  }

  #untilDestroyed(signal: AbortSignal | undefined): AbortSignal {
    return eitherSignal(signal, this.#destroyed.signal);
  }
}
