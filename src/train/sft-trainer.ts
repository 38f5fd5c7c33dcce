import type { Message } from "../data/chat-template.ts";
import { runPrograms } from "../gpu/program.ts";
import type { Program } from "../gpu/program.ts";
import { adamwBias, readOptimizerReport } from "../kernels/adamw.ts";
import { packGroups } from "../models/packing.ts";
import { visionBatch } from "../models/vision-encoder.ts";
import { packedPrompts } from "../rollout/policy.ts";
import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { InvalidOptionError, NonFiniteError } from "../util/errors.ts";
import { optimizerOptions, trainedParameters } from "./optimizer-program.ts";
import { learningRateAt } from "./schedule.ts";
import { recordSft } from "./sft-programs.ts";
import type { SftPrograms } from "./sft-programs.ts";
import { parseSftRecipe } from "./sft-recipe.ts";
import type { SftRecipe, SftRecipeOptions } from "./sft-recipe.ts";

/** A chat and what the policy should answer. The stop token is put behind the response. */
export interface SftExample {
  messages: Message[];
  response: string;
}

/** Example number `index` of a run: a pure function, so that a run that is resumed or repeated sees the same data. */
export type SftData = (index: number) => SftExample | Promise<SftExample>;

/** A run that can go on later, bit for bit. */
export interface SftState {
  /** Steps done. */
  step: number;
  /** Optimizer updates that changed weights; skipped ones do not count. */
  updates: number;
  numTokens: number;
  tensors: Record<"param" | "m" | "v", Map<string, Float32Array>>;
}

export type SftEvent =
  | { type: "step"; step: number; metrics: Record<string, number> }
  | { type: "warning"; step: number; code: "non-finite"; message: string }
  | { type: "done"; step: number; reason: "finished" | "stopped" };

interface TokenizedExample {
  prompt: PolicyPrompt;
  target: number[];
}

const nonFiniteLimit = 3;

/**
 * Supervised fine-tuning: the mean negative log-likelihood of the responses' tokens, prompts left out, as TRL's
 * `SFTTrainer` with `completion_only_loss`. It trains what the policy was loaded to train: a LoRA adapter, the decoder,
 * or with `dense: "all"` the vision tower too, which then runs in the same program as the decoder.
 */
export class SftTrainer {
  readonly recipe: SftRecipe;
  #programs: SftPrograms | undefined;
  #step = 0;
  #updates = 0;
  #numTokens = 0;
  #nonFinite = 0;

  constructor(
    readonly policy: Policy,
    private readonly data: SftData,
    options: SftRecipeOptions = {},
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
   * `step_time` (s) and `tokens_per_second`.
   * @throws NonFiniteError after three steps in a row with a NaN or infinite gradient; weights are those before them.
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<SftEvent, void, void> {
    if (this.#step === 0) this.policy.model.parameters?.resetMoments();
    let next = this.#batch(this.#step);
    while (this.#step < this.recipe.steps) {
      if (signal?.aborted) {
        yield { type: "done", step: this.#step, reason: "stopped" };
        return;
      }
      const step = this.#step;
      const started = performance.now();
      const submitted = await this.#submit(step, await next);
      // The host draws and tokenizes the next batch while the GPU works on this one.
      next = this.#batch(step + 1);
      const { loss, entropy, tokens, report } = await submitted.result();
      this.#step++;
      this.#numTokens += tokens;
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
      };
      yield { type: "step", step, metrics };
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

  /** The examples of a step, tokenized. */
  async #batch(step: number): Promise<TokenizedExample[]> {
    const { policy, recipe } = this;
    const examples: TokenizedExample[] = [];
    if (step >= recipe.steps) return examples;
    const [stop] = policy.model.config.tokens.eos;
    for (let i = 0; i < recipe.batchSize; i++) {
      const { messages, response } = await this.data(step * recipe.batchSize + i);
      const target = [...policy.tokenizer.encode(response), stop];
      examples.push({ prompt: await policy.encode(messages), target });
    }
    return examples;
  }

  /** Writes and submits a step; its numbers are read back when they are asked for. */
  async #submit(step: number, examples: readonly TokenizedExample[]) {
    const { recipe, policy } = this;
    const size = recipe.microBatchSize > 0 ? recipe.microBatchSize : recipe.batchSize;
    const parts: TokenizedExample[][] = [];
    for (let begin = 0; begin < examples.length; begin += size)
      parts.push(examples.slice(begin, begin + size));
    const programs = await this.#prepare(parts);
    const targets = examples.reduce((sum, { target }) => sum + target.length, 0);
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
  async #prepare(parts: readonly (readonly TokenizedExample[])[]): Promise<SftPrograms> {
    const { policy, recipe } = this;
    const most = (count: (example: TokenizedExample) => number) =>
      Math.max(...parts.map((part) => part.reduce((sum, example) => sum + count(example), 0)));
    const tokens = most(({ prompt, target }) => prompt.tokens.length - 1 + target.length);
    const scored = most(({ target }) => target.length);
    const rows = most(({ prompt }) => prompt.featureCount);
    const segments = 2 * Math.max(...parts.map((part) => part.length));
    const unit = (policy.model.config.vision?.mergeSize ?? 1) ** 2;
    const patches = this.#trainsVision ? rows * unit : 0;
    if (!this.#trainsVision) {
      for (const part of parts) await policy.reserveImages(part.map(({ prompt }) => prompt));
    }
    const known = this.#programs;
    const fits =
      known !== undefined &&
      known.inputs.capacity.tokens >= tokens &&
      known.inputs.capacity.scored >= scored &&
      known.inputs.capacity.segments >= segments &&
      (this.#trainsVision
        ? (known.vision?.N.capacity ?? 0) >= patches
        : known.inputs.features === policy.features);
    if (fits) return known;
    if (this.#trainsVision && patches === 0)
      throw new InvalidOptionError("SFT of the vision tower: images in a micro-batch", 0, "at least one");
    this.destroy();
    // Responses differ in length from step to step: room for longer ones, so that a run records once.
    const roomy = (count: number) => Math.ceil((count * 1.15) / 128) * 128;
    this.#programs = await recordSft(policy.model, {
      capacity: { tokens: roomy(tokens), scored: roomy(scored), segments },
      patches,
      features: policy.features,
      recompute: recipe.recompute,
      optimizer: optimizerOptions(recipe),
      pool: policy.pool,
    });
    return this.#programs;
  }

  /** Everything a later process needs to go on with the same bits. */
  async state(): Promise<SftState> {
    const parameters = trainedParameters(this.policy.model, "SFT state");
    return {
      step: this.#step,
      updates: this.#updates,
      numTokens: this.#numTokens,
      tensors: {
        param: await parameters.read("param"),
        m: await parameters.read("m"),
        v: await parameters.read("v"),
      },
    };
  }

  /** Goes on from a state of the same run. */
  restore(state: SftState): void {
    const parameters = trainedParameters(this.policy.model, "SFT state");
    for (const what of ["param", "m", "v"] as const) parameters.restore(state.tensors[what], what);
    this.#step = state.step;
    this.#updates = state.updates;
    this.#numTokens = state.numTokens;
  }

  destroy(): void {
    this.#programs?.destroy();
    this.#programs = undefined;
  }
}
