import { describe, expect, test } from "vitest";
import { learningRateAt } from "../../src/train/schedule.ts";
import type { ScheduleKind } from "../../src/train/schedule.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const rates = (schedule: ScheduleKind, warmupSteps: number, minRatio = 0) =>
  [0, 1, 2, 5, 8, 10, 12].map((step) =>
    learningRateAt(step, { learningRate: 2, schedule, warmupSteps, totalSteps: 10, minRatio }),
  );

describe("learningRateAt", () => {
  test("warms up linearly from zero, then stays, falls to zero, or follows half a cosine", () => {
    expect(rates("constant", 2)).toEqual([0, 1, 2, 2, 2, 2, 2]);
    expect(rates("linear", 2)).toEqual([0, 1, 2, 1.25, 0.5, 0, 0]);
    const cosine = (progress: number) => 1 + Math.cos(Math.PI * progress);
    rates("cosine", 2).forEach((rate, i) =>
      expect(rate).toBeCloseTo([0, 1, 2, cosine(3 / 8), cosine(6 / 8), 0, 0][i], 12),
    );
  });
  test("without a warm-up the first step has the full rate; a floor holds", () => {
    expect(rates("linear", 0)[0]).toBe(2);
    expect(rates("cosine", 0, 0.1)[5]).toBeCloseTo(0.2, 12);
    expect(rates("linear", 0, 0.5)[6]).toBe(1);
  });
  test("refuses nonsense", () => {
    const good = { learningRate: 1, schedule: "linear" as const, warmupSteps: 0, totalSteps: 5 };
    expect(() => learningRateAt(-1, good)).toThrow(InvalidOptionError);
    expect(() => learningRateAt(0, { ...good, learningRate: NaN })).toThrow(InvalidOptionError);
    expect(() => learningRateAt(0, { ...good, schedule: "step" as "linear" })).toThrow(
      /constant, linear, cosine/,
    );
  });
});
