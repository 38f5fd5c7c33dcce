import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { faultOfQuestion, type Answerer, type AnswerRequest, type GivenAnswer } from "./runs/answerer.ts";

/** Of {@link policyAnswerer}. */
export interface PolicyAnswererOptions {
  /** For reports. Default "policy", or "policy without adapter". */
  name?: string;
  /** Questions answered in one run of the engine. Default 8. */
  batch?: number;
  /** False: the base, without the adapter. Default true. */
  adapter?: boolean;
}

/**
 * A loaded policy as the one that answers, several questions at a time. A question whose image cannot be decoded, or
 * that does not fit the context, stays unanswered; the others of its batch are answered.
 * @throws InvalidOptionError for a batch that is no positive integer.
 */
export function policyAnswerer(policy: Policy, options: PolicyAnswererOptions = {}): Answerer {
  const { batch = 8, adapter = true } = options;
  if (!Number.isInteger(batch) || batch < 1)
    throw new InvalidOptionError("policyAnswerer: batch", batch, "an integer from 1");
  return {
    name: options.name ?? (adapter ? "policy" : "policy without adapter"),
    takesImages: policy.model.vision !== undefined,
    batch,
    concurrency: 1,
    async answer(requests, { maxTokens, ...sampling }, { signal } = {}) {
      const answers: GivenAnswer[] = requests.map(() => ({ error: "not asked" }));
      const asked: { index: number; prompt: PolicyPrompt }[] = [];
      for (const [index, request] of requests.entries()) {
        const prompt = await encode(policy, request, maxTokens, signal);
        if ("error" in prompt) answers[index] = prompt;
        else asked.push({ index, prompt });
      }
      if (asked.length === 0) return answers;
      const prompts = asked.map(({ prompt }) => prompt);
      await policy.reserveImages(prompts);
      const engine = await policy.engine({
        batch: asked.length,
        prefixTokens: prompts.reduce((sum, { tokens }) => sum + tokens.length - 1, 0),
        maxNewTokens: maxTokens,
      });
      const placed = policy.place(prompts);
      const completions = await engine.complete(
        placed.map((prompt, i) => ({ prompt, n: 1, sequence: requests[asked[i].index].position })),
        { ...sampling, maxNewTokens: maxTokens, adapter, signal },
      );
      for (const [i, [{ tokens, finishReason }]] of completions.entries()) {
        const text = policy.tokenizer.decode(tokens, { skipSpecial: true });
        answers[asked[i].index] = { text, tokens: tokens.length, finishReason };
      }
      return answers;
    },
  };
}

async function encode(
  policy: Policy,
  { messages }: AnswerRequest,
  maxTokens: number,
  signal: AbortSignal | undefined,
): Promise<PolicyPrompt | { error: string; ofQuestion: boolean }> {
  try {
    const prompt = await policy.encode(messages, { signal });
    const context = policy.model.config.text.maxPositionEmbeddings;
    const length = prompt.tokens.length + maxTokens;
    if (length <= context) return prompt;
    const error = `the prompt of ${prompt.tokens.length} tokens and an answer of ${maxTokens} do not fit the context of ${context}`;
    return { error, ofQuestion: true };
  } catch (error) {
    const fault = faultOfQuestion(error);
    if (fault) return fault;
    throw error;
  }
}
