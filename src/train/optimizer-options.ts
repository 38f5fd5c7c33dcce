import * as v from "valibot";
import { scheduleKinds } from "./schedule.ts";

/** Values that recipes check their options by. */
export const integer = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));
export const positive = v.pipe(v.number(), v.gtValue(0), v.finite());
export const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
export const nonNegative = v.pipe(v.number(), v.minValue(0), v.finite());

/** Learning rate and schedule, AdamW and clipping: what every kind of training has, with TRL's names. */
export const optimizerEntries = (defaultSchedule: (typeof scheduleKinds)[number]) => ({
  /** The highest of the schedule. */
  learningRate: v.optional(nonNegative, 1e-4),
  /** How the learning rate goes on after its warm-up. */
  schedule: v.optional(v.picklist(scheduleKinds), defaultSchedule),
  /** Steps in which the learning rate rises from 0. */
  warmupSteps: v.optional(integer(0), 0),
  /** Memory of the gradient. */
  adamBeta1: v.optional(share, 0.9),
  /** Memory of its square. */
  adamBeta2: v.optional(share, 0.999),
  /** Added to AdamW's denominator. */
  adamEps: v.optional(positive, 1e-8),
  /** Share of a weight, times the learning rate, that each step takes away. */
  weightDecay: v.optional(nonNegative, 0),
  /** A longer gradient is shortened to this; 0: no clipping. */
  maxGradNorm: v.optional(nonNegative, 1),
});
