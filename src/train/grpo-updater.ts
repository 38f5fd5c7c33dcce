import type { MemoryPlan } from "../gpu/plan.ts";
import { runPrograms } from "../gpu/program.ts";
import type { Program } from "../gpu/program.ts";
import { adamwBias, readOptimizerReport } from "../kernels/adamw.ts";
import { readObjectiveStats } from "../kernels/grpo-loss.ts";
import { packGroups } from "../models/packing.ts";
import type { PackedBatch } from "../models/packing.ts";
import { groupAdvantages } from "../rl/advantage.ts";
import type { ObjectiveStats, OptimizerReport } from "../rl/metrics.ts";
import { lossForms } from "../rl/loss-types.ts";
import { sequenceWeights } from "../rl/loss-weights.ts";
import { returnAdvantages, tokenRewards } from "../rl/returns.ts";
import type { UserObjective } from "../rl/user-objective.ts";
import type { Completion } from "../rollout/engine.ts";
import { packedPrompts } from "../rollout/policy.ts";
import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { recordGrpo } from "./grpo-programs.ts";
import type { GrpoPrograms, UpdateProgram } from "./grpo-programs.ts";
import { loadObjective } from "./load-objective.ts";
import { microBatches, toPackedGroups } from "./micro-batches.ts";
import type { BatchedGroup, MicroBatchCapacity } from "./micro-batches.ts";
import { optimizerOptions } from "./optimizer-program.ts";
import type { Recipe } from "./recipe.ts";
import { runUserUpdate, UserStats } from "./user-update.ts";
import type { UserFunction } from "./user-update.ts";

/** What a step hands from its rollouts to its update. */
export interface StepRollouts {
  prompts: readonly PolicyPrompt[];
  /** Per prompt, its completions. */
  groups: readonly (readonly Completion[])[];
  /** One per completion; null: excluded. */
  rewards: readonly (number | null)[];
}

export interface UpdateOptions {
  learningRate: number;
  /** Updates before this one that changed weights. */
  updates: number;
  /** Of this step. */
  klCoef: number;
}

export interface UpdateResult {
  objective: ObjectiveStats;
  optimizer: OptimizerReport;
  /** Updates that changed weights. */
  taken: number;
  /** Prompt and completion tokens that went through the network. */
  tokens: number;
}

/** What {@link GrpoUpdater.advantages} found. */
export interface StepAdvantages {
  /** One per completion. */
  advantages: Float64Array;
  /** With the KL in the reward: the mean over completions of their tokens' mean KL. */
  kl?: number;
}

export type Budget = [name: string, bytes: number][];

/** From rewards to weights: records a step's programs once and replays them on each step's rollouts. */
export class GrpoUpdater {
  /** What the programs have room for. It only grows, and a run that goes on has the room that it had: sums are cut by it. */
  capacity: MicroBatchCapacity | undefined;
  #programs: { programs: GrpoPrograms; capacity: MicroBatchCapacity; features: unknown } | undefined;

  #user: UserFunction | undefined;

  /** @param objective in place of the one that the recipe names, or of the kernel's */
  constructor(
    private readonly policy: Policy,
    private readonly recipe: Recipe,
    objective?: UserObjective,
  ) {
    if (objective) this.#user = { objective, options: ownOptions(recipe) };
  }

  /** Whether completions are scored by the adapter-off network too. */
  get hasReference(): boolean {
    return this.recipe.klCoef > 0 || this.recipe.logKl;
  }

  /** Whether the KL is in the rewards: then {@link GrpoUpdater.advantages} comes before the update. */
  get hasKlInReward(): boolean {
    return this.hasReference && this.recipe.klPlacement === "reward";
  }

