import type { TrainEvent } from "./events.ts";

/** What a step that taught nothing has to say. */
export function* stepWarnings(
  step: number,
  optimizer: { skipped: boolean; changed: number },
  {
    advantages,
    zeroStd,
    learningRate,
  }: { advantages: Float64Array; zeroStd: readonly boolean[]; learningRate: number },
): Generator<TrainEvent> {
  const hasAdvantage = advantages.some((advantage) => advantage !== 0);
  if (optimizer.skipped) {
    yield {
      type: "warning",
      step,
      code: "non-finite",
      message: "the gradient was NaN or infinite: the step was left out",
    };
  } else if (!hasAdvantage) {
    const why = zeroStd.every(Boolean)
      ? "in every group all completions got the same reward"
      : "no completion had an advantage over others";
    yield {
      type: "warning",
      step,
      code: "zero-variance",
      message: `${why}: there was nothing to learn from`,
    };
  } else if (optimizer.changed === 0 && learningRate > 0) {
    yield {
      type: "warning",
      step,
      code: "no-weight-changed",
      message: "advantages were not zero, yet no weight changed",
    };
  }
}
