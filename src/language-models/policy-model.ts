import type { Message } from "../data/chat-template.ts";
import type { GenerateOptions, PolicyCompletion } from "../rollout/policy.ts";
import { untilAborted } from "./abort.ts";
import type { AskOptions, LanguageModel, ModelAnswer } from "./language-model.ts";
import { Limiter } from "./limiter.ts";
import { ModelMeter } from "./meter.ts";
import { refuseImages } from "./openai-compatible.ts";
import { ContextLengthError, ImageTokenMismatchError, LanguageModelError } from "../util/errors.ts";

/** The part of a policy that answers; {@link Policy} is one. */
export interface GeneratingPolicy {
  /** Completions of a chat. */
  generate(
    messages: readonly Message[],
    options?: GenerateOptions,
  ): PromiseLike<readonly Pick<PolicyCompletion, "text" | "tokens" | "finishReason">[]>;
}

/** As what a policy answers. */
export interface PolicyModelOptions {
  /** For reports. Default "policy", or "policy without adapter". */
  name?: string;
  /** False: the base that training leaves alone, without the adapter. Default true. */
  adapter?: boolean;
  /** Whether the policy sees. Default true. */
  takesImages?: boolean;
  /** Names the weights for caches. Default null: a policy's answers change as it learns, and are never kept. */
  identity?: string | null;
  /** Most tokens of an answer, whatever is asked for: a small context has no room for more. */
  mostTokens?: number;
}

/** Names a policy for caches. @param weights name of its weights, those of its adapter included. */
export function policyIdentity(weights: string, adapter = true): string {
  return adapter ? weights : JSON.stringify(["without adapter", weights]);
}

/**
 * A loaded policy as a model, one question at a time: it has one device. It is not held to a schema; tokens of the
 * prompt are not told. A seed and a temperature give the same answer again.
 */
export function policyModel(policy: GeneratingPolicy, options: PolicyModelOptions = {}): LanguageModel {
  const { adapter = true, takesImages = true, identity = null, mostTokens = Infinity } = options;
  const limiter = new Limiter(1);
  const meter = new ModelMeter();
  const model: LanguageModel = {
    name: options.name ?? (adapter ? "policy" : "policy without adapter"),
    identity,
    takesImages,
    counters: () => meter.read(),
    ask: (messages, { signal, maxTokens, temperature, seed }: AskOptions = {}) =>
      meter.question(signal, async () => {
        refuseImages(model, messages);
        // The device is busy until the policy itself has stopped; the caller does not wait for that.
        const turn = limiter.run(async () => {
          const begin = performance.now();
          const completions = await policy.generate(messages, {
            adapter,
            signal,
            maxNewTokens: maxTokens === undefined ? undefined : Math.min(maxTokens, mostTokens),
            temperature,
            seed,
          });
          meter.latency(performance.now() - begin);
          return completions;
        }, signal);
        const [completion] = await untilAborted(turn, signal).catch(throwForQuestion);
        const { text, tokens, finishReason } = completion;
        return { text, completionTokens: tokens.length, finishReason } satisfies ModelAnswer;
      }),
  };
  return model;
}

/**
 * A question that the policy cannot take is no reason to ask no others.
 * @throws LanguageModelError for those; any other error as it is.
 */
export function throwForQuestion(error: unknown): never {
  if (error instanceof ContextLengthError || error instanceof ImageTokenMismatchError)
    throw new LanguageModelError(error.message, { cause: error, ofQuestion: true });
  throw error;
}
