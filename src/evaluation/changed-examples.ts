import type { EvaluatedExample } from "./accuracy.ts";

/** An example of which the answer changed. */
export interface ChangedExample {
  before: EvaluatedExample;
  after: EvaluatedExample;
}

/**
 * Examples answered wrong before and right after, of different kinds of question as long as there are some, and how
 * many went either way.
 */
export function changedExamples(
  before: readonly EvaluatedExample[],
  after: readonly EvaluatedExample[],
  most = 3,
): { improved: number; worsened: number; shown: ChangedExample[] } {
  const old = new Map(before.map((example) => [example.id, example]));
  const pairs = after.flatMap((now): ChangedExample[] => {
    const then = old.get(now.id);
    return then ? [{ before: then, after: now }] : [];
  });
  const improved = pairs.filter(({ before, after }) => !before.correct && after.correct);
  const worsened = pairs.filter(({ before, after }) => before.correct && !after.correct).length;
  const seen = new Set<string | null>();
  const first = improved.filter(({ after: { kind } }) => !seen.has(kind) && seen.add(kind));
  const others = improved.filter((pair) => !first.includes(pair));
  return { improved: improved.length, worsened, shown: [...first, ...others].slice(0, most) };
}
