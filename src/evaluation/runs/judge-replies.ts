import type { LanguageModel } from "../../language-models/language-model.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import { LanguageModelError } from "../../util/errors.ts";
import { sha256Hex } from "../../util/sha256.ts";
import type { JudgeQuestion } from "../benchmarks/benchmark.ts";
import { judgePromptVersion, readReply } from "../benchmarks/judge.ts";
import { openReplies, type ReplyRecord, type Journal } from "./journal.ts";

/** A judge that is not at hand any more: only what it replied when it was. */
export interface RecordedJudge {
  /** As the run's report names it. */
  name: string;
  /** What replies are kept under. */
  identity: string;
  recorded: true;
}

/** What judges: a model, or the replies of an earlier one. */
export type EvaluationJudge = LanguageModel | RecordedJudge;

/** Questions to the judge by what became of them: asked = replied + cached + failed. */
export interface ReplyCounters {
  asked: number;
  replied: number;
  /** From the run's own record. */
  cached: number;
  failed: number;
}

/** Asks a judge, and keeps what it replies: the same question is asked once, now and when the run is scored again. */
export class JudgeReplies {
  readonly counters: ReplyCounters = { asked: 0, replied: 0, cached: 0, failed: 0 };
  readonly identity: string;
  /** By key, for equal questions that come meanwhile. */
  readonly #underWay = new Map<string, Promise<string | null>>();

  private constructor(
    private readonly judge: EvaluationJudge,
    private readonly journal: Journal<ReplyRecord>,
    private readonly replies: Map<string, string>,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.identity = judge.identity ?? judge.name;
  }

  static async open(judge: EvaluationJudge, store: BlobStore, signal?: AbortSignal): Promise<JudgeReplies> {
    const { journal, replies } = await openReplies(store);
    return new JudgeReplies(judge, journal, replies, signal);
  }

  /**
   * The reply to a question, once one of the tries can be read; else null.
   * @throws the signal's reason when aborted.
   */
  async ask(question: JudgeQuestion): Promise<string | null> {
    this.counters.asked++;
    const key = await this.#keyOf(question);
    // Replies of a model whose answers change are kept for the record, and not taken for what it would say now.
    const changes = !("recorded" in this.judge) && this.judge.identity === null;
    const kept = changes ? undefined : this.replies.get(key);
    if (kept !== undefined && readReply(question, kept) !== null) {
      this.counters.cached++;
      return kept;
    }
    const shared = this.#underWay.get(key);
    if (shared) {
      const reply = await shared;
      this.counters[reply === null ? "failed" : "cached"]++;
      return reply;
    }
    const work = this.#askModel(question, key);
    this.#underWay.set(key, work);
    try {
      const reply = await work;
      this.counters[reply === null ? "failed" : "replied"]++;
      return reply;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #askModel(question: JudgeQuestion, key: string): Promise<string | null> {
    const { judge, signal } = this;
    if ("recorded" in judge) return null;
    for (let attempt = 0; attempt < question.tries; attempt++) {
      signal?.throwIfAborted();
      try {
        const { text: reply } = await judge.ask([{ role: "user", content: question.prompt }], {
          signal,
          maxTokens: question.maxTokens,
          // The likeliest reply first; another one after it could not be read.
          temperature: attempt === 0 ? 0 : 0.5,
          seed: attempt,
        });
        if (readReply(question, reply) === null) continue;
        this.replies.set(key, reply);
        await this.journal.append([{ key, judge: this.identity, reply }]);
        return reply;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (error instanceof LanguageModelError) return null; // it was retried where that may help
        throw error;
      }
    }
    return null;
  }

  #keyOf({ key, prompt, maxTokens }: JudgeQuestion): Promise<string> {
    return sha256Hex(
      new TextEncoder().encode(JSON.stringify([this.identity, judgePromptVersion, key, prompt, maxTokens])),
    );
  }
}
