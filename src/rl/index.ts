/**
 * The algorithm alone, `thinktab/rl`: advantages, which groups teach something, the clipped objective with its KL term, rewards and a
 * step's metrics, as plain functions of numbers and text. No GPU, no DOM, nothing asynchronous but a judge's call and
 * the loading of what reads LaTeX: they run in a worker, on a server and in a test alike, and serve to check a trainer of
 * one's own.
 * @module thinktab/rl
 */
export { advantageEstimators, groupAdvantages } from "./advantage.ts";
export type {
  AdvantageEstimator,
  AdvantageOptions,
  AdvantageScale,
  GroupAdvantages,
  GroupEstimator,
} from "./advantage.ts";
export { returnAdvantages, tokenRewards } from "./returns.ts";
export type { ReturnOptions, TokenRewardInputs, TokenRewards } from "./returns.ts";
export { filterGroup } from "./filter.ts";
export type { FilteredReward, FilterOptions, FilterVerdict } from "./filter.ts";

export { klEstimate, klTypes, maxLogRatio } from "./kl.ts";
export type { KlType } from "./kl.ts";
export { adaptKlCoef } from "./kl-control.ts";
export type { KlControlOptions } from "./kl-control.ts";
export {
  importanceSamplingLevels,
  lossAverages,
  lossForm,
  lossForms,
  lossTypes,
  objectiveDefaults,
  objectiveOptions,
} from "./loss-types.ts";
export type {
  ImportanceSamplingLevel,
  LossAverage,
  LossForm,
  LossType,
  ObjectiveOptions,
  Surrogate,
} from "./loss-types.ts";
export { perToken, sequenceWeights, tokenWeights } from "./loss-weights.ts";
export type { WeightOptions } from "./loss-weights.ts";
export { logpDifference, policyObjective } from "./objective.ts";
export type { ObjectiveInputs, ObjectiveResult } from "./objective.ts";

export { evaluateObjective } from "./user-objective.ts";
export type { ObjectiveBatch, ObjectiveGradient, UserObjective } from "./user-objective.ts";

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

export { explainReward } from "./explain-reward.ts";
export type { ExplainedPart, RewardExplanation } from "./explain-reward.ts";
export { formatReadings, hybridReward, readFormat } from "./hybrid-reward.ts";
export type {
  FormatReading,
  HybridExample,
  HybridResult,
  HybridReward,
  HybridRewardOptions,
  JudgeAnswer,
  JudgeImage,
  JudgeRequest,
  RuleLimit,
} from "./hybrid-reward.ts";

export { chooseVerifier, verifierNames } from "./verifiers/choose.ts";
export type { VerifierChoice, VerifierName } from "./verifiers/choose.ts";
export { verifyFillInBlank } from "./verifiers/fill-in-blank.ts";
export { iou, parseBoxes, verifyIou } from "./verifiers/iou.ts";
export type { Box, IouOptions } from "./verifiers/iou.ts";
export { loadMathEngine } from "./verifiers/math-engine.ts";
export type { MathEngine, MathJson } from "./verifiers/math-engine.ts";
export { verifyMath } from "./verifiers/math.ts";
export { extractChoice, parseOptions, verifyMultipleChoice } from "./verifiers/multiple-choice.ts";
export type { Choice, Options } from "./verifiers/multiple-choice.ts";
export { parseNumber, verifyNumber } from "./verifiers/number.ts";
export type { NumberOptions, ParsedNumber } from "./verifiers/number.ts";
export { parseSet, verifySet } from "./verifiers/set.ts";
export type { SetOptions } from "./verifiers/set.ts";
export { extractAnswer, verifierKinds } from "./verifiers/verdict.ts";
export type {
  AnswerReading,
  ExtractedAnswer,
  Verdict,
  VerifierInput,
  VerifierKind,
} from "./verifiers/verdict.ts";
export { extractYesNo, verifyYesNo } from "./verifiers/yes-no.ts";

export { easyR1Math, easyR1MathFormat, easyR1R1v, easyR1R1vFormat } from "./easyr1.ts";
export type { EasyR1Options, EasyR1Score } from "./easyr1.ts";
export { gradeAnswer, lastBoxed } from "./math-ruler/grade-answer.ts";

export { stepMetrics } from "./metrics.ts";
export type { ObjectiveStats, OptimizerReport, StepRecord } from "./metrics.ts";

export { InvalidOptionError, NonFiniteError, ShapeError, ThinktabError } from "../util/errors.ts";
