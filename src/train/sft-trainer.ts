import { runPrograms } from "../gpu/program.ts";
import type { Program } from "../gpu/program.ts";
import { adamwBias, readOptimizerReport } from "../kernels/adamw.ts";
import type { PackedCapacity } from "../models/packed-inputs.ts";
import { packGroups } from "../models/packing.ts";
import { visionBatch } from "../models/vision-encoder.ts";
import { packedPrompts } from "../rollout/policy.ts";
import type { Policy } from "../rollout/policy.ts";
import { InvalidOptionError, NonFiniteError } from "../util/errors.ts";
import type { TrainEvent } from "./events.ts";
import { optimizerOptions, readTrained, restoreTrained, trainedParameters } from "./optimizer-program.ts";
import type { TrainedTensors } from "./optimizer-program.ts";
import { learningRateAt } from "./schedule.ts";
import { packExamples } from "./sft-batches.ts";
import { drawExamples, tokensOf } from "./sft-data.ts";
import type { SftBatch, SftData, TokenizedExample } from "./sft-data.ts";
import { recordSft } from "./sft-programs.ts";
import type { SftPrograms } from "./sft-programs.ts";
import { parseSftRecipe } from "./sft-recipe.ts";
import type { SftRecipe, SftRecipeOptions } from "./sft-recipe.ts";
import { bits } from "./unusable.ts";

export type { SftData, SftExample } from "./sft-data.ts";

/** Room of the recorded programs; patches are those of a vision tower that is trained. */
export interface SftCapacity extends PackedCapacity {
  patches: number;
}

/** A run that can go on later, bit for bit. */
export interface SftState {
  /** Steps done. */
  step: number;
  /** Optimizer updates that changed weights; skipped ones do not count. */
  updates: number;
  numTokens: number;
  policyVersion: number;
  /** Examples drawn, those left out included. Default: as many as the steps took. */
  drawn?: number;
  /** Of them those left out, as too long or without a readable image. */
  skipped?: number;
  /** Of the last step's programs: kernels are chosen, and sums cut, by it. Null before the first step. */
  capacity: SftCapacity | null;
  tensors: TrainedTensors;
}

/** What a supervised trainer yields. Every event carries the step it belongs to, from 0. */
export type SftEvent = Exclude<TrainEvent, { type: "rollouts" }>;

const nonFiniteLimit = 3;

/**
 * Supervised fine-tuning: the mean negative log-likelihood of the responses' tokens, prompts left out, as TRL's
 * `SFTTrainer` with `completion_only_loss`. It trains what the policy was loaded to train: a LoRA adapter, the decoder,
 * or with `dense: "all"` the vision tower too, which then runs in the same program as the decoder.
 */
export class SftTrainer {
  readonly recipe: SftRecipe;
  #programs: SftPrograms | undefined;
  #capacity: SftCapacity | undefined;
  #step = 0;
  #updates = 0;
  #numTokens = 0;
  #nonFinite = 0;
  /** Where the next step's examples begin. */
  #drawn = 0;
  #skipped = 0;

  constructor(
    readonly policy: Policy,
    private readonly data: SftData,
    options: SftRecipeOptions = {},
    /** Put before each chat as a system turn. */
    private readonly system?: string,
  ) {
    this.recipe = parseSftRecipe(options);
    trainedParameters(policy.model, "SFT");
  }

  /** Steps done so far. */
  get step(): number {
    return this.#step;
  }

