import type { ProxyMarked } from "comlink";
import type { Message } from "../src/data/chat-template.ts";
import type { Policy, TextDelta } from "../src/rollout/policy.ts";
import { createTask } from "../src/tasks/registry.ts";
import { trainRun } from "../src/train/run.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import type {
  EngineRunEvent,
  PolicyApi,
  PolicyInfo,
  RunOptions,
  StreamApi,
  TrainingApi,
  WireGenerateOptions,
} from "./protocol.ts";
import type { RewardPool } from "./rewards.ts";
import type { HeldRun, Runs } from "./runs.ts";
import { Pump, remotely } from "./stream.ts";
import { Gate, Turn } from "./turn.ts";

/** What the policies of an engine share. */
export interface Shared {
  rewards: RewardPool;
  runs: Runs;
  kit: { version: string } & Record<string, string>;
}

/**
 * A policy on the engine's side. Generation and training share its buffers, so they take turns: a question that is
 * asked during a training run is answered between two steps.
 */
export class EnginePolicy implements PolicyApi {
  readonly #turn = new Turn();
  readonly #streams = new Set<Pump<TextDelta> | Pump<EngineRunEvent>>();
  #training = false;

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
    const controller = new AbortController();
    const either = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
    return this.#serve(this.#answer(messages, options, either), () => controller.abort());
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
  async train(recipe: RunRecipe, options: RunOptions): Promise<TrainingApi & ProxyMarked> {
    if (this.#training)
      throw new InvalidOptionError("train", "a run in progress", "one run at a time: stop it first");
    createTask(recipe.task); // a task that is none is refused before anything saved is deleted
    this.#training = true;
    try {
      const held = await this.shared.runs.hold(options.name);
      const controller = new AbortController();
      const gate = new Gate();
      const stop = () => {
        controller.abort();
        gate.end();
      };
      const pump = this.#serve(this.#run(recipe, held, options.resume, gate, controller.signal), stop);
      return remotely({
        pull: () => pump.pull(),
        cancel: () => pump.cancel(),
        pause: () => gate.close(),
        resume: () => gate.open(),
        stop,
      });
    } catch (error) {
      this.#training = false;
      throw error;
    }
  }

  /**
   * The run's events. It has the turn for a step, or a batch of an evaluation, at a time: between them questions are
   * answered. The gate stands before the next step, when the one before is saved.
   */
  async *#run(
    recipe: RunRecipe,
    { folder, unkept, release }: HeldRun,
    resume: boolean,
    gate: Gate,
    signal: AbortSignal,
  ): AsyncGenerator<EngineRunEvent, void, void> {
    const { rewards, kit } = this.shared;
    const failures: string[] = [];
    const scorer = rewards.scorer(recipe.task, (lost) => failures.push(...lost));
    let end: (() => void) | undefined;
    try {
      if (unkept !== undefined) yield { type: "unkept", reason: unkept };
      if (!resume) await folder.clear();
      const task = createTask(recipe.task);
      const run = trainRun({ policy: this.policy, task, recipe, folder, kit, resume, signal, scorer });
      try {
        for (;;) {
          end ??= await this.#turn.take();
          const { done, value: event } = await run.next();
          if (done) return;
          const beforeStep = event.type === "phase" && event.phase === "rollout";
          if (event.type !== "rollouts" && (event.type !== "phase" || beforeStep)) {
            end();
            end = undefined;
          }
          if (beforeStep || event.type === "evaluating") await gate.pass();
          yield event;
          if (event.type === "step" && failures.length > 0) {
            const message = `${failures.length} rewards were lost, their samples left out: ${failures[0]}`;
            failures.length = 0;
            yield { type: "warning", step: event.step, code: "reward-failed", message };
          }
        }
      } finally {
        await run.return();
      }
    } finally {
      end?.();
      gate.end();
      release();
      this.#training = false;
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.cancel()));
    this.policy.destroy();
    this.onDestroyed();
  }

  #serve<T extends TextDelta | EngineRunEvent>(
    source: AsyncGenerator<T, void, void>,
    interrupt: () => void,
  ): Pump<T> & ProxyMarked {
    const pump = new Pump(source, interrupt);
    const known = pump as Pump<TextDelta> | Pump<EngineRunEvent>;
    this.#streams.add(known);
    void pump.ended.then(() => this.#streams.delete(known));
    return remotely(pump);
  }
}
