/**
 * The algorithm alone, `thinktab/rl`: group-relative advantages, the clipped objective with its KL term, rewards and a
 * step's metrics, as plain functions of numbers and text. No GPU, no DOM, nothing asynchronous but a judge's call: they
 * run in a worker, on a server and in a test alike, and serve to check a trainer of one's own.
 * @module thinktab/rl
 */
export { groupAdvantages } from "./advantage.ts";
export type { AdvantageOptions, AdvantageScale, GroupAdvantages } from "./advantage.ts";

export {
  klEstimate,
  klTypes,
  logpDifference,
  lossTypes,
  maxLogRatio,
  objectiveOptions,
  perToken,
  policyObjective,
  sequenceWeights,
  tokenWeights,
} from "./objective.ts";
export type {
  KlType,
  LossType,
  ObjectiveInputs,
  ObjectiveOptions,
  ObjectiveResult,
  WeightOptions,
} from "./objective.ts";

export {
  combineRewards,
  exactAnswerReward,
  normaliseAnswer,
  parseThinkAnswer,
  thinkAnswerFormatReward,
} from "./reward.ts";
export type {
  AsyncReward,
  Completion,
  Example,
  Reward,
  RewardResult,
  TextOptions,
  ThinkAnswer,
} from "./reward.ts";

export { stepMetrics } from "./metrics.ts";
export type { ObjectiveStats, OptimizerReport, StepRecord } from "./metrics.ts";

export { InvalidOptionError, ShapeError, ThinktabError } from "../util/errors.ts";
