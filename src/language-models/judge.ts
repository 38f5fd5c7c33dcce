import type { Message } from "../data/chat-template.ts";
import type { JudgeRequest } from "../rl/hybrid-reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import { imageDataUrl } from "./data-url.ts";
import { memoryCache, type JudgeCache, type KeptJudgement } from "./judge-cache.ts";
import {
  fillPrompt,
  JUDGE_PROMPT,
  judgeTiers,
  parseGrade,
  REPEAT_REQUEST,
  type JudgePrompt,
  type JudgeTier,
} from "./judge-prompt.ts";
import type { LanguageModel, ModelAnswer, PairScorer } from "./language-model.ts";
import { Limiter } from "./limiter.ts";
import { LatencyMeter } from "./meter.ts";

/** A judgement, or why there is none. */
export interface Judgement {
  /** Null: the judge failed; leave the sample out. */
  score: JudgeTier | null;
  /** The judge's reason, or what went wrong. */
  why: string;
  /** Nothing was asked: the same had been judged, or was being judged. */
  cached: boolean;
}

/** Requests by what became of them: asked = judged + cached + failed + aborted + under way. */
export interface JudgeCounters {
  asked: number;
  /** By the judge, now. */
  judged: number;
  /** From the cache, or with an equal request that was under way. */
  cached: number;
  /** Given null. */
  failed: number;
  aborted: number;
  /** Replies without exactly one grade, after which the judge was asked again. */
  repeated: number;
  /** Judgements that the cache could not keep. */
  unkept: number;
  /** Judgements of each tier, cached ones included. */
  tiers: Record<`${JudgeTier}`, number>;
  promptTokens: number;
  completionTokens: number;
  /** Of the judgements that were made, queues left out. Null before the first. */
  latencyMs: { mean: number; p95: number } | null;
  /** Null when the model has no prices. */
  cost: number | null;
}

/** How a model is asked to judge. */
export interface JudgeOptions {
  /** In place of {@link JUDGE_PROMPT}. */
  prompt?: JudgePrompt;
  /** Default: in memory. A model whose answers change (identity null) is not cached. */
  cache?: JudgeCache;
  /** Questions for one judgement, until a reply holds exactly one grade. Default 3. */
  attempts?: number;
  /** Judgements made at a time. Default 4. */
  concurrency?: number;
  /** Ends everything under way, and refuses what comes after. */
  signal?: AbortSignal;
  /** Default 1024: room for a model that thinks first. */
  maxTokens?: number;
  /** Default 0. */
  temperature?: number;
  /** For a {@link PairScorer}: from which scores a tier is given. There is no default, as scales differ. */
  thresholds?: { half: number; full: number };
}

/** Judges descriptive answers. */
export interface Judge {
  /**
   * Never rejects but with the reason of the judge's own signal; a judgement that fails has score null. Bound: it may be
   * handed on alone, as to the hybrid reward.
   */
  judge: (request: JudgeRequest) => Promise<Judgement>;
  /** What became of the requests so far. */
  counters(): JudgeCounters;
}

/**
 * A judge by a model's word or a scorer's number, in tiers 0, 0.5 and 1. Equal requests are judged once: a group's
 * answers are often the same.
 *
 * @throws InvalidOptionError for a scorer without thresholds, or options that are none.
 */
export function createJudge(model: LanguageModel | PairScorer, options: JudgeOptions = {}): Judge {
  const judging = new Judging(
    "score" in model ? pairGrader(model, options) : wordGrader(model, options),
    options,
  );
  return {
    judge: (request) => judging.judge(request),
    counters: () => judging.counters(),
  };
}

type Grade = { score: JudgeTier; why: string } | { score: null; why: string };

/** What a grader reports of its questions. */
interface Tally {
  repeated(): void;
  answered(answer: ModelAnswer): void;
}

/** Makes judgements; knows no cache. */
interface Grader {
  /** Texts that the judgement of a request depends on; null: it must not be kept. */
  basis: readonly string[] | null;
  takesImages: boolean;
  /** @param images `data:` URLs */
  grade(request: JudgeRequest, images: readonly string[], tally: Tally): Promise<Grade>;
}

function wordGrader(model: LanguageModel, options: JudgeOptions): Grader {
  const { prompt = JUDGE_PROMPT, attempts = 3, maxTokens = 1024, temperature = 0, signal } = options;
  if (!Number.isInteger(attempts) || attempts < 1)
    throw new InvalidOptionError("createJudge: attempts", attempts, "an integer from 1");
  const identity = model.identity === undefined ? model.name : model.identity;
  return {
    basis:
      identity === null
        ? null
        : [identity, prompt.version, prompt.system, prompt.user, String(temperature), String(maxTokens)],
    takesImages: model.takesImages ?? false,
    async grade(request, images, tally) {
      const { problem, answer, response } = request;
      const text = fillPrompt(prompt, { question: problem, gold: answer, answer: response });
      const begin: Message[] = [
        { role: "system", content: prompt.system },
        {
          role: "user",
          content:
            images.length === 0
              ? text
              : [
                  ...images.map((url) => ({ type: "image_url" as const, image_url: { url } })),
                  { type: "text" as const, text },
                ],
        },
      ];
      let messages = begin;
      for (let attempt = 1; ; attempt++) {
        const reply = await model.ask(messages, { signal, maxTokens, temperature });
        tally.answered(reply);
        const { tier, reason } = parseGrade(reply.text);
        if (tier !== null) return { score: tier, why: reason };
        if (attempt === attempts) return { score: null, why: `${reason}, in ${attempts} replies` };
        tally.repeated();
        messages = [
          ...begin,
          { role: "assistant", content: reply.text.slice(-2000) },
          { role: "user", content: REPEAT_REQUEST },
        ];
      }
    },
  };
}

