import type { Message } from "../data/chat-template.ts";
import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { ContextLengthError } from "../util/errors.ts";
import { isOfExample, mostLeftOut } from "./unusable.ts";

/** A chat and what the policy should answer. The stop token is put behind the response. */
export interface SftExample {
  messages: Message[];
  response: string;
}

/** Example number `index` of a run: a pure function, so that a run that is resumed or repeated sees the same data. */
export type SftData = (index: number) => SftExample | Promise<SftExample>;

export interface TokenizedExample {
  prompt: PolicyPrompt;
  target: number[];
}

/** Tokens that an example takes in a micro-batch. */
export function tokensOf({ prompt, target }: TokenizedExample): number {
  return prompt.tokens.length - 1 + target.length;
}

/** The examples of a step. */
export interface SftBatch {
  examples: TokenizedExample[];
  /** The number of the example behind the last that was drawn. */
  end: number;
  /** Those that were left out on the way, and why the first of them was. */
  skipped: number;
  why?: string;
}

export interface DrawOptions {
  policy: Pick<Policy, "encode"> & {
    tokenizer: Pick<Policy["tokenizer"], "encode">;
    model: { config: { tokens: { eos: readonly number[] } } };
  };
  data: SftData;
  system?: string;
  /** Examples wanted. */
  count: number;
  /** Longest example in tokens. */
  maxTokens: number;
}

/**
 * Draws the examples of a step from number `begin` on. One that is too long, or whose image is none or missing, is left out and the
 * next is drawn in its place: a data set of many thousands has some, and they are no reason to end a run.
 * @throws ContextLengthError when nearly all are left out
 */
export async function drawExamples(begin: number, options: DrawOptions): Promise<SftBatch> {
  const batch: SftBatch = { examples: [], end: begin, skipped: 0 };
  const limit = mostLeftOut(options.count);
  while (batch.examples.length < options.count) {
    const index = batch.end++;
    const example = await tokenized(index, options);
    if (typeof example !== "string") {
      batch.examples.push(example);
      continue;
    }
    batch.skipped++;
    batch.why ??= example;
    if (batch.skipped < limit) continue;
    throw new ContextLengthError(
      `SFT: ${batch.skipped} of ${batch.skipped + batch.examples.length} demonstrations cannot be used; ` +
        `the first: ${batch.why}`,
    );
  }
  return batch;
}

/** An example, or why it cannot be used. */
async function tokenized(
  index: number,
  { policy, data, system, maxTokens }: DrawOptions,
): Promise<TokenizedExample | string> {
  const [stop] = policy.model.config.tokens.eos;
  try {
    const { messages, response } = await data(index);
    const target = [...policy.tokenizer.encode(response), stop];
    const example = { prompt: await policy.encode(messages, { system }), target };
    if (tokensOf(example) <= maxTokens) return example;
    return (
      `demonstration ${index}: got ${example.prompt.tokens.length} tokens of the prompt and ${target.length} of the ` +
      `response, expected at most ${maxTokens + 1} together`
    );
  } catch (error) {
    if (isOfExample(error)) return `demonstration ${index}: ${error.message}`;
    throw error;
  }
}