  /** Whether the weight of the KL in the loss is another from step to step. */
  get #klCoefVaries(): boolean {
    return this.recipe.klController === "adaptive" && this.recipe.klPlacement === "loss";
  }

  /** What the rollout engine has to hold for these prompts. */
  engineCapacity(prompts: readonly PolicyPrompt[]) {
    return {
      batch: this.recipe.promptsPerStep * this.recipe.numGenerations,
      prefixTokens: prompts.reduce((sum, { tokens }) => sum + tokens.length - 1, 0),
      maxNewTokens: this.recipe.maxCompletionLength,
    };
  }

  /**
   * Programs with room for this step's longest case; recorded again only when prompts outgrow them. Returns the budget
   * when something was recorded.
   */
  async prepare(prompts: readonly PolicyPrompt[]): Promise<Budget | undefined> {
    const { recipe, policy } = this;
    const perCompletion = recipe.maxCompletionLength;
    if (recipe.objective && !this.#user)
      this.#user = { objective: await loadObjective(recipe.objective), options: ownOptions(recipe) };
    await policy.reserveImages(prompts);
    await policy.engine(this.engineCapacity(prompts));
    const prefix = prompts.reduce((sum, { tokens }) => sum + tokens.length - 1, 0);
    const sequences = recipe.promptsPerStep * recipe.numGenerations;
    const whole = prefix + sequences * perCompletion;
    const wanted = recipe.tokensPerBatch > 0 ? Math.min(recipe.tokensPerBatch, whole) : whole;
    const known = this.#programs;
    const fits = this.capacity !== undefined && this.capacity.tokens >= wanted;
    if (known && fits && known.features === policy.features) return undefined;
    // Gone before the new ones are tried: should they not fit, nothing runs on freed buffers.
    this.destroy();
    const capacity = fits && this.capacity ? this.capacity : this.#roomy(whole);
    this.capacity = capacity;
    const special = policy.model.config.tokens;
    const programs = await recordGrpo(policy.model, {
      capacity,
      advantage: {
        sequences,
        stepTokens: sequences * perCompletion,
        groupSize: recipe.numGenerations,
        estimator: recipe.advEstimator,
        scaleRewards: recipe.scaleRewards,
        advantageEps: recipe.advantageEps,
        gamma: recipe.gamma,
        klInReward: this.hasKlInReward ? recipe : undefined,
      },
      features: policy.features,
      objective: recipe,
      userObjective: this.#user !== undefined,
      klCoefVaries: this.#klCoefVaries,
      reference: this.hasReference,
      iterations: recipe.numIterations,
      recompute: recipe.recompute,
      optimizer: optimizerOptions(recipe),
      bannedTokens: [special.image, special.video].filter((token) => token !== null),
      pool: policy.pool,
    });
    this.#programs = { programs, capacity, features: policy.features };
    return this.budget();
  }

  /** Room for a step of so many tokens, and for longer prompts, so that a run records once. */
  #roomy(whole: number): MicroBatchCapacity {
    const { tokensPerBatch, promptsPerStep, numGenerations, maxCompletionLength } = this.recipe;
    const tokens = tokensPerBatch > 0 ? tokensPerBatch : Math.ceil(whole / 256) * 256;
    const sequences = promptsPerStep * numGenerations;
    return {
      tokens,
      scored: Math.min(tokens, sequences * maxCompletionLength),
      segments: sequences + promptsPerStep,
    };
  }

  #recorded() {
    if (!this.#programs) throw new InvalidOptionError("trainer", "no recorded programs", "a prepared step");
    return this.#programs;
  }

  /** Plans of the recorded programs, and what a micro-batch holds. */
  get recorded(): { plans: MemoryPlan[]; capacity: MicroBatchCapacity } {
    const { programs, capacity } = this.#recorded();
    return { plans: [...this.policy.plans, ...programs.plans], capacity };
  }

  /** Everything the run holds on the GPU, by purpose. */
  budget(): Budget {
    const { programs } = this.#recorded();
    return [
      ...this.policy.memory(),
      ["advantages, log-probs, statistics", programs.persistentBytes],
      ...programs.plans.map((plan): [string, number] => [
        `${plan.program}: inputs, outputs, parameters`,
        plan.ownBytes,
      ]),
    ];
  }

  /**
   * Each completion's advantage; of those of its tokens the mean. With the KL in the reward: the reference's log-probs
   * of all completions and, from rewards less their KL, the advantages, which stay where the update finds them.
   */
  async advantages(rollouts: StepRollouts, { klCoef }: { klCoef: number }): Promise<StepAdvantages> {
    const { recipe } = this;
    const completions = rollouts.groups.flat();
    const lengths = completions.map(({ tokens }) => tokens.length);
    if (lengths.length === 0) return { advantages: new Float64Array(0) };
    if (this.hasKlInReward) return this.#penalised(rollouts, klCoef);
    if (recipe.advEstimator === "reinforce_plus_plus") {
      const { tokens } = tokenRewards({ rewards: rollouts.rewards, lengths });
      return { advantages: meansOf(returnAdvantages(tokens, lengths, recipe), lengths) };
    }
    const { advantages } = groupAdvantages(rollouts.rewards, recipe.numGenerations, {
      estimator: recipe.advEstimator,
      scale: recipe.scaleRewards,
      eps: recipe.advantageEps,
    });
    return { advantages };
  }

  async #penalised(rollouts: StepRollouts, klCoef: number): Promise<StepAdvantages> {
    const { advantage, reference } = this.#recorded().programs;
    if (!advantage.kl || !reference?.stepRows)
      throw new InvalidOptionError("trainer: klPlacement", this.recipe.klPlacement, "reward, with a KL");
    const completions = rollouts.groups.flat();
    for (const batch of this.#batches(rollouts)) {
      const values = reference.inputs.write(reference.program, this.#pack(batch, completions));
      reference.program.write(reference.stepRows, stepRowsOf(batch, completions));
      reference.program.run({ ...values, temperature: this.recipe.temperature });
    }
    advantage.write({ rewards: rollouts.rewards, completions });
    advantage.program.run({ klCoef });
    const [advantages, kl] = await this.policy.device.readAll([advantage.advantages, advantage.kl]);
    const lengths = completions.map(({ tokens }) => tokens.length);
    return {
      kl: meansOf(kl, [completions.length])[0],
      advantages: advantage.perToken
        ? meansOf(advantages, lengths)
        : Float64Array.from(advantages.subarray(0, completions.length)),
    };
  }

  #batches({ prompts, groups }: StepRollouts): BatchedGroup[][] {
    // The rollout left the image features where the update finds them.
    const rolledOut = packedPrompts(prompts).map((prompt, p) => {
      return { prompt, completions: groups[p].map((completion) => completion.tokens) };
    });
    return microBatches(rolledOut, this.#recorded().capacity);
  }

  /**
   * One optimizer step per iteration on the rollouts; reads back metrics alone, and with an objective of the user's the
   * log-probs that it is of. An error, such as one of the user's, leaves no gradient behind; the weights may be those
   * between two iterations then.
   */
  async update(rollouts: StepRollouts, options: UpdateOptions): Promise<UpdateResult> {
    try {
      return await this.#update(rollouts, options);
    } catch (error) {
      this.policy.model.parameters?.zeroGradients();
      throw error;
    }
  }

  async #update(
    rollouts: StepRollouts,
    { learningRate, updates, klCoef }: UpdateOptions,
  ): Promise<UpdateResult> {
    const { recipe, policy } = this;
    const { device } = policy;
    const { programs } = this.#recorded();
    const completions = rollouts.groups.flat();
    const batches = this.#batches(rollouts);
    const totalTokens = completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const isPenalised = this.hasKlInReward;
    if (!isPenalised) programs.advantage.write({ rewards: rollouts.rewards, completions });

    let taken = 0;
    let optimizer = { gradNorm: 0, clipScale: 1, skipped: false, changed: 0, maxChange: 0 };
    let objective: ObjectiveStats = readObjectiveStats(new Float32Array(16));
    /** Of each micro-batch, from the first iteration. */
    const oldLogps: Float32Array[] = [];
    for (let iteration = 0; iteration < recipe.numIterations; iteration++) {
      const update = iteration === 0 ? programs.first : (programs.later ?? programs.first);
      const userStats = new UserStats(recipe);
      const { bias1, bias2 } = adamwBias(updates + taken + 1, recipe.adamBeta1, recipe.adamBeta2);
      for (const [index, batch] of batches.entries()) {
        const list: [Program, Record<string, number>][] = [];
        if (index === 0 && iteration === 0 && !isPenalised) list.push([programs.advantage.program, {}]);
        const weights = this.#weights(batch, completions, totalTokens, batches.length);
        const packed = this.#pack(batch, completions);
        // The frozen network's log-probs of a lone micro-batch are still there from the first iteration.
        if (programs.reference && !isPenalised && (iteration === 0 || batches.length > 1)) {
          const values = programs.reference.inputs.write(programs.reference.program, packed);
          list.push([programs.reference.program, { ...values, temperature: recipe.temperature }]);
        }
        // The last micro-batch and the optimizer go in one submit: a step without accumulation is one in all.
        const isLast = index === batches.length - 1;
        const after: typeof list = isLast ? [[programs.optimizer, { lr: learningRate, bias1, bias2 }]] : [];
        if (programs.user && this.#user) {
          const { inputs, result, entropy } = await runUserUpdate(device, programs.user, this.#user, {
            ...{ packed, before: list, after, temperature: recipe.temperature },
            refLogp: programs.refLogp,
            advantages: programs.advantages,
            advantageIndex: programs.advantage.perToken ? stepRowsOf(batch, completions) : packed.sequence,
            given: {
              oldLogp: oldLogps[index] ?? null,
              samplerLogp: samplerLogpsOf(batch, completions),
              lengths: Uint32Array.from(lengthsOf(batch, completions)),
              ...{ weights, iteration, klCoef: isPenalised ? 0 : klCoef },
            },
          });
          if (iteration === 0) oldLogps.push(inputs.logp);
          userStats.add(inputs, result, entropy);
        } else if (update) {
          const values = this.#writeUpdate(update, packed, batch, completions, weights);
          const scalars = { temperature: recipe.temperature, accumulate: index > 0 ? 1 : 0, klCoef };
          runPrograms(device, [...list, [update.program, { ...values, ...scalars }], ...after]);
        }
      }
      const [stats, report] = await device.readAll([programs.stats, programs.report]);
      optimizer = readOptimizerReport(report);
      // The first iteration's numbers describe the rollouts; the later ones how far the update has gone.
      objective = this.#user ? userStats.read() : withoutIdle(readObjectiveStats(stats), recipe);
      if (!optimizer.skipped) {
        taken++;
        policy.version++;
      }
    }
    const promptTokens = batches.flat().reduce((sum, { prompt }) => sum + prompt.tokens.length - 1, 0);
    return { objective, optimizer, taken, tokens: promptTokens + totalTokens };
  }

  #pack(batch: readonly BatchedGroup[], completions: readonly Completion[]): PackedBatch {
    const packed = packGroups(
      toPackedGroups(
        batch,
        completions.map(({ tokens }) => tokens),
      ),
      {
        featureCount: Number(this.policy.features?.shape[0] ?? 0),
        imageToken: this.policy.model.config.tokens.image,
      },
    );
    // The packer numbers sequences within the batch; advantages are numbered within the step.
    const numbers = batch.flatMap(({ sequences }) => sequences);
    return { ...packed, sequence: packed.sequence.map((local) => numbers[local]) };
  }

  /** Weight of each scored token of a micro-batch, as the loss type has it. */
  #weights(
    batch: readonly BatchedGroup[],
    completions: readonly Completion[],
    totalTokens: number,
    accumulationSteps: number,
  ): Float32Array {
    const lengths = lengthsOf(batch, completions);
    const perSequence = sequenceWeights(this.recipe.lossType, lengths, {
      numSequences: completions.length,
      totalTokens,
      maxCompletionLength: this.recipe.maxCompletionLength,
      accumulationSteps,
      lossAverage: this.recipe.lossAverage,
    });
    return Float32Array.from(lengths.flatMap((length, s) => new Array<number>(length).fill(perSequence[s])));
  }

  #writeUpdate(
    { program, inputs, weights, samplerLogp, stepRows }: UpdateProgram,
    packed: PackedBatch,
    batch: readonly BatchedGroup[],
    completions: readonly Completion[],
    weightValues: Float32Array,
  ): Record<string, number> {
    const values = inputs.write(program, packed);
    program.write(weights, weightValues);
    program.write(samplerLogp, samplerLogpsOf(batch, completions));
    if (stepRows) program.write(stepRows, stepRowsOf(batch, completions));
    return values;
  }

  destroy(): void {
    this.#programs?.programs.destroy();
    this.#programs = undefined;
  }
}

