import type { LanguageModel } from "../../language-models/language-model.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import { LanguageModelError, ThinktabError } from "../../util/errors.ts";
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

/** What became of a question: the reply, or null and, where it could not be asked, why. */
export interface JudgeReply {
  text: string | null;
  error?: string;
}

/** Requests in a row that may fail: a judge that is not there is not asked a thousand times. */
const mostFailures = 10;

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
  readonly #underWay = new Map<string, Promise<JudgeReply>>();

  #failures = 0;
  #gaveUp: ThinktabError | undefined;

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
   * @throws the signal's reason when aborted; ThinktabError when ten requests in a row failed.
   */
  async ask(question: JudgeQuestion): Promise<JudgeReply> {
    this.counters.asked++;
    const key = await this.#keyOf(question);
    // Replies of a model whose answers change are kept for the record, and not taken for what it would say now.
    const changes = !("recorded" in this.judge) && this.judge.identity === null;
    const kept = changes ? undefined : this.replies.get(key);
    if (kept !== undefined && readReply(question, kept) !== null) {
      this.counters.cached++;
      return { text: kept };
    }
    const shared = this.#underWay.get(key);
    if (shared) {
      const reply = await shared;
      this.counters[reply.text === null ? "failed" : "cached"]++;
      return reply;
    }
    const work = this.#askModel(question, key);
    this.#underWay.set(key, work);
    try {
      const reply = await work;
      this.counters[reply.text === null ? "failed" : "replied"]++;
      return reply;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #askModel(question: JudgeQuestion, key: string): Promise<JudgeReply> {
    const { judge, signal } = this;
    if ("recorded" in judge) return { text: null };
    for (let attempt = 0; attempt < question.tries; attempt++) {
      signal?.throwIfAborted();
      if (this.#gaveUp) throw this.#gaveUp;
      try {
        const { text: reply } = await judge.ask([{ role: "user", content: question.prompt }], {
          signal,
          maxTokens: question.maxTokens,
          // The likeliest reply first; another one after it could not be read.
          temperature: attempt === 0 ? 0 : 0.5,
          seed: attempt,
        });
        this.#failures = 0;
        if (readReply(question, reply) === null) continue;
        this.replies.set(key, reply);
        await this.journal.append([{ key, judge: this.identity, reply }]);
        return { text: reply };
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!(error instanceof LanguageModelError)) throw error;
        if (!error.ofQuestion && ++this.#failures >= mostFailures)
          throw (this.#gaveUp = new ThinktabError(
            `${this.#failures} requests to the judge in a row failed, the last one with: ${error.message}. ` +
              "What was answered and judged is kept: score it again when the judge can be reached",
            { cause: error },
          ));
        return { text: null, error: error.message }; // it was retried where that may help
      }
    }
    return { text: null };
  }

  #keyOf({ key, prompt, maxTokens }: JudgeQuestion): Promise<string> {
    return sha256Hex(
      new TextEncoder().encode(JSON.stringify([this.identity, judgePromptVersion, key, prompt, maxTokens])),
    );
  }
}
