import * as v from "valibot";
import { scheduleKinds } from "./schedule.ts";

/** Values that recipes check their options by. */
export const integer = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));
export const positive = v.pipe(v.number(), v.gtValue(0), v.finite());
export const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
export const nonNegative = v.pipe(v.number(), v.minValue(0), v.finite());

/** Learning rate and schedule, AdamW and clipping: what every kind of training has, with TRL's names. */
export const optimizerEntries = (defaultSchedule: (typeof scheduleKinds)[number]) => ({
  learningRate: v.optional(nonNegative, 1e-4),
  schedule: v.optional(v.picklist(scheduleKinds), defaultSchedule),
  warmupSteps: v.optional(integer(0), 0),
  adamBeta1: v.optional(share, 0.9),
  adamBeta2: v.optional(share, 0.999),
  adamEps: v.optional(positive, 1e-8),
  weightDecay: v.optional(nonNegative, 0),
  /** 0: no clipping. */
  maxGradNorm: v.optional(nonNegative, 1),
});
