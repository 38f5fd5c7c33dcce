import { InvalidOptionError } from "../util/errors.ts";

/** How the learning rate goes on after its warm-up: as it is, in a straight line, or as half a cosine. */
export type ScheduleKind = "constant" | "linear" | "cosine";

export const scheduleKinds: readonly ScheduleKind[] = ["constant", "linear", "cosine"];

export interface ScheduleOptions {
  /** The peak, reached when the warm-up ends. */
  learningRate: number;
  schedule: ScheduleKind;
  warmupSteps: number;
  /** Optimizer steps of the whole run; linear and cosine reach their floor there. */
  totalSteps: number;
  /** The floor as a share of the peak. Default 0. */
  minRatio?: number;
}

/**
 * The learning rate of a 0-based optimizer step: linear warm-up from 0, then constant, linear decay or half a cosine.
 * The formulas of transformers' `get_{constant,linear,cosine}_schedule_with_warmup`, and with `minRatio` of its
 * `cosine_with_min_lr`. As there, step 0 of a warm-up has rate 0.
 * @throws InvalidOptionError for an unknown schedule or a negative number.
 */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { learningRate, schedule, warmupSteps, totalSteps, minRatio = 0 } = options;
  for (const [name, value] of Object.entries({ step, learningRate, warmupSteps, totalSteps, minRatio })) {
    if (!(value >= 0 && value < Infinity))
      throw new InvalidOptionError(`schedule: ${name}`, value, "a finite number of at least 0");
  }
  if (!scheduleKinds.includes(schedule)) {
    throw new InvalidOptionError("schedule", schedule, `one of ${scheduleKinds.join(", ")}`);
  }
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  if (schedule === "constant") return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  const share = schedule === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (minRatio + (1 - minRatio) * share);
}
