/** The policy's own say on how hard a question is: how often it is right. */
import { throwForQuestion, type GeneratingPolicy } from "../language-models/policy-model.ts";
import { hybridReward, type HybridReward, type JudgeAnswer } from "../rl/hybrid-reward.ts";
import type { MathEngine } from "../rl/math/math-json.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { REASONING_SYSTEM_PROMPT } from "../data/system-prompt.ts";
import type { WeThinkRecord } from "../data/wethink/record.ts";
import type { AskedImage, Asking } from "./asking.ts";

/** What a policy is asked for its pass rate. */
export interface SampleRequest {
  problem: string;
  /** The encoded file. */
  image: Uint8Array;
  /** How many responses. */
  n: number;
  seed: number;
  signal?: AbortSignal;
}

/** Answers questions as the policy that is to be trained. */
export interface PolicySampler {
  /** For reports. */
  name: string;
  /** What its responses depend on: weights, adapter, prompt. Its samples are kept under it. */
  identity: string;
  /** Responses with their tags. @throws LanguageModelError when it cannot be asked now. */
  sample(request: SampleRequest): Promise<readonly string[]>;
}

/** Keeps questions that the policy is sometimes right about: above < pass rate < below. */
export interface PassRateFilter {
  sampler: PolicySampler;
  /** For each question. Default 5. */
  samples?: number;
  /** Default 0: questions that it is never right about are dropped. */
  above?: number;
  /** Default 1: questions that it is always right about are dropped. */
  below?: number;
}

/** Of {@link policySampler}. */
export interface PolicySamplerOptions {
  name: string;
  identity: string;
  /** Default {@link REASONING_SYSTEM_PROMPT}; null for none. */
  system?: string | null;
  /** What the response begins with, such as "<think>"; put before each sample. */
  prefill?: string;
  /** Default 1024. */
  maxNewTokens?: number;
  /** Default 1. */
  temperature?: number;
}

/** A loaded policy as a sampler; {@link Policy} fits. */
export function policySampler(policy: GeneratingPolicy, options: PolicySamplerOptions): PolicySampler {
  const { name, identity, prefill = "", maxNewTokens = 1024, temperature = 1 } = options;
  const system = options.system === undefined ? REASONING_SYSTEM_PROMPT : options.system;
  let turn: Promise<unknown> = Promise.resolve();
  return {
    name,
    identity: JSON.stringify([identity, system, prefill, maxNewTokens, temperature]),
    sample({ problem, image, n, seed, signal }) {
      const content = [
        { type: "image" as const, image },
        { type: "text" as const, text: problem },
      ];
      const generated = turn.then(async () => {
        signal?.throwIfAborted();
        const completions = await policy.generate([{ role: "user", content }], {
          n,
          seed,
          signal,
          maxNewTokens,
          temperature,
          ...(system !== null && { system }),
          ...(prefill !== "" && { prefill }),
        });
        return completions.map(({ text }) => prefill + text);
      });
      turn = generated.catch(() => undefined); // one at a time: the policy has one device
      return generated.catch(throwForQuestion);
    },
  };
}

/** A filter with its options complete, and what it needs to judge. */
export class PassRate {
  readonly options: Required<PassRateFilter>;
  readonly #reward: HybridReward;

  /** @throws InvalidOptionError for numbers out of range. */
  constructor(filter: PassRateFilter, math?: MathEngine | (() => Promise<MathEngine>), judge?: JudgeAnswer) {
    this.options = { samples: 5, above: 0, below: 1, ...filter };
    const { samples, above, below } = this.options;
    if (!Number.isInteger(samples) || samples < 1)
      throw new InvalidOptionError("passRate: samples", samples, "an integer from 1");
    if (!(above >= 0 && below <= 1 && above < below))
      throw new InvalidOptionError("passRate: above, below", [above, below], "0 <= above < below <= 1");
    this.#reward = hybridReward({ math, judge });
  }

  /** Mean accuracy over the samples that could be judged; null where none could. */
  async rate(
    asking: Asking,
    record: WeThinkRecord,
    image: AskedImage,
    seed: number,
    signal: AbortSignal,
  ): Promise<{ rate: number | null; samples: number }> {
    const { sampler, samples } = this.options;
    const { problem } = record;
    const basis = [1, "pass-rate", sampler.identity, samples, seed, problem, image.sha256];
    const { texts } = await asking.journalled("pass-rate", basis, async () => {
      const begin = performance.now();
      const responses = await sampler.sample({ problem, image: image.bytes, n: samples, seed, signal });
      return { model: sampler.name, texts: responses, ms: Math.round(performance.now() - begin) };
    });
    const scores: number[] = [];
    for (const text of texts) {
      const completion = { text, tokens: [], finishReason: "stop" as const };
      const { accuracy } = await this.#reward(completion, { ...record });
      if (accuracy !== null) scores.push(accuracy);
    }
    const rate = scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
    return { rate, samples: scores.length };
  }
}
