import type { MemoryPlan } from "../gpu/plan.ts";
import { groupAdvantages } from "../rl/advantage.ts";
import { stepMetrics } from "../rl/metrics.ts";
import type { RewardResult } from "../rl/reward.ts";
import type { Completion } from "../rollout/engine.ts";
import type { PolicyPrompt, Policy } from "../rollout/policy.ts";
import type { Task, TaskExample } from "../tasks/task.ts";
import { CheckpointError, InvalidOptionError, NonFiniteError, ShapeError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import type { GroupRecord, TrainEvent } from "./events.ts";
import { GrpoUpdater } from "./grpo-updater.ts";
import type { Budget } from "./grpo-updater.ts";
import type { MicroBatchCapacity } from "./micro-batches.ts";
import { readTrained, restoreTrained, trainedParameters } from "./optimizer-program.ts";
import type { TrainedTensors } from "./optimizer-program.ts";
import { parseRecipe } from "./recipe.ts";
import type { Recipe, RecipeOptions } from "./recipe.ts";
import { learningRateAt } from "./schedule.ts";

/** A run that can go on later, bit for bit. */
export interface TrainerState {
  recipe: Recipe;
  task: string;
  /** Steps done. */
  step: number;
  /** Optimizer updates that changed weights; skipped ones do not count. */
  updates: number;
  numTokens: number;
  policyVersion: number;
  /** Of the last step's programs. Null before the first step. */
  capacity: MicroBatchCapacity | null;
  tensors: TrainedTensors;
}

/** How rewards are computed: inline by default, or in a worker of their own. */
export interface Scorer {
  (
    completions: readonly { text: string; tokens: number[]; finishReason: "stop" | "length" }[],
    examples: readonly TaskExample[],
  ): Promise<RewardResult[]>;
  /** Metrics of the rewards last computed, besides their values: how often a judge was asked. */
  metrics?: () => Record<string, number>;
}

const nonFiniteLimit = 3;

/**
 * GRPO in five moves: prompts from the task; a group of completions for each; rewards; advantages within the group;
 * one clipped policy-gradient update, on the GPU from rewards to weights. Differences from TRL's trainer: the prompt of
 * a group is computed once, the reference is the same network with its adapter off, and with one iteration the ratio
 * is exactly 1, so no old log-probs are kept.
 *
 * `for await (const event of trainer.run())` drives it; a run that is left can be entered again.
 */
export class GrpoTrainer {
  readonly recipe: Recipe;
  readonly #updater: GrpoUpdater;
  #step = 0;
  #updates = 0;
  #numTokens = 0;
  #nonFinite = 0;

  constructor(
    readonly policy: Policy,
    readonly task: Task,
    options: RecipeOptions = {},
    private readonly scorer: Scorer = inlineScorer(task),
  ) {
    this.recipe = parseRecipe(options);
    this.#updater = new GrpoUpdater(policy, this.recipe);
    if (!policy.model.parameters) {
      throw new InvalidOptionError(
        "trainer",
        "a policy without trainable weights",
        "one loaded with `lora` or `dense`",
      );
    }
  }

  /** Steps done so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * Runs up to the recipe's last step, yielding typed events. An aborted signal ends it between two phases, and the
   * steps done stay done.
   * @throws NonFiniteError after three steps in a row with a NaN or infinite gradient; weights are those before them.
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent, void, void> {
    while (this.#step < this.recipe.steps) {
      if (signal?.aborted) {
        yield { type: "done", step: this.#step, reason: "stopped" };
        return;
      }
      yield* this.#one(signal);
    }
    yield { type: "done", step: this.#step, reason: "finished" };
  }

  async *#one(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const step = this.#step;
    const { recipe } = this;
    const started = performance.now();
    // A run begins with fresh moments, also on a policy that another run has trained.
    if (step === 0) this.policy.model.parameters?.resetMoments();
    const { seeds, examples, prompts } = await this.#prompts(step, signal);
    const planned = await this.#updater.prepare(prompts);
    if (planned)
      yield {
        type: "plan",
        step,
        steps: recipe.steps,
        budget: planned,
        adapter: { ...this.policy.device.info },
      };
    yield { type: "phase", step, phase: "rollout" };
    const groups = await this.#rollOut(step, prompts, signal);
    const rolledOut = performance.now();

    yield { type: "phase", step, phase: "reward" };
    const completions = groups.flat();
    const texts = completions.map(({ tokens }) =>
      this.policy.tokenizer.decode(tokens, { skipSpecial: true }),
    );
    const rewards = await this.scorer(
      completions.map(({ tokens, finishReason }, i) => ({ text: texts[i], tokens, finishReason })),
      completions.map((_, i) => examples[Math.floor(i / recipe.numGenerations)]),
    );
    if (rewards.length !== completions.length)
      throw new ShapeError("rewards", rewards.length, completions.length);
    const scored = performance.now();
    const values = rewards.map(({ value }) => value);
    const { advantages, zeroStd } = groupAdvantages(values, recipe.numGenerations, {
      scale: recipe.scaleRewards,
      eps: recipe.advantageEps,
    });
    yield {
      type: "rollouts",
      step,
      policyVersion: this.policy.version,
      groups: examples.map((example, p): GroupRecord => {
        const rollouts = groups[p].map(({ tokens, logps, finishReason }, g) => {
          const i = p * recipe.numGenerations + g;
          return {
            text: texts[i],
            tokens,
            logps,
            finishReason,
            reward: values[i],
            rewardParts: rewards[i].parts,
            advantage: advantages[i],
          };
        });
        const answer = example.answer ?? null;
        return { exampleId: example.id, seed: seeds[p], prompt: prompts[p].text, answer, rollouts };
      }),
    };

    yield { type: "phase", step, phase: "train" };
    signal?.throwIfAborted();
    const learningRate = learningRateAt(step, { ...recipe, totalSteps: recipe.steps });
    const counts = { learningRate, updates: this.#updates };
    const trained = await this.#updater.update({ prompts, groups, rewards: values }, counts);
    const { objective, optimizer } = trained;
    const ended = performance.now();

    const skipped = optimizer.skipped;
    this.#step++;
    this.#updates += trained.taken;
    this.#numTokens += trained.tokens;
    this.#nonFinite = skipped ? this.#nonFinite + 1 : 0;
    const parts = new Set(rewards.flatMap((reward) => Object.keys(reward.parts)));
    const metrics = stepMetrics({
      rewards: values,
      rewardParts: Object.fromEntries(
        [...parts].map((part) => [part, rewards.map((reward) => reward.parts[part])]),
      ),
      zeroStd,
      lengths: completions.map(({ tokens }) => tokens.length),
      truncated: completions.map(({ finishReason }) => finishReason === "length"),
      objective,
      hasKl: this.#updater.hasReference,
      optimizer,
      learningRate,
      numTokens: this.#numTokens,
      stepTokens: trained.tokens,
      timesMs: {
        step: ended - started,
        rollout: rolledOut - started,
        reward: scored - rolledOut,
        train: ended - scored,
      },
    });
    yield { type: "step", step, metrics: { ...metrics, ...this.scorer.metrics?.() } };
    yield* warnings(step, optimizer, advantages, zeroStd, learningRate);
    if (this.#nonFinite >= nonFiniteLimit) {
      throw new NonFiniteError(
        `step ${step}: the gradient was NaN or infinite ${nonFiniteLimit} times in a row (${objective.nonFinite} tokens of this ` +
          `step); the weights are those of step ${step - nonFiniteLimit}. A smaller learning rate or temperature may help.`,
      );
    }
  }

  /** Examples of a step and their prompts: a pure function of seed and step. */
  async #prompts(
    step: number,
    signal: AbortSignal | undefined,
  ): Promise<{ seeds: number[]; examples: TaskExample[]; prompts: PolicyPrompt[] }> {
    const { recipe, policy, task } = this;
    const random = new Rng(recipe.seed, 0x7261_696e, step * recipe.promptsPerStep);
    const seeds = Array.from({ length: recipe.promptsPerStep }, () => random.uint32());
    const examples = await Promise.all(seeds.map(async (seed) => task.example(seed)));
    const system = recipe.system ?? undefined;
    const prompts: PolicyPrompt[] = [];
    for (const example of examples) prompts.push(await policy.encode(example.messages, { system, signal }));
    return { seeds, examples, prompts };
  }

  /** A group of completions for each prompt. */
  async #rollOut(
    step: number,
    prompts: readonly PolicyPrompt[],
    signal: AbortSignal | undefined,
  ): Promise<Completion[][]> {
    const { recipe, policy } = this;
    // Between two steps others use the policy: a larger image then takes the place of the features it was recorded with.
    await this.#updater.prepare(prompts);
    const placed = policy.place(prompts);
    const engine = await policy.engine(this.#updater.engineCapacity(prompts));
    return engine.complete(
      placed.map((prompt) => ({ prompt, n: recipe.numGenerations })),
      {
        temperature: recipe.temperature,
        topK: recipe.topK,
        topP: recipe.topP,
        minP: recipe.minP,
        maxNewTokens: recipe.maxCompletionLength,
        seed: { lo: recipe.seed >>> 0, hi: step },
        signal,
      },
    );
  }

  /**
   * Records and places everything the first step needs, without running it.
   * @throws MemoryBudgetError with the table when it does not fit the device's budget.
   */
  async prepare(): Promise<{
    budget: Budget;
    plans: MemoryPlan[];
    capacity: MicroBatchCapacity;
  }> {
    const { prompts } = await this.#prompts(this.#step, undefined);
    await this.#updater.prepare(prompts);
    return { budget: this.#updater.budget(), ...this.#updater.recorded };
  }

  /** Everything a later process needs to go on with the same bits. */
  async state(): Promise<TrainerState> {
    return {
      recipe: this.recipe,
      task: this.task.name,
      step: this.#step,
      updates: this.#updates,
      numTokens: this.#numTokens,
      policyVersion: this.policy.version,
      capacity: this.#updater.capacity ?? null,
      tensors: await readTrained(trainedParameters(this.policy.model, "trainer state")),
    };
  }

  /**
   * Goes on from a state of the same task and, but for `steps`, the same recipe.
   * @throws CheckpointError when it is another run's.
   */
  restore(state: TrainerState): void {
    // A run may be made longer; everything else has to be as it was.
    const got = JSON.stringify({ ...state.recipe, steps: this.recipe.steps });
    const expected = JSON.stringify(this.recipe);
    if (state.task !== this.task.name || got !== expected) {
      throw new CheckpointError(
        `the checkpoint is of another run: got task ${state.task} with ${got}, expected ${this.task.name} with ${expected}`,
      );
    }
    restoreTrained(trainedParameters(this.policy.model, "trainer state"), state.tensors);
    this.#step = state.step;
    this.#updates = state.updates;
    this.#numTokens = state.numTokens;
    this.#updater.capacity = state.capacity ?? undefined;
    this.policy.version = state.policyVersion;
  }

  /** Frees what training takes. The policy stays. */
  destroy(): void {
    this.#updater.destroy();
  }
}

function inlineScorer(task: Task): Scorer {
  return (completions, examples) =>
    Promise.all(completions.map(async (completion, i) => task.reward(completion, examples[i])));
}

function* warnings(
  step: number,
  optimizer: { skipped: boolean; changed: number },
  advantages: Float64Array,
  zeroStd: readonly boolean[],
  learningRate: number,
): Generator<TrainEvent> {
  if (optimizer.skipped) {
    yield {
      type: "warning",
      step,
      code: "non-finite",
      message: "the gradient was NaN or infinite: the step was left out",
    };
  } else if (zeroStd.every(Boolean)) {
    yield {
      type: "warning",
      step,
      code: "zero-variance",
      message: "in every group all completions got the same reward: there was nothing to learn from",
    };
  } else if (optimizer.changed === 0 && learningRate > 0 && advantages.some((advantage) => advantage !== 0)) {
    yield {
      type: "warning",
      step,
      code: "no-weight-changed",
      message: "advantages were not zero, yet no weight changed",
    };
  }
}