/** What an objective of the user's is told besides the batch. */
function ownOptions({ objective }: Recipe): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(objective ?? {}).filter(([name]) => name !== "module"));
}

/** Without what a loss that clips nothing has no number for. */
function withoutIdle(stats: ObjectiveStats, { lossType }: Recipe): ObjectiveStats {
  const { surrogate } = lossForms[lossType];
  if (surrogate === "clip" || surrogate === "cispo") return stats;
  return { ...stats, clipLow: undefined, clipHigh: undefined, clipRegion: undefined, clipDual: undefined };
}

/** Tokens of each sequence of a micro-batch. */
function lengthsOf(batch: readonly BatchedGroup[], completions: readonly Completion[]): number[] {
  return batch.flatMap(({ sequences }) => sequences.map((sequence) => completions[sequence].tokens.length));
}

/** What the sampler stored of each token of a micro-batch. */
function samplerLogpsOf(batch: readonly BatchedGroup[], completions: readonly Completion[]): Float32Array {
  const members = batch.flatMap(({ sequences }) => sequences);
  return Float32Array.from(members.flatMap((sequence) => completions[sequence].logps));
}

/** Number within the step of each token of a micro-batch. */
function stepRowsOf(
  batch: readonly BatchedGroup[],
  completions: readonly Completion[],
): Uint32Array<ArrayBuffer> {
  const begins: number[] = [];
  let begin = 0;
  for (const { tokens } of completions) {
    begins.push(begin);
    begin += tokens.length;
  }
  const members = batch.flatMap(({ sequences }) => sequences);
  return Uint32Array.from(
    members.flatMap((sequence) => completions[sequence].tokens.map((_, i) => begins[sequence] + i)),
  );
}

/** Means of runs of so many values, one after the other; 0 of an empty one. */
function meansOf(values: ArrayLike<number>, lengths: readonly number[]): Float64Array {
  let end = 0;
  return Float64Array.from(lengths, (length) => {
    let sum = 0;
    for (let i = end; i < end + length; i++) sum += values[i];
    end += length;
    return length > 0 ? sum / length : 0;
  });
}
