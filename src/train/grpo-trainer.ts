import type { MemoryPlan } from "../gpu/plan.ts";
import { groupAdvantages } from "../rl/advantage.ts";
import { adaptKlCoef } from "../rl/kl-control.ts";
import { stepMetrics } from "../rl/metrics.ts";
import type { RewardResult } from "../rl/reward.ts";
import type { UserObjective } from "../rl/user-objective.ts";
import type { Completion } from "../rollout/engine.ts";
import type { PolicyPrompt, Policy } from "../rollout/policy.ts";
import type { Task, TaskExample } from "../tasks/task.ts";
import { CheckpointError, InvalidOptionError, NonFiniteError, ShapeError } from "../util/errors.ts";
import type { TrainEvent } from "./events.ts";
import { drawPrompts } from "./draw-prompts.ts";
import type { DrawnPrompts } from "./draw-prompts.ts";
import {
  checkFilter,
  filterWarnings,
  gather,
  isEnough,
  newGathering,
  toDrawn,
  tokensOf,
  toRecord,
} from "./gather-groups.ts";
import type { GatheredGroups, RewardedGroup } from "./gather-groups.ts";
import { GrpoUpdater } from "./grpo-updater.ts";
import type { Budget, StepRollouts, UpdateOptions, UpdateResult } from "./grpo-updater.ts";
import type { MicroBatchCapacity } from "./micro-batches.ts";
import { readTrained, restoreTrained, trainedParameters } from "./optimizer-program.ts";
import type { TrainedTensors } from "./optimizer-program.ts";
import { parseRecipe } from "./recipe.ts";
import type { Recipe, RecipeOptions } from "./recipe.ts";
import { learningRateAt } from "./schedule.ts";
import { stepWarnings } from "./step-warnings.ts";
import { bits } from "./unusable.ts";

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
  /** Times that prompts were drawn: once a step, and more with online filtering. */
  rounds: number;
  /** The weight of the KL in the next step. */
  klCoef: number;
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
  #rounds = 0;
  #klCoef: number;
  #nonFinite = 0;
  /** Examples left out since the run began or went on. */
  #skipped = 0;
  /** The weights are those of half a step. */
  #torn = false;

  /**
   * @param objective a function in place of the loss kernel, which a recipe's `objective` may name instead. With one, the
   *   log-probs of each micro-batch are read back, the function is asked, and its dL/dlogp is uploaded: a step then takes
   *   a second forward pass and a round trip for each micro-batch. NaN from it ends the run with a NonFiniteError.
   */
  constructor(
    readonly policy: Policy,
    readonly task: Task,
    options: RecipeOptions = {},
    private readonly scorer: Scorer = inlineScorer(task),
    objective?: UserObjective,
  ) {
    this.recipe = parseRecipe(options);
    this.#klCoef = this.recipe.klCoef;
    this.#updater = new GrpoUpdater(policy, this.recipe, objective);
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
   *   CheckpointError after a step that an error ended between two of its updates, until a state is restored.
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent, void, void> {
    this.#checkWhole();
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
    const gathered = yield* this.#gather(step, signal);
    const { kept, all } = gathered;
    const scored = performance.now();
    const prompts = kept.map(({ prompt }) => prompt);
    const groups = kept.map(({ completions }) => completions);
    const rewards = kept.flatMap((group) => group.rewards.map(({ value }) => value));
    const rollouts = { prompts, groups, rewards };
    if (recipe.onlineFiltering && kept.length > 0) {
      // Rounds of which only some groups were kept left other images, and perhaps too little room.
      yield* this.#prepare(step, prompts);
      await this.#updater.prepare(prompts); // a plan that was told gave others time to use the policy
      this.policy.place(prompts);
    }
    const klCoef = this.#klCoef;
    const { advantages, kl } = await this.#updater.advantages(rollouts, { klCoef });
    yield {
      type: "rollouts",
      step,
      policyVersion: this.policy.version,
      groups: kept.map((group, p) => toRecord(group, advantages.subarray(p * recipe.numGenerations))),
    };

    yield { type: "phase", step, phase: "train" };
    signal?.throwIfAborted();
    const learningRate = learningRateAt(step, { ...recipe, totalSteps: recipe.steps });
    const counts = { learningRate, updates: this.#updates, klCoef };
    // With nothing kept the step is left out.
    const trained = kept.length > 0 ? await this.#update(rollouts, counts) : undefined;
    const ended = performance.now();

    const skipped = trained?.optimizer.skipped ?? true;
    this.#step++;
    this.#rounds += gathered.rounds;
    this.#updates += trained?.taken ?? 0;
    const stepTokens = (trained?.tokens ?? 0) + tokensOf(all) - tokensOf(kept.map(toDrawn));
    this.#numTokens += stepTokens;
    if (trained) this.#nonFinite = skipped ? this.#nonFinite + 1 : 0;
    const measuredKl = kl ?? trained?.objective.kl;
    if (recipe.klController === "adaptive" && trained && measuredKl !== undefined) {
      const { klTarget: target, klHorizon: horizon } = recipe;
      this.#klCoef = adaptKlCoef(klCoef, { kl: measuredKl, samples: rewards.length, target, horizon });
    }
    const completions = all.flatMap((group) => group.completions);
    const results = all.flatMap((group) => group.rewards);
    const { zeroStd } = groupAdvantages(
      results.map(({ value }) => value),
      recipe.numGenerations,
    );
    const parts = new Set(results.flatMap((reward) => Object.keys(reward.parts)));
    const metrics = stepMetrics({
      rewards: results.map(({ value }) => value),
      rewardParts: Object.fromEntries(
        [...parts].map((part) => [part, results.map((reward) => reward.parts[part])]),
      ),
      zeroStd,
      lengths: completions.map(({ tokens }) => tokens.length),
      truncated: completions.map(({ finishReason }) => finishReason === "length"),
      filter: recipe.onlineFiltering ? gathered : undefined,
      objective: trained?.objective,
      hasKl: this.#updater.hasReference,
      kl,
      klCoef: recipe.klController === "adaptive" ? klCoef : undefined,
      optimizer: trained?.optimizer,
      learningRate,
      numTokens: this.#numTokens,
      stepTokens,
      timesMs: {
        step: ended - started,
        rollout: gathered.timesMs.rollout,
        reward: gathered.timesMs.reward,
        train: ended - scored,
      },
    });
    yield { type: "step", step, metrics: { ...metrics, ...this.scorer.metrics?.() } };
    yield* this.#skipWarnings(step, gathered);
    yield* filterWarnings(step, recipe, gathered);
    if (trained) yield* stepWarnings(step, trained.optimizer, { advantages, zeroStd, learningRate });
    if (this.#nonFinite >= nonFiniteLimit) {
      throw new NonFiniteError(
        `step ${step}: the gradient was NaN or infinite ${nonFiniteLimit} times in a row (${trained?.objective.nonFinite} tokens of this ` +
          `step); the weights are those of step ${step - nonFiniteLimit}. A smaller learning rate or temperature may help.`,
      );
    }
  }

  /** Notes when an error, such as one of a user's objective, comes after some of the step's updates. */
  async #update(rollouts: StepRollouts, options: UpdateOptions): Promise<UpdateResult> {
    const { version } = this.policy;
    try {
      return await this.#updater.update(rollouts, options);
    } catch (error) {
      this.#torn = this.policy.version !== version;
      throw error;
    }
  }

  #checkWhole(): void {
    if (this.#torn)
      throw new CheckpointError("the last step was left half done: go on from a checkpoint of before it");
  }

  /** Groups of a step: of one round, or of as many as filtering takes to keep enough. */
  async *#gather(
    step: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainEvent, GatheredGroups, void> {
    const { recipe } = this;
    const gathered = newGathering();
    do {
      const groups = yield* this.#round(step, gathered, signal);
      gather(gathered, groups, recipe);
    } while (recipe.onlineFiltering && !isEnough(gathered, recipe));
    checkFilter(gathered, recipe);
    return gathered;
  }

  /** Prompts of a round, a group of completions for each, and their rewards. */
  async *#round(
    step: number,
    gathered: GatheredGroups,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainEvent, RewardedGroup[], void> {
    const { recipe } = this;
    const round = this.#rounds + gathered.rounds;
    const { timesMs } = gathered;
    const started = performance.now();
    const { seeds, examples, prompts, skipped, why } = await this.#prompts(round, signal);
    gathered.skipped += skipped;
    gathered.why ??= why;
    yield* this.#prepare(step, prompts);
    yield { type: "phase", step, phase: "rollout" };
    const groups = await this.#rollOut(round, prompts, signal);
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
    timesMs.rollout += rolledOut - started;
    timesMs.reward += performance.now() - rolledOut;
    return groups.map((group, p): RewardedGroup => {
      const [begin, end] = [p * recipe.numGenerations, (p + 1) * recipe.numGenerations];
      return {
        seed: seeds[p],
        example: examples[p],
        prompt: prompts[p],
        completions: group,
        texts: texts.slice(begin, end),
        rewards: rewards.slice(begin, end),
      };
    });
  }

  /** Room for these prompts; a plan when something had to be recorded for it. */
  async *#prepare(step: number, prompts: readonly PolicyPrompt[]): AsyncGenerator<TrainEvent, void, void> {
    const budget = await this.#updater.prepare(prompts);
    const { steps } = this.recipe;
    if (budget) yield { type: "plan", step, steps, budget, adapter: { ...this.policy.device.info } };
  }

  #prompts(round: number, signal: AbortSignal | undefined): Promise<DrawnPrompts> {
    const { recipe, policy, task } = this;
    return drawPrompts(round, { recipe, policy, task, signal });
  }

  /** Tells of the first example that was left out, and whenever there are twice as many: not at every step. */
  *#skipWarnings(step: number, { skipped, why }: GatheredGroups): Generator<TrainEvent> {
    const before = this.#skipped;
    this.#skipped += skipped;
    if (bits(this.#skipped) === bits(before)) return;
    const count = this.#skipped === 1 ? "1 example was" : `${this.#skipped} examples were`;
    const message = `${count} left out so far, others drawn instead; the first of this step: ${why ?? ""}`;
    yield { type: "warning", step, code: "skipped-example", message };
  }

  /** A group of completions for each prompt. */
  async #rollOut(
    round: number,
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
        seed: { lo: recipe.seed >>> 0, hi: round },
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
    const { prompts } = await this.#prompts(this.#rounds, undefined);
    await this.#updater.prepare(prompts);
    return { budget: this.#updater.budget(), ...this.#updater.recorded };
  }

  /**
   * Everything a later process needs to go on with the same bits.
   * @throws CheckpointError after a step that an error ended between two of its updates.
   */
  async state(): Promise<TrainerState> {
    this.#checkWhole();
    return {
      recipe: this.recipe,
      task: this.task.name,
      step: this.#step,
      updates: this.#updates,
      numTokens: this.#numTokens,
      policyVersion: this.policy.version,
      rounds: this.#rounds,
      klCoef: this.#klCoef,
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
    this.#torn = false;
    this.#step = state.step;
    this.#updates = state.updates;
    this.#numTokens = state.numTokens;
    this.#rounds = state.rounds;
    this.#klCoef = state.klCoef;
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