  /** Whether the vision tower is among what is trained. */
  get #trainsVision(): boolean {
    return this.policy.model.parameters?.names.some((name) => name.startsWith("visual.")) ?? false;
  }

  /**
   * Runs up to the recipe's last step. Metrics are TRL's: `loss`, `entropy`, `grad_norm`, `learning_rate`, `num_tokens`,
   * `step_time` (s) and `tokens_per_second`; and `num_skipped`, the examples left out so far, once there are any.
   * @throws NonFiniteError after three steps in a row with a NaN or infinite gradient; weights are those before them.
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<SftEvent, void, void> {
    if (this.#step === 0) this.policy.model.parameters?.resetMoments();
    let next = this.#prefetch(this.#step, this.#drawn);
    while (this.#step < this.recipe.steps) {
      if (signal?.aborted) {
        yield { type: "done", step: this.#step, reason: "stopped" };
        return;
      }
      const step = this.#step;
      yield { type: "phase", step, phase: "train" };
      const started = performance.now();
      const batch = await next;
      const parts = this.#parts(batch.examples);
      const prepared = await this.#prepare(parts);
      if (prepared.recorded)
        yield { type: "plan", step, steps: this.recipe.steps, ...this.#plan(prepared.programs) };
      // Whoever used the policy while the caller had the event may have made it hold larger images.
      const { programs } = prepared.recorded ? await this.#prepare(parts) : prepared;
      const submitted = await this.#submit(step, programs, parts);
      // The host draws and tokenizes the next batch while the GPU works on this one.
      next = this.#prefetch(step + 1, batch.end);
      const { loss, entropy, tokens, report } = await submitted.result();
      this.#step++;
      this.#numTokens += tokens;
      this.#drawn = batch.end;
      const before = this.#skipped;
      this.#skipped += batch.skipped;
      if (report.skipped) this.#nonFinite++;
      else {
        this.#nonFinite = 0;
        this.#updates++;
        this.policy.version++;
      }
      const stepTime = (performance.now() - started) / 1000;
      const metrics = {
        loss,
        entropy,
        grad_norm: report.gradNorm,
        learning_rate: submitted.learningRate,
        num_tokens: this.#numTokens,
        step_time: stepTime,
        tokens_per_second: tokens / stepTime,
        ...(this.#skipped > 0 && { num_skipped: this.#skipped }),
      };
      yield { type: "step", step, metrics };
      // Told of the first, and whenever there are twice as many: not at every step.
      if (bits(this.#skipped) > bits(before)) {
        const message =
          `${this.#skipped} of ${this.#drawn} demonstrations so far were left out; the first of this step: ` +
          (batch.why ?? "");
        yield { type: "warning", step, code: "skipped-demonstration", message };
      }
      if (report.skipped) {
        yield {
          type: "warning",
          step,
          code: "non-finite",
          message: "the gradient was NaN or infinite: the step was left out",
        };
      }
      if (this.#nonFinite >= nonFiniteLimit) {
        throw new NonFiniteError(
          `step ${step}: the gradient was NaN or infinite ${nonFiniteLimit} times in a row; the weights are those of ` +
            `step ${step - nonFiniteLimit}. A smaller learning rate may help.`,
        );
      }
    }
    yield { type: "done", step: this.#step, reason: "finished" };
  }

  /** Records and places what the first step needs, without running it. */
  async prepare(): Promise<{ budget: [name: string, bytes: number][] }> {
    const { examples } = await this.#batch(this.#step, this.#drawn);
    const { programs } = await this.#prepare(this.#parts(examples));
    return this.#plan(programs);
  }

  /** Everything the run holds on the GPU, by purpose. */
  #plan({ update, optimizer, persistentBytes }: SftPrograms): {
    budget: [name: string, bytes: number][];
    adapter: Record<string, unknown>;
  } {
    const own = (program: Program, bytes: number): [string, number] => [
      `${program.name}: inputs, outputs, parameters`,
      bytes,
    ];
    return {
      budget: [
        ...this.policy.memory(),
        own(update, update.plan.ownBytes),
        // With what it reports.
        own(optimizer, persistentBytes - update.plan.ownBytes),
      ],
      adapter: { ...this.policy.device.info },
    };
  }

  /** A batch that is drawn while the GPU works. One that fails tells whoever awaits it, if anybody still does. */
  #prefetch(step: number, begin: number): Promise<SftBatch> {
    const batch = this.#batch(step, begin);
    batch.catch(() => undefined);
    return batch;
  }

  /** The examples of a step, tokenized: those from number `begin` on. */
  async #batch(step: number, begin: number): Promise<SftBatch> {
    const { policy, recipe, data, system } = this;
    if (step >= recipe.steps) return { examples: [], end: begin, skipped: 0 };
    const { maxPositionEmbeddings } = policy.model.config.text;
    const maxTokens = Math.min(recipe.tokensPerBatch || Infinity, maxPositionEmbeddings - 1);
    return drawExamples(begin, { policy, data, system, count: recipe.batchSize, maxTokens });
  }

  /** Micro-batches. */
  #parts(examples: readonly TokenizedExample[]): TokenizedExample[][] {
    const { tokensPerBatch, microBatchSize } = this.recipe;
    return packExamples(examples, tokensOf, { tokens: tokensPerBatch, examples: microBatchSize });
  }

  /** Writes and submits a step; its numbers are read back when they are asked for. */
  async #submit(step: number, programs: SftPrograms, parts: readonly (readonly TokenizedExample[])[]) {
    const { recipe, policy } = this;
    const targets = parts.flat().reduce((sum, { target }) => sum + target.length, 0);
    const learningRate = learningRateAt(step, { ...recipe, totalSteps: recipe.steps });
    const { bias1, bias2 } = adamwBias(this.#updates + 1, recipe.adamBeta1, recipe.adamBeta2);
    let [logpSum, entropySum, tokens] = [0, 0, 0];
    let last: { logp: Promise<number>; entropy: Promise<number> } | undefined;
    for (const [index, part] of parts.entries()) {
      if (last) {
        logpSum += await last.logp;
        entropySum += await last.entropy;
      }
      const { values, scored, rows } = this.#write(programs, part, targets);
      tokens += rows;
      const list: [Program, Record<string, number>][] = [[programs.update, values]];
      if (index === parts.length - 1) list.push([programs.optimizer, { lr: learningRate, bias1, bias2 }]);
      runPrograms(policy.device, list);
      const sum = async (tensor: SftPrograms["logp"]) => {
        const read = (await programs.update.read(tensor)) as Float32Array;
        return read.subarray(0, scored).reduce((total, value) => total + value, 0);
      };
      last = { logp: sum(programs.logp), entropy: sum(programs.entropy) };
    }
    return {
      learningRate,
      result: async () => {
        const [report] = await policy.device.readAll([programs.report]);
        return {
          loss: -(logpSum + ((await last?.logp) ?? 0)) / targets,
          entropy: (entropySum + ((await last?.entropy) ?? 0)) / targets,
          tokens,
          report: readOptimizerReport(report),
        };
      },
    };
  }

  #write(programs: SftPrograms, part: readonly TokenizedExample[], targets: number) {
    const { policy } = this;
    const { config } = policy.model;
    const prompts = part.map(({ prompt }) => prompt);
    let vision: Record<string, number> = {};
    if (programs.vision && config.vision) {
      const images = prompts.flatMap((prompt) => prompt.images);
      vision = programs.vision.write(programs.update, visionBatch(config.vision, images), 0);
    } else policy.place(prompts);
    const groups = packedPrompts(prompts).map((prompt, i) => ({ prompt, completions: [part[i].target] }));
    const packed = packGroups(groups, {
      featureCount: Number(programs.inputs.features?.shape[0] ?? 0),
      imageToken: config.tokens.image,
    });
    const values = { ...programs.inputs.write(programs.update, packed), ...vision };
    const scored = packed.scoredRows.length;
    programs.update.write(programs.dlogp, new Float32Array(scored).fill(-1 / targets));
    return { values, scored, rows: packed.ids.length };
  }

  /** Programs with room for these micro-batches; recorded again only when they are outgrown. */
  async #prepare(
    parts: readonly (readonly TokenizedExample[])[],
  ): Promise<{ programs: SftPrograms; recorded: boolean }> {
    const { policy, recipe } = this;
    const most = (count: (example: TokenizedExample) => number) =>
      Math.max(...parts.map((part) => part.reduce((sum, example) => sum + count(example), 0)));
    const rows = most(({ prompt }) => prompt.featureCount);
    const unit = (policy.model.config.vision?.mergeSize ?? 1) ** 2;
    const needed: SftCapacity = {
      tokens: most(tokensOf),
      scored: most(({ target }) => target.length),
      segments: 2 * Math.max(...parts.map((part) => part.length)),
      patches: this.#trainsVision ? rows * unit : 0,
    };
    if (!this.#trainsVision) {
      for (const part of parts) await policy.reserveImages(part.map(({ prompt }) => prompt));
    }
    const capacity = withRoom(this.#capacity, needed, recipe.tokensPerBatch);
    if (this.#trainsVision && capacity.patches === 0)
      throw new InvalidOptionError("SFT of the vision tower: images in a micro-batch", 0, "at least one");
    const known = this.#programs;
    const seesImages = this.#trainsVision || known?.inputs.features === policy.features;
    if (known && capacity === this.#capacity && seesImages) return { programs: known, recorded: false };
    // Gone before the new ones are tried: should they not fit, nothing runs on freed buffers.
    this.destroy();
    this.#capacity = capacity;
    this.#programs = await recordSft(policy.model, {
      capacity,
      patches: capacity.patches,
      features: policy.features,
      recompute: recipe.recompute,
      optimizer: optimizerOptions(recipe),
      pool: policy.pool,
    });
    return { programs: this.#programs, recorded: true };
  }

  /** Everything a later process needs to go on with the same bits. */
  async state(): Promise<SftState> {
    return {
      step: this.#step,
      updates: this.#updates,
      numTokens: this.#numTokens,
      policyVersion: this.policy.version,
      drawn: this.#drawn,
      skipped: this.#skipped,
      capacity: this.#capacity ?? null,
      tensors: await readTrained(trainedParameters(this.policy.model, "SFT state")),
    };
  }

  /** Goes on from a state of the same run. */
  restore(state: SftState): void {
    const { step, updates, numTokens, policyVersion, capacity, tensors } = state;
    restoreTrained(trainedParameters(this.policy.model, "SFT state"), tensors);
    this.#step = step;
    this.#updates = updates;
    this.#numTokens = numTokens;
    this.#drawn = state.drawn ?? step * this.recipe.batchSize;
    this.#skipped = state.skipped ?? 0;
    this.#capacity = capacity ?? undefined;
    this.policy.version = policyVersion;
  }

  /** Frees what training takes. The policy stays. */
  destroy(): void {
    this.#programs?.destroy();
    this.#programs = undefined;
  }
}

/**
 * What is at hand where it is enough; else more of everything that is too little. Responses differ in length from step
 * to step, so there is room for longer ones and a run seldom records twice. Of tokens never more than `most`, where that
 * is not 0.
 */
function withRoom(at: SftCapacity | undefined, needed: SftCapacity, most: number): SftCapacity {
  const names = ["tokens", "scored", "segments", "patches"] as const;
  if (at && names.every((name) => at[name] >= needed[name])) return at;
  const roomy = (count: number) => Math.min(most || Infinity, Math.ceil((count * 1.15) / 128) * 128);
  const more = (name: (typeof names)[number], wanted: number) =>
    at && at[name] >= needed[name] ? at[name] : wanted;
  return {
    tokens: more("tokens", most || roomy(needed.tokens)),
    scored: more("scored", roomy(needed.scored)),
    // Packed by tokens, micro-batches differ in how many examples they hold.
    segments: more("segments", most ? Math.ceil(1.5 * needed.segments) : needed.segments),
    patches: more("patches", needed.patches),
  };
}
