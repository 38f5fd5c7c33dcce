import type { EvalRow, ScoredSample } from "./benchmark.ts";
import { groupBy, type Unit } from "./units.ts";

/** A problem of WeMath with its steps, each asked alone. */
export interface SteppedProblem {
  id: string;
  /** 2 or 3. */
  steps: number;
  stepsRight: readonly boolean[];
  wholeRight: boolean;
}

/** What becomes of a problem: section "strict" of the paper's four-dimensional metrics, or "loose". */
export type Mastery = "IK" | "IG" | "CM" | "RM";

/**
 * Insufficient knowledge: a step and the whole are wrong. Inadequate generalisation: all steps are right, the whole is
 * wrong. The whole is right: rote memorisation where a step is wrong (loose: all of them), complete mastery otherwise.
 */
export function masteryOf({ stepsRight, wholeRight }: SteppedProblem, reading: "strict" | "loose"): Mastery {
  const all = stepsRight.every(Boolean);
  if (!wholeRight) return all ? "IG" : "IK";
  const mastered = reading === "strict" ? all : stepsRight.some(Boolean);
  return mastered ? "CM" : "RM";
}

/** The part of a point that a problem keeps: 1 − ½·IG − RM − IK, of which the score is the mean over all 525. */
export const masteryPoints: Readonly<Record<Mastery, number>> = { IK: 0, IG: 0.5, CM: 1, RM: 0 };

/** Column `key`: "2steps_1", "2steps_2", "2steps_multi", "3steps_1" … */
export const stepKey = /^([23])steps_(?:(\d)|multi)$/;

/** The problem that a row is of or a step of; null for a key of another form. */
export function problemOf({ columns }: EvalRow): string | null {
  const match = stepKey.exec(columns.key ?? "");
  return match && `${match[1]}steps_${columns.ID ?? ""}`;
}

/** The problems whose rows are all there and scored, and the names of those of which some are not. */
export function problemsOf(samples: readonly ScoredSample[]): {
  whole: SteppedProblem[];
  incomplete: string[];
} {
  const known = samples.flatMap((sample) => {
    const [, steps, step]: (string | undefined)[] = stepKey.exec(sample.row.columns.key ?? "") ?? [];
    const id = problemOf(sample.row);
    return id === null ? [] : [{ id, sample, steps: Number(steps), step }];
  });
  const whole: SteppedProblem[] = [];
  const incomplete: string[] = [];
  for (const [id, group] of groupBy(known, (one) => one.id)) {
    const { steps } = group[0];
    const scores = Array.from({ length: steps + 1 }, (_, at) => {
      const step = at < steps ? String(at + 1) : undefined;
      return group.find((one) => one.step === step)?.sample.score.score ?? null;
    });
    if (scores.includes(null)) incomplete.push(id);
    else {
      const right = scores.map((score) => score === 1);
      whole.push({ id, steps, stepsRight: right.slice(0, -1), wholeRight: right[steps] });
    }
  }
  return { whole, incomplete };
}

/** A unit for each problem; the headline is 100 × (N − ½·IG − RM − IK) ÷ N. */
export function problemUnits(problems: readonly SteppedProblem[], reading: "strict" | "loose"): Unit[] {
  return problems.map((problem) => ({
    id: problem.id,
    parts: [[masteryPoints[masteryOf(problem, reading)], 1]],
  }));
}
