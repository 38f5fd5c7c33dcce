/** Which groups teach something: EasyR1's online filtering. */
export interface FilterOptions {
  /** `overall`, the reward itself, or one of its parts, such as `accuracy`. */
  filterKey: string;
  /** A group is kept when its mean is above this … */
  filterLow: number;
  /** … and below this. */
  filterHigh: number;
}

/** A completion's reward: a `RewardResult` is one. */
export interface FilteredReward {
  value: number | null;
  parts: Readonly<Record<string, number>>;
}

/** What becomes of a group: `low` and `high` are dropped for their mean, `none` for having nothing to judge by. */
export type FilterVerdict = "kept" | "low" | "high" | "none";

/**
 * Whether a prompt's completions are trained on: iff filterLow < mean of `filterKey` < filterHigh. The mean is over the
 * completions that have a reward with that part; a group without one is dropped. Yu et al. 2025, arXiv:2503.14476
 * (dynamic sampling).
 *
 * With a reward of 0.7·accuracy + 0.3·format a group that is all wrong but well formed has the mean 0.3: filter by
 * `accuracy` there.
 */
export function filterGroup(
  group: readonly FilteredReward[],
  { filterKey, filterLow, filterHigh }: FilterOptions,
): FilterVerdict {
  const values = group.flatMap((reward) => filteredValue(reward, filterKey) ?? []);
  if (values.length === 0) return "none";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (mean <= filterLow) return "low";
  return mean >= filterHigh ? "high" : "kept";
}

/** What of a reward groups are filtered by; null for an excluded completion, and for one whose reward lacks the part. */
export function filteredValue({ value, parts }: FilteredReward, filterKey: string): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  if (filterKey === "overall") return value;
  const part = Object.hasOwn(parts, filterKey) ? parts[filterKey] : NaN;
  return Number.isFinite(part) ? part : null;
}
