import type { ProxyMarked } from "comlink";
import type { Message } from "../src/data/chat-template.ts";
import type { Policy, TextDelta } from "../src/rollout/policy.ts";
import type { TrainEvent } from "../src/train/events.ts";
import { GrpoTrainer } from "../src/train/grpo-trainer.ts";
import { parseRecipe } from "../src/train/recipe.ts";
import type { Recipe, RecipeOptions } from "../src/train/recipe.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import type { PolicyApi, PolicyInfo, StreamApi, TrainingApi, WireGenerateOptions } from "./protocol.ts";
import type { RewardPool } from "./rewards.ts";
import { Pump, remotely } from "./stream.ts";
import { makeTask } from "./tasks.ts";
import type { TaskSpec } from "./tasks.ts";
import { Gate, Turn } from "./turn.ts";

/** A trainer between two runs: what it trains on, so that a run of the same goes on where the last one stopped. */
interface Kept {
  task: TaskSpec;
  trainer: GrpoTrainer;
  /** Verdicts of the step in progress that were lost. */
  failures: string[];
}

/**
 * A policy on the engine's side. Generation and training share its buffers, so they take turns: a question that is
 * asked during a training run is answered between two steps.
 */
export class EnginePolicy implements PolicyApi {
  readonly #turn = new Turn();
  readonly #streams = new Set<Pump<TextDelta> | Pump<TrainEvent>>();
  #kept: Kept | undefined;
  #training = false;

  constructor(
    private readonly name: string,
    private readonly policy: Policy,
    private readonly rewards: RewardPool,
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
   * Starts a run, or goes on with the last one when task and recipe are the same but for the number of steps and steps
   * are left. Otherwise a new run begins at step 0, on the weights as they are.
   * @throws InvalidOptionError when a run is in progress, or for a recipe or task that is none.
   */
  async train(task: TaskSpec, options: RecipeOptions): Promise<TrainingApi & ProxyMarked> {
    if (this.#training)
      throw new InvalidOptionError("train", "a run in progress", "one run at a time: stop it first");
    const recipe = parseRecipe(options);
    this.#training = true;
    try {
      const kept = await this.#trainer(task, recipe);
      const controller = new AbortController();
      const gate = new Gate();
      const stop = () => {
        controller.abort();
        gate.end();
      };
      const pump = this.#serve(this.#run(kept, gate, controller.signal), stop);
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

  async #trainer(task: TaskSpec, recipe: Recipe): Promise<Kept> {
    const last = this.#kept;
    const same =
      last !== undefined &&
      JSON.stringify(last.task) === JSON.stringify(task) &&
      sameButSteps(last.trainer.recipe, recipe);
    const goesOn = same && last.trainer.step < recipe.steps;
    if (goesOn && last.trainer.recipe.steps === recipe.steps) return last;
    const failures: string[] = [];
    const scorer = this.rewards.scorer(task, (lost) => failures.push(...lost));
    const trainer = new GrpoTrainer(this.policy, makeTask(task), recipe, scorer);
    const end = await this.#turn.take();
    try {
      if (goesOn) trainer.restore(await last.trainer.state());
    } finally {
      end();
    }
    last?.trainer.destroy();
    this.#kept = { task, trainer, failures };
    return this.#kept;
  }

  /** The trainer's events. The turn is taken for a step at a time; the gate stands between steps. */
  async *#run(
    { trainer, failures }: Kept,
    gate: Gate,
    signal: AbortSignal,
  ): AsyncGenerator<TrainEvent, void, void> {
    let end: (() => void) | undefined;
    try {
      for await (const event of trainer.run({ signal })) {
        if (event.type === "phase" && event.phase === "rollout") {
          await gate.pass();
          end = await this.#turn.take(signal);
        } else if (event.type === "step") {
          end?.();
          end = undefined;
        }
        yield event;
        if (event.type === "step" && failures.length > 0) {
          const message = `${failures.length} rewards were lost, their samples left out: ${failures[0]}`;
          failures.length = 0;
          yield { type: "warning", step: event.step, code: "reward-failed", message };
        }
      }
    } catch (error) {
      if (!signal.aborted || !(error instanceof Error) || error.name !== "AbortError") throw error;
      yield { type: "done", step: trainer.step, reason: "stopped" };
    } finally {
      end?.();
      gate.end();
      this.#training = false;
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.cancel()));
    this.#kept?.trainer.destroy();
    this.#kept = undefined;
    this.policy.destroy();
    this.onDestroyed();
  }

  #serve<T extends TextDelta | TrainEvent>(
    source: AsyncGenerator<T, void, void>,
    interrupt: () => void,
  ): Pump<T> & ProxyMarked {
    const pump = new Pump(source, interrupt);
    const known = pump as Pump<TextDelta> | Pump<TrainEvent>;
    this.#streams.add(known);
    void pump.ended.then(() => this.#streams.delete(known));
    return remotely(pump);
  }
}

function sameButSteps(a: Recipe, b: Recipe): boolean {
  return JSON.stringify({ ...a, steps: 0 }) === JSON.stringify({ ...b, steps: 0 });
}
