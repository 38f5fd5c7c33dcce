/** A step's groups: how they came out, which are shown, in which order. Pure. */
import type { GroupRecord, RolloutRecord } from "../../workers/client.ts";

/** flat: every sample has the same reward, so that nothing can be learnt from the group. */
export type Outcome = "right" | "mixed" | "wrong";
export const filters = ["all", "right", "mixed", "wrong", "flat"] as const;
export type Filter = (typeof filters)[number];

type Rewarded = Pick<RolloutRecord, "reward" | "rewardParts">;

/** By the part `accuracy`; for a task without it, by a reward of 1 or more. */
export function isRight({ reward, rewardParts }: Rewarded): boolean {
  const { accuracy } = rewardParts as { accuracy?: number };
  return accuracy === undefined ? reward !== null && reward >= 1 : accuracy >= 1;
}

export function outcomeOf({ rollouts }: { rollouts: readonly Rewarded[] }): Outcome {
  const right = rollouts.filter(isRight).length;
  if (right === rollouts.length) return "right";
  return right === 0 ? "wrong" : "mixed";
}

/** Whether all rewards are the same; those of a reward that failed do not count. */
export function isFlat({ rollouts }: { rollouts: readonly Pick<RolloutRecord, "reward">[] }): boolean {
  const rewards = rollouts.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  return rewards.every((reward) => reward === rewards[0]);
}

export function passes(group: Pick<GroupRecord, "rollouts">, filter: Filter): boolean {
  if (filter === "all") return true;
  return filter === "flat" ? isFlat(group) : outcomeOf(group) === filter;
}

/** Groups that each filter lets through. */
export function countsOf(groups: readonly Pick<GroupRecord, "rollouts">[]): Record<Filter, number> {
  const count = (filter: Filter) => groups.filter((group) => passes(group, filter)).length;
  return {
    all: count("all"),
    right: count("right"),
    mixed: count("mixed"),
    wrong: count("wrong"),
    flat: count("flat"),
  };
}

/** The best first; what has no reward last; equals in the order in which they were drawn. */
export function byReward<R extends Pick<RolloutRecord, "reward">>(rollouts: readonly R[]): R[] {
  return [...rollouts].sort((a, b) => (b.reward ?? -Infinity) - (a.reward ?? -Infinity) || 0);
}

/** Mean reward of those that have one; null when none has. */
export function meanReward(groups: readonly Pick<GroupRecord, "rollouts">[]): number | null {
  const rewards = groups.flatMap(({ rollouts }) =>
    rollouts.flatMap(({ reward }) => (reward === null ? [] : [reward])),
  );
  return rewards.length === 0 ? null : rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
}

/** The user's words of a rendered prompt, without the template around them. */
export function questionOf(prompt: string): string {
  const user = /<\|im_start\|>user\s([\s\S]*?)<\|im_end\|>/.exec(prompt)?.[1] ?? prompt;
  return user.replace(/<\|[^|]*\|>/g, "").trim();
}

/** Log-probs now minus those when the tokens were drawn; null where either is missing. */
export function changeOf(now: ArrayLike<number>, then: readonly number[]): (number | null)[] {
  return Array.from({ length: now.length }, (_, i) => {
    const change = now[i] - (then[i] ?? NaN);
    return Number.isFinite(change) ? change : null;
  });
}

/** In the words of a screen and a screen reader. */
export const outcomeWords: Readonly<Record<Outcome, string>> = {
  right: "all right",
  mixed: "mixed",
  wrong: "all wrong",
};
