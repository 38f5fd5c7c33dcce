import type { Message } from "../data/chat-template.ts";
import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { ContextLengthError, ImageDecodeError, ImageTokenMismatchError } from "../util/errors.ts";

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
  policy: Policy;
  data: SftData;
  system?: string;
  /** Examples wanted. */
  count: number;
  /** Longest example in tokens. */
  maxTokens: number;
}

/**
 * Draws the examples of a step from number `begin` on. One that is too long, or whose image is none, is left out and the
 * next is drawn in its place: a data set of many thousands has some, and they are no reason to end a run.
 * @throws ContextLengthError when nearly all are left out
 */
export async function drawExamples(begin: number, options: DrawOptions): Promise<SftBatch> {
  const batch: SftBatch = { examples: [], end: begin, skipped: 0 };
  const limit = 100 + 10 * options.count;
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
      `SFT: ${batch.skipped} of ${batch.skipped + batch.examples.length} demonstrations in a row cannot be used; ` +
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
  const { messages, response } = await data(index);
  const [stop] = policy.model.config.tokens.eos;
  try {
    const target = [...policy.tokenizer.encode(response), stop];
    const example = { prompt: await policy.encode(messages, { system }), target };
    if (tokensOf(example) <= maxTokens) return example;
    return (
      `demonstration ${index}: got ${example.prompt.tokens.length} tokens of the prompt and ${target.length} of the ` +
      `response, expected at most ${maxTokens + 1} together`
    );
  } catch (error) {
    const ofTheExample = [ContextLengthError, ImageDecodeError, ImageTokenMismatchError];
    if (ofTheExample.some((kind) => error instanceof kind))
      return `demonstration ${index}: ${(error as Error).message}`;
    throw error;
  }
}
