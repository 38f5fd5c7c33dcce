import type { Message } from "../../data/chat-template.ts";
import type { LanguageModel } from "../../language-models/language-model.ts";
import {
  ContextLengthError,
  ImageDecodeError,
  ImageTokenMismatchError,
  InvalidOptionError,
  LanguageModelError,
  MissingFileError,
} from "../../util/errors.ts";

/** How answers are drawn. */
export interface AnswerSampling {
  /** 0 takes the most likely token. */
  temperature: number;
  /** 0 is off. An endpoint is not told. */
  topK: number;
  /** 1 is off. An endpoint is not told. */
  topP: number;
  /** Most tokens of an answer. */
  maxTokens: number;
  seed: number;
}

/** One question. */
export interface AnswerRequest {
  messages: Message[];
  /** Of the question in the run, from 0: with the seed it keys the random draws, whatever is asked beside it. */
  position: number;
}

/** What came back. An error is of this question alone: it stays unanswered, and the others are asked. */
export type GivenAnswer =
  | { text: string; tokens?: number; finishReason?: "stop" | "length" }
  /** Why there is no answer. `ofQuestion`: for what it holds, so that asking it again does not help. */
  | { error: string; ofQuestion?: boolean };

/**
 * Who answers a benchmark's questions: plain data in, plain data out, so that it may stand behind a worker's boundary.
 * {@link modelAnswerer} makes one of a language model, `policyAnswerer` of a policy.
 */
export interface Answerer {
  /** For reports. */
  name: string;
  takesImages: boolean;
  /** Questions of one call. */
  batch: number;
  /** Calls under way at a time. */
  concurrency: number;
  /**
   * Answers in the order of the questions.
   * @throws the signal's reason when aborted; anything else ends the run.
   */
  answer(
    requests: readonly AnswerRequest[],
    sampling: AnswerSampling,
    options?: { signal?: AbortSignal },
  ): Promise<GivenAnswer[]>;
}

const faults = [ContextLengthError, ImageDecodeError, ImageTokenMismatchError, MissingFileError];

/** What a policy finds wrong with one question, and not with the others; null for any other error. */
export function faultOfQuestion(error: unknown): { error: string; ofQuestion: true } | null {
  return faults.some((kind) => error instanceof kind)
    ? { error: (error as Error).message, ofQuestion: true }
    : null;
}

/** A language model as the one that answers. @param concurrency questions that are under way at a time. Default 4. */
export function modelAnswerer(model: LanguageModel, { concurrency = 4 } = {}): Answerer {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new InvalidOptionError("modelAnswerer: concurrency", concurrency, "an integer from 1");
  return {
    name: model.name,
    takesImages: model.takesImages ?? false,
    batch: 1,
    concurrency,
    answer: (requests, { temperature, maxTokens, seed }, { signal } = {}) =>
      Promise.all(
        requests.map(async ({ messages, position }): Promise<GivenAnswer> => {
          try {
            const { text, reasoning, completionTokens, finishReason } = await model.ask(messages, {
              signal,
              maxTokens,
              temperature,
              // A seed keys one prompt's draws, so each question has its own.
              seed: seed + position,
            });
            return {
              // Where an endpoint sends the reasoning apart, it is put back as the policy would have written it.
              text: reasoning === undefined ? text : `<think>${reasoning}</think>\n${text}`,
              ...(completionTokens !== undefined && { tokens: completionTokens }),
              ...(finishReason !== undefined && { finishReason }),
            };
          } catch (error) {
            if (error instanceof LanguageModelError && !signal?.aborted)
              return { error: error.message, ...(error.ofQuestion && { ofQuestion: true }) };
            throw error;
          }
        }),
      ),
  };
}
