import { parseThinkAnswer } from "../rl/reward.ts";
import type { Completion, RewardResult } from "../rl/reward.ts";
import type { RolloutEngine } from "../rollout/engine.ts";
import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import type { Split, Task, TaskExample } from "../tasks/task.ts";
import { InvalidOptionError } from "../util/errors.ts";

/** What is asked in an evaluation, and how. */
export interface EvaluateOptions {
  /** Where the examples come from. Default "test". */
  split?: Split;
  /** Examples: those of seeds `seed` … `seed + count − 1`. Default 512; fewer where the split has fewer. */
  count?: number;
  /** Default 0. */
  seed?: number;
  /** Prompts answered in one run of the engine. Does not change the result. Default 64. */
  batch?: number;
  /** Text every answer begins with, which forces a mode: "<think>" or "<answer>". The reward sees it too. */
  prefill?: string;
  /** False: the base, without the adapter. Default true. */
  adapter?: boolean;
  /** Most tokens of an answer, without the prefill. Default 48. */
  maxNewTokens?: number;
  /** Put before each chat as a system turn. */
  system?: string;
  /**
   * Computes the rewards elsewhere, such as in a worker, where one that hangs or throws loses its own verdict: that
   * answer then counts as not right. Default: the task's own, here.
   */
  scorer?: (
    completions: readonly (Completion & { tokens: number[] })[],
    examples: readonly TaskExample[],
  ) => Promise<RewardResult[]>;
  signal?: AbortSignal;
  /** Examples answered, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** A share of right answers. */
export interface Proportion {
  accuracy: number;
  count: number;
  /** 95%, see Wilson's score interval. */
  interval: [low: number, high: number];
}

/** What an evaluation comes to: the part that run records keep. */
export interface EvaluationSummary extends Proportion {
  /** By the kind of question, in alphabetical order; empty for a task without kinds. */
  byKind: Record<string, Proportion>;
  /** Share of the answers that think first. */
  thinking: number;
  /** Tokens of an answer, without the prefill. */
  meanLength: number;
  /** Mean of each part of the reward over the examples that have it. */
  parts: Record<string, number>;
}

/** A held-out example and how it was answered. */
export interface EvaluatedExample {
  id: string;
  kind: string | null;
  /** The chat as the policy read it, placeholders of images included. */
  prompt: string;
  /** The gold answer. */
  answer: string | null;
  /** What the policy wrote, the prefill included. */
  text: string;
  correct: boolean;
  thinking: boolean;
  /** Tokens, without the prefill. */
  length: number;
}

export interface Evaluation extends EvaluationSummary {
  results: EvaluatedExample[];
}

/**
 * Greedy answers to held-out examples, and how many of them are right: those whose reward has part `accuracy` 1, or,
 * for a task without that part, whose reward is at least 1. The same policy, task and options give the same result.
 * @throws InvalidOptionError for a count or batch that is no positive integer.
 */
export async function evaluate(
  policy: Policy,
  task: Task,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const steps = evaluateSteps(policy, task, options);
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
    options.onProgress?.(next.value.done, next.value.total);
  }
}

/** {@link evaluate} a batch at a time: yields how far it is and returns the result. */
export async function* evaluateSteps(
  policy: Policy,
  task: Task,
  options: EvaluateOptions = {},
): AsyncGenerator<{ done: number; total: number }, Evaluation, void> {
  const { batch = 64, signal } = options;
  const count = evaluatedCount(task, options);
  for (const [name, value] of Object.entries({ count, batch })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new InvalidOptionError(`evaluation: ${name}`, value, "a positive integer");
  }
  const results: EvaluatedExample[] = [];
  const parts = new Map<string, number[]>();
  for (let begin = 0; begin < count; begin += batch) {
    const examples = await examplesFrom(begin, task, options);
    yield { done: begin, total: count };
    signal?.throwIfAborted();
    for (const { reward, ...result } of await answer(policy, task, examples, options)) {
      results.push(result);
      for (const [name, value] of Object.entries(reward.parts)) {
        parts.set(name, [...(parts.get(name) ?? []), value]);
      }
    }
  }
  yield { done: count, total: count };
  return { ...summarise(results, parts), results };
}

/** How many examples an evaluation asks: as many as it is told to, and each example of a small set only once. */
export function evaluatedCount(task: Task, { split = "test", count = 512 }: EvaluateOptions = {}): number {
  const size = task.sizes?.[split] ?? Infinity;
  // A split without any says so itself, when it is asked for an example.
  return size > 0 ? Math.min(count, size) : count;
}

/** An evaluation without its examples. */
export function summaryOf(evaluation: Evaluation): EvaluationSummary {
  const { accuracy, count, interval, byKind, thinking, meanLength, parts } = evaluation;
  return { accuracy, count, interval, byKind, thinking, meanLength, parts };
}

