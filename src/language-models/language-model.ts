import type { Message } from "../data/chat-template.ts";

/** A JSON schema, as JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a caller may ask for beside the words. What a kind of model cannot do is said where that kind is made. */
export interface AskOptions {
  /** Ends the question at once; it rejects with the signal's reason. */
  signal?: AbortSignal;
  maxTokens?: number;
  /** 0 for the most likely answer. Absent: the model's own default. */
  temperature?: number;
  seed?: number;
  /** The form of the answer. Not every model is held to it: say it in the words, too, and check what comes back. */
  schema?: JsonSchema;
}

/** What a model answered. Absent: the model does not tell. */
export interface ModelAnswer {
  text: string;
  promptTokens?: number;
  completionTokens?: number;
  /** Where the model sends its reasoning apart from the answer. */
  reasoning?: string;
  /** "length": cut at the limit of tokens. */
  finishReason?: "stop" | "length";
  /** By the prices that the user gave, in their currency. */
  cost?: number;
}

/** How many questions came to what, since the model was opened. asked = answered + failed + aborted + under way. */
export interface ModelCounters {
  asked: number;
  answered: number;
  /** Requests made again, beyond the first of each question. */
  retried: number;
  failed: number;
  aborted: number;
  promptTokens: number;
  completionTokens: number;
  /** Answers that did not tell their tokens: the sums of tokens and cost lack them. */
  withoutUsage: number;
  /** Of the requests that were answered, queues and pauses left out; p95 of the last 1024. Null before the first. */
  latencyMs: { mean: number; p95: number } | null;
  /** Null without prices. */
  cost: number | null;
}

/** Whatever answers a prompt: an endpoint, the policy, the browser's own model. */
export interface LanguageModel {
  /** For people: reports, records, messages. */
  name: string;
  /**
   * @throws LanguageModelError when there is no answer, the signal's reason when it was aborted, InvalidOptionError for
   *   images given to a model that takes none.
   */
  ask(messages: readonly Message[], options?: AskOptions): Promise<ModelAnswer>;
  /** Whether messages may hold images. Absent: no. */
  takesImages?: boolean;
  /** What answers depend on beside the question, for caches. Null: on things that change. Absent: the name. */
  identity?: string | null;
  /** What became of the questions so far. */
  counters?(): ModelCounters;
  /** Gives back what the model holds. */
  dispose?(): void;
}

/** Question, gold answer and given answer. */
export interface AnswerPair {
  question: string;
  gold: string;
  answer: string;
}

/** Says how well an answer fits the gold one: a classifier or cross-encoder, which cannot be asked in words. */
export interface PairScorer {
  name: string;
  /** On the scorer's own scale, which its thresholds are given on. @throws LanguageModelError, the signal's reason. */
  score(pair: AnswerPair, options?: { signal?: AbortSignal }): Promise<number>;
  /** As {@link LanguageModel.identity}. */
  identity?: string | null;
  /** Gives back what the scorer holds. */
  dispose?(): void;
}
