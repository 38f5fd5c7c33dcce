import { filteredValue, filterGroup } from "../rl/filter.ts";
import type { FilterVerdict } from "../rl/filter.ts";
import type { RewardResult } from "../rl/reward.ts";
import type { Completion } from "../rollout/engine.ts";
import type { PolicyPrompt } from "../rollout/policy.ts";
import type { TaskExample } from "../tasks/task.ts";
import { InvalidOptionError } from "../util/errors.ts";
import type { GroupRecord, TrainEvent } from "./events.ts";
import type { Recipe } from "./recipe.ts";

/** A prompt with its completions and their rewards. */
export interface RewardedGroup {
  /** `task.example(seed)` gives the example again. */
  seed: number;
  example: TaskExample;
  prompt: PolicyPrompt;
  completions: Completion[];
  texts: string[];
  rewards: RewardResult[];
}

/** What is remembered of a group whether it is kept or not: no images, of which a step may draw very many. */
export type DrawnGroup = Pick<RewardedGroup, "completions" | "rewards"> & { promptTokens: number };

/** What the rounds of a step have brought. */
export interface GatheredGroups {
  /** Those to train on, in the order in which they were drawn. */
  kept: RewardedGroup[];
  /** Those, and the ones that were dropped. */
  all: DrawnGroup[];
  rounds: number;
  /** Groups dropped by verdict, and those that were more than a step takes. */
  dropped: Record<Exclude<FilterVerdict, "kept"> | "excess", number>;
  /** Examples that could not be used, others drawn in their place, and why the first of them could not. */
  skipped: number;
  why?: string;
  timesMs: { rollout: number; reward: number };
}

export function newGathering(): GatheredGroups {
  const dropped = { low: 0, high: 0, none: 0, excess: 0 };
  return { kept: [], all: [], rounds: 0, dropped, skipped: 0, timesMs: { rollout: 0, reward: 0 } };
}

/** Adds a round's groups; with online filtering those that teach nothing are dropped. */
export function gather(gathered: GatheredGroups, groups: readonly RewardedGroup[], recipe: Recipe): void {
  gathered.rounds++;
  gathered.all.push(...groups.map(toDrawn));
  for (const group of groups) {
    const verdict = recipe.onlineFiltering ? filterGroup(group.rewards, recipe) : "kept";
    if (verdict !== "kept") gathered.dropped[verdict]++;
    else if (gathered.kept.length === recipe.promptsPerStep) gathered.dropped.excess++;
    else gathered.kept.push(group);
  }
}

/** Whether a step has its groups, or has tried as often as it may. */
export function isEnough({ kept, rounds }: GatheredGroups, recipe: Recipe): boolean {
  return kept.length >= recipe.promptsPerStep || rounds >= recipe.maxTryMakeBatch;
}

/**
 * What a step that kept nothing may owe to: a round may well lack a part that the next one has.
 * @throws InvalidOptionError when no reward of the step has the part that groups are filtered by.
 */
export function checkFilter({ kept, all }: GatheredGroups, { onlineFiltering, filterKey }: Recipe): void {
  if (!onlineFiltering || kept.length > 0) return;
  const rewards = all.flatMap((group) => group.rewards);
  const rewarded = rewards.filter((reward) => filteredValue(reward, "overall") !== null);
  if (rewarded.length === 0 || rewarded.some((reward) => filteredValue(reward, filterKey) !== null)) return;
  const parts = new Set(rewarded.flatMap((reward) => Object.keys(reward.parts)));
  throw new InvalidOptionError(
    "recipe: filterKey",
    filterKey,
    `overall or a part of the reward: ${parts.size > 0 ? [...parts].join(", ") : "it has none"}`,
  );
}

export function toDrawn({ prompt, completions, rewards }: RewardedGroup): DrawnGroup {
  return { promptTokens: prompt.tokens.length - 1, completions, rewards };
}

/** Prompt and completion tokens. */
export function tokensOf(groups: readonly DrawnGroup[]): number {
  return groups.reduce(
    (sum, { promptTokens, completions }) =>
      completions.reduce((total, { tokens }) => total + tokens.length, sum + promptTokens),
    0,
  );
}

/** @param advantages of the group's completions, and perhaps of others behind them. */
export function toRecord(
  { seed, example, prompt, completions, texts, rewards }: RewardedGroup,
  advantages: ArrayLike<number>,
): GroupRecord {
  const rollouts = completions.map(({ tokens, logps, finishReason }, g) => ({
    text: texts[g],
    tokens,
    logps,
    finishReason,
    reward: rewards[g].value,
    rewardParts: rewards[g].parts,
    advantage: advantages[g],
  }));
  return { exampleId: example.id, seed, prompt: prompt.text, answer: example.answer ?? null, rollouts };
}

/** What a step with too few groups has to say. */
export function* filterWarnings(
  step: number,
  recipe: Recipe,
  { kept, all, rounds, dropped }: GatheredGroups,
): Generator<TrainEvent> {
  if (!recipe.onlineFiltering || kept.length >= recipe.promptsPerStep) return;
  const { filterKey, filterLow, filterHigh } = recipe;
  const reasons = [
    [dropped.low, `at most ${filterLow}`],
    [dropped.high, `at least ${filterHigh}`],
    [dropped.none, "not rewarded"],
  ] as const;
  const why = reasons.flatMap(([count, text]) => (count > 0 ? [`${count} ${text}`] : [])).join(", ");
  const tried = `${all.length} groups in ${rounds} ${rounds === 1 ? "round" : "rounds"}`;
  const outcome =
    kept.length > 0
      ? `only ${kept.length} of the ${recipe.promptsPerStep} wanted were kept, and trained on`
      : "none was kept: the step was left out";
  const key = filterKey === "overall" ? "reward" : filterKey;
  yield {
    type: "warning",
    step,
    code: "online-filtering",
    message: `of ${tried} ${outcome} (mean ${key}: ${why})`,
  };
}
