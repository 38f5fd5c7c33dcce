/** Two evaluations side by side, in sentences. Pure. */
import type { EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import { showSigned } from "../components/format.ts";

export interface ComparisonWords {
  /** What the interval says. */
  verdict: string;
  sentences: string[];
}

/** @param other what the other run's file is called. */
export function comparisonWords(comparison: EvaluationComparison): ComparisonWords {
  const { headline, a, b, better, difference, interval, samples, units, resamples } = comparison;
  const digits = headline.unit === "%" ? 1 : 0;
  const unit = headline.unit === "%" ? " points" : " of 1000";
  const sentences = [
    `${headline.name}: this run ${figure(a.value, digits)}, the other ${figure(b.value, digits)}, over the ${count(samples, "answer")} that both have.`,
    `The other one scores more in ${better.b} of ${count(units, "unit")}, this run in ${better.a}; they score the same in ${better.same}.`,
  ];
  if (difference !== null && interval !== null) {
    const [low, high] = interval.map((end) => showSigned(end, digits));
    sentences.push(
      `The other less this: ${showSigned(difference, digits)}${unit}; 95% of ${resamples} draws of the same questions for both lie between ${low} and ${high}.`,
    );
  }
  const only = [
    ...(a.only > 0 ? [`${count(a.only, "answer")} of this run alone`] : []),
    ...(b.only > 0 ? [`${count(b.only, "answer")} of the other alone`] : []),
    ...(a.leftOut + b.leftOut > 0 ? [`${count(a.leftOut + b.leftOut, "answer")} without a score`] : []),
  ];
  if (only.length > 0) sentences.push(`Not in it: ${only.join(", ")}.`);
  return { verdict: verdictOf(comparison), sentences };
}

function verdictOf({ difference, interval }: EvaluationComparison): string {
  if (difference === null || interval === null)
    return "There is too little in common to tell the runs apart.";
  const [low, high] = interval;
  if (low > 0) return "The other run is better: the interval is above 0.";
  if (high < 0) return "This run is better: the interval is below 0.";
  return "This does not tell the runs apart: the interval holds 0.";
}

function figure(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits);
}

function count(of: number, what: string): string {
  return `${of.toLocaleString("en")} ${what}${of === 1 ? "" : "s"}`;
}