function pairGrader(scorer: PairScorer, { thresholds, signal }: JudgeOptions): Grader {
  if (!thresholds)
    throw new InvalidOptionError("createJudge: thresholds", "none", "half and full, on the scorer's scale");
  const { half, full } = thresholds;
  if (!Number.isFinite(half) || !Number.isFinite(full) || half > full)
    throw new InvalidOptionError(
      "createJudge: thresholds",
      [half, full],
      "finite numbers, half at most full",
    );
  const identity = scorer.identity === undefined ? scorer.name : scorer.identity;
  return {
    basis: identity === null ? null : [identity, "pair", String(half), String(full)],
    takesImages: false,
    async grade({ problem, answer, response }) {
      const score = await scorer.score({ question: problem, gold: answer, answer: response }, { signal });
      if (!Number.isFinite(score)) return { score: null, why: `${scorer.name} gives ${score}` };
      const why = `${scorer.name} gives ${score.toFixed(3)}: 0.5 from ${half}, 1 from ${full}`;
      return { score: score >= full ? 1 : score >= half ? 0.5 : 0, why };
    },
  };
}

/** Cache, queue and counters around a grader. */
class Judging {
  readonly #cache: JudgeCache;
  readonly #limiter: Limiter;
  readonly #latency = new LatencyMeter();
  /** By key, for equal requests that come meanwhile. */
  readonly #underWay = new Map<string, Promise<Grade>>();
  readonly #counts = { asked: 0, judged: 0, cached: 0, failed: 0, aborted: 0, repeated: 0, unkept: 0 };
  readonly #usage = { promptTokens: 0, completionTokens: 0 };
  readonly #tiers = { "0": 0, "0.5": 0, "1": 0 };
  #cost: number | null = null;

  constructor(
    private readonly grader: Grader,
    private readonly options: JudgeOptions,
  ) {
    this.#cache = options.cache ?? memoryCache();
    this.#limiter = new Limiter(options.concurrency ?? 4);
  }

  counters(): JudgeCounters {
    return {
      ...this.#counts,
      ...this.#usage,
      tiers: { ...this.#tiers },
      latencyMs: this.#latency.read(),
      cost: this.#cost,
    };
  }

  async judge(request: JudgeRequest): Promise<Judgement> {
    const { signal } = this.options;
    this.#counts.asked++;
    try {
      signal?.throwIfAborted();
      const judgement = await this.#find(request);
      if (judgement.score === null) this.#counts.failed++;
      else {
        this.#counts[judgement.cached ? "cached" : "judged"]++;
        this.#tiers[`${judgement.score}`]++;
      }
      return judgement;
    } catch (error) {
      if (signal?.aborted) {
        this.#counts.aborted++;
        throw signal.reason;
      }
      this.#counts.failed++;
      return { score: null, why: error instanceof Error ? error.message : String(error), cached: false };
    }
  }

  async #find(request: JudgeRequest): Promise<Judgement> {
    const images = await this.#imagesOf(request);
    const key = await this.#keyOf(request, images);
    if (key === null) return { ...(await this.#grade(request, images)), cached: false };
    const shared = this.#underWay.get(key);
    if (shared) return { ...(await shared), cached: true };
    let fromCache = false;
    const work = (async (): Promise<Grade> => {
      const kept = await this.#kept(key);
      if (kept) {
        fromCache = true;
        return kept;
      }
      const grade = await this.#grade(request, images);
      if (grade.score !== null) await this.#keep(key, grade);
      return grade;
    })();
    this.#underWay.set(key, work);
    try {
      return { ...(await work), cached: fromCache };
    } finally {
      this.#underWay.delete(key);
    }
  }

  #grade(request: JudgeRequest, images: readonly string[]): Promise<Grade> {
    return this.#limiter.run(async () => {
      const begin = performance.now();
      const grade = await this.grader.grade(request, images, {
        repeated: () => this.#counts.repeated++,
        answered: ({ promptTokens = 0, completionTokens = 0, cost }) => {
          this.#usage.promptTokens += promptTokens;
          this.#usage.completionTokens += completionTokens;
          if (cost !== undefined) this.#cost = (this.#cost ?? 0) + cost;
        },
      });
      if (grade.score !== null) this.#latency.add(performance.now() - begin);
      return grade;
    }, this.options.signal);
  }

  #imagesOf({ images = [] }: JudgeRequest): Promise<string[]> {
    const { signal } = this.options;
    return Promise.all(this.grader.takesImages ? images.map((image) => imageDataUrl(image, signal)) : []);
  }

  async #keyOf(
    { problem, answer, response }: JudgeRequest,
    images: readonly string[],
  ): Promise<string | null> {
    const { basis } = this.grader;
    if (basis === null) return null;
    const text = JSON.stringify([basis, problem, answer, response, images]);
    return sha256Hex(new TextEncoder().encode(text));
  }

  /** A cache that cannot be read is none: the judgement can still be made. */
  async #kept(key: string): Promise<KeptJudgement | null> {
    try {
      return await this.#cache.get(key);
    } catch {
      return null;
    }
  }

  /** A judgement counts whether or not there is room to keep it. */
  async #keep(key: string, judgement: KeptJudgement): Promise<void> {
    try {
      await this.#cache.set(key, { score: judgement.score, why: judgement.why });
    } catch {
      this.#counts.unkept++;
    }
  }
}

export type { JudgeRequest } from "../rl/hybrid-reward.ts";
export { JUDGE_PROMPT, judgeTiers, type JudgePrompt, type JudgeTier };
