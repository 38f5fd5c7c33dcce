/** Held-out examples of which the answer went from wrong to right, or back. */
import type { EvaluatedExample } from "../../workers/client.ts";

export type Direction = "gained" | "lost";

export interface Change {
  direction: Direction;
  /** Of the example within its split: an evaluation asks those of seeds 0, 1, 2, … */
  seed: number;
  before: EvaluatedExample;
  after: EvaluatedExample;
}

/** In the order of the evaluation. Examples that only one of the two has are left out. */
export function changesOf(before: readonly EvaluatedExample[], after: readonly EvaluatedExample[]): Change[] {
  const earlier = new Map(before.map((example) => [example.id, example]));
  return after.flatMap((now, seed): Change[] => {
    const then = earlier.get(now.id);
    if (!then || then.correct === now.correct) return [];
    return [{ direction: now.correct ? "gained" : "lost", seed, before: then, after: now }];
  });
}
