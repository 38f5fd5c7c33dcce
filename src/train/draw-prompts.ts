import type { Policy, PolicyPrompt } from "../rollout/policy.ts";
import { roundStart, type Task, type TaskExample } from "../tasks/task.ts";
import { ContextLengthError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import type { Recipe } from "./recipe.ts";
import { isOfExample, mostLeftOut } from "./unusable.ts";

/** The examples of a round and their prompts. */
export interface DrawnPrompts {
  /** `task.example(seed)` gives the example again. */
  seeds: number[];
  examples: TaskExample[];
  prompts: PolicyPrompt[];
  /** Examples that were left out on the way, and why the first of them was. */
  skipped: number;
  why?: string;
}

export interface DrawPromptsOptions {
  policy: Pick<Policy, "encode"> & { model: { config: { text: { maxPositionEmbeddings: number } } } };
  task: Pick<Task, "example" | "sizes">;
  recipe: Pick<Recipe, "seed" | "promptsPerStep" | "maxCompletionLength" | "system">;
  signal?: AbortSignal;
}

/** Streams of a run's seed: of the order of examples, and of those that are drawn in the place of others. */
const streams = { examples: 0x7261_696e, spare: 0x7370_6172 };

/**
 * Draws the examples of a round: a pure function of seed and round. Where there are only so many, each comes once before
 * any comes again. One that is too long for the context together with
 * a completion, or whose image is none or missing, is left out and another drawn in its place.
 * @throws ContextLengthError when nearly all are left out
 */
export async function drawPrompts(round: number, options: DrawPromptsOptions): Promise<DrawnPrompts> {
  const { recipe, task } = options;
  const limit = mostLeftOut(recipe.promptsPerStep);
  const seeds = seedsOf(round, options);
  const { sizes } = task;
  // The seeds of the next round follow in that stream, so those in the place of others come from one of their own.
  const spare = new Rng(recipe.seed, streams.spare, round * limit);
  const other = () =>
    sizes ? roundStart(seeds[0], task) + (spare.uint32() % Math.max(1, sizes.train)) : spare.uint32();
  const load = (seed: number) => orWhyNot(async () => task.example(seed));
  const first = await Promise.all(seeds.map(load));
  const drawn: DrawnPrompts = { seeds: [], examples: [], prompts: [], skipped: 0 };
  for (const [i, wanted] of seeds.entries()) {
    let seed = wanted;
    let made = await withPrompt(first[i], options);
    while (made instanceof Error) {
      drawn.skipped++;
      drawn.why ??= made.message;
      if (drawn.skipped >= limit) {
        throw new ContextLengthError(
          `GRPO: ${drawn.skipped} of ${drawn.skipped + drawn.prompts.length} examples cannot be used; ` +
            `the first: ${drawn.why}`,
        );
      }
      seed = other();
      made = await withPrompt(await load(seed), options);
    }
    drawn.seeds.push(seed);
    drawn.examples.push(made.example);
    drawn.prompts.push(made.prompt);
  }
  return drawn;
}

function seedsOf(round: number, { recipe, task }: DrawPromptsOptions): number[] {
  const { seed, promptsPerStep } = recipe;
  if (task.sizes) {
    const first = roundStart(new Rng(seed, streams.examples).uint32(), task) + round * promptsPerStep;
    return Array.from({ length: promptsPerStep }, (_, i) => first + i);
  }
  const random = new Rng(seed, streams.examples, round * promptsPerStep);
  return Array.from({ length: promptsPerStep }, () => random.uint32());
}

/** The example with its prompt, or why it cannot be used. */
async function withPrompt(
  example: TaskExample | Error,
  { policy, recipe, signal }: DrawPromptsOptions,
): Promise<{ example: TaskExample; prompt: PolicyPrompt } | Error> {
  if (example instanceof Error) return example;
  return orWhyNot(async () => {
    const prompt = await policy.encode(example.messages, { system: recipe.system ?? undefined, signal });
    const { maxPositionEmbeddings } = policy.model.config.text;
    const { length } = prompt.tokens;
    if (length + recipe.maxCompletionLength <= maxPositionEmbeddings) return { example, prompt };
    throw new ContextLengthError(
      `${example.id}: its prompt has ${length} tokens, with ${recipe.maxCompletionLength} new ones that is more than ` +
        `the context of ${maxPositionEmbeddings}`,
    );
  });
}

/** What is made, or the error of an example that cannot be used. */
async function orWhyNot<T>(make: () => Promise<T>): Promise<T | Error> {
  try {
    return await make();
  } catch (error) {
    if (isOfExample(error)) return error;
    throw error;
  }
}