/**
 * Makes the room on the GPU that an evaluation with these options takes, without running it: a plan of memory made
 * afterwards counts it in. Later batches of longer prompts may still take more.
 */
export async function reserveEvaluation(
  policy: Policy,
  task: Task,
  options: EvaluateOptions = {},
): Promise<void> {
  await prepare(policy, await examplesFrom(0, task, options), options);
}

/** The examples of a batch. */
async function examplesFrom(
  begin: number,
  task: Task,
  { split = "test", seed = 0, batch = 64, ...options }: EvaluateOptions,
): Promise<TaskExample[]> {
  const count = evaluatedCount(task, { split, ...options });
  const numbers = Array.from({ length: Math.min(batch, count - begin) }, (_, i) => seed + begin + i);
  return Promise.all(numbers.map(async (number) => task.example(number, split)));
}

async function prepare(
  policy: Policy,
  examples: readonly TaskExample[],
  { prefill, maxNewTokens = 48, system, signal }: EvaluateOptions,
): Promise<{ prompts: PolicyPrompt[]; engine: RolloutEngine }> {
  const prompts: PolicyPrompt[] = [];
  for (const { messages } of examples)
    prompts.push(await policy.encode(messages, { system, prefill, signal }));
  await policy.reserveImages(prompts);
  const engine = await policy.engine({
    batch: prompts.length,
    prefixTokens: prompts.reduce((sum, { tokens }) => sum + tokens.length - 1, 0),
    maxNewTokens,
  });
  return { prompts, engine };
}

async function answer(
  policy: Policy,
  task: Task,
  examples: readonly TaskExample[],
  options: EvaluateOptions,
): Promise<(EvaluatedExample & { reward: RewardResult })[]> {
  const { prefill = "", adapter, maxNewTokens = 48, signal } = options;
  const { prompts, engine } = await prepare(policy, examples, options);
  const placed = policy.place(prompts);
  const completions = await engine.complete(
    placed.map((prompt) => ({ prompt, n: 1 })),
    { temperature: 0, maxNewTokens, adapter, signal },
  );
  const answers = completions.map(([{ tokens, finishReason }]) => {
    return { text: prefill + policy.tokenizer.decode(tokens, { skipSpecial: true }), tokens, finishReason };
  });
  const inline = () => Promise.all(examples.map(async (example, i) => task.reward(answers[i], example)));
  const rewards = await (options.scorer?.(answers, examples) ?? inline());
  return examples.map((example, i) => {
    const { text, tokens } = answers[i];
    const reward = rewards[i];
    const { accuracy, thinking } = reward.parts as Partial<Record<string, number>>;
    return {
      id: example.id,
      kind: typeof example.kind === "string" ? example.kind : null,
      prompt: prompts[i].text,
      answer: example.answer ?? null,
      text,
      correct: (accuracy ?? reward.value ?? 0) >= 1,
      thinking: thinking === undefined ? parseThinkAnswer(text).think !== null : thinking >= 1,
      length: tokens.length,
      reward,
    };
  });
}

function summarise(
  results: readonly EvaluatedExample[],
  parts: ReadonlyMap<string, readonly number[]>,
): EvaluationSummary {
  const kinds = [...new Set(results.flatMap(({ kind }) => (kind === null ? [] : [kind])))].sort();
  return {
    ...proportion(results),
    byKind: Object.fromEntries(
      kinds.map((kind) => [kind, proportion(results.filter((result) => result.kind === kind))]),
    ),
    thinking: mean(results.map(({ thinking }) => Number(thinking))),
    meanLength: mean(results.map(({ length }) => length)),
    parts: Object.fromEntries([...parts].map(([name, values]) => [name, mean(values)])),
  };
}

function proportion(results: readonly EvaluatedExample[]): Proportion {
  const right = results.filter(({ correct }) => correct).length;
  const count = results.length;
  return { accuracy: right / count, count, interval: wilsonInterval(right, count) };
}

/** The 97.5th percentile of the normal distribution. */
const z = 1.959963984540054;

/**
 * The 95% score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953), without continuity
 * correction. Stays within [0, 1] and is right for few examples and for shares near 0 or 1; [0, 1] for none at all.
 */
export function wilsonInterval(successes: number, count: number): [low: number, high: number] {
  if (count === 0) return [0, 1];
  const share = successes / count;
  const centre = share + z ** 2 / (2 * count);
  const spread = z * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  const whole = 1 + z ** 2 / count;
  return [
    successes === 0 ? 0 : (centre - spread) / whole,
    successes === count ? 1 : (centre + spread) / whole,
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
