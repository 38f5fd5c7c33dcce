/**
 * The engine itself, `thinktab/engine`: a vision-language policy that generates, is rewarded and takes GRPO steps on
 * WebGPU, in a browser or in Node. This runs in the thread that imports it; `thinktab` runs the same in a worker,
 * `thinktab/node` adds Dawn and folders on disk.
 * @module thinktab/engine
 */

// Device and memory
export { Device } from "./gpu/device.ts";
export type { DeviceInfo, DeviceOptions } from "./gpu/device.ts";
export { formatBudget } from "./gpu/plan.ts";
export type { MemoryPlan } from "./gpu/plan.ts";
export { selfTest } from "./self-test/self-test.ts";
export type { SelfTestResult } from "./self-test/self-test.ts";

// Models and policies
export { Policy } from "./rollout/policy.ts";
export type { GenerateOptions, PolicyCompletion, PolicyPrompt, TextDelta } from "./rollout/policy.ts";
export type { ImageAttention, InspectOptions, Inspection } from "./rollout/inspect.ts";
export type { SamplingOptions } from "./rollout/options.ts";
export type { Seed } from "./util/rng.ts";
export { Model } from "./models/model.ts";
export type { LoraOptions, ModelOptions } from "./models/model.ts";
export { parseModelConfig, readModelConfig, SUPPORTED_ARCHITECTURES } from "./models/config.ts";
export type { Architecture, ModelConfig, SpecialTokens, TextConfig, VisionConfig } from "./models/config.ts";
export { exportWeights } from "./models/export-weights.ts";
export { quantizeTensors } from "./models/quantize-tensors.ts";
export type { Quantization, QuantizedAs } from "./storage/mlx.ts";
export type { QuantizeOptions } from "./models/quantize-tensors.ts";
export { tinyPolicySource } from "./models/tiny-policy.ts";
export type { WeightFormat } from "./kernels/weight.ts";

// Chats and images
export type { ContentPart, ImagePart, ImageUrlPart, Message, TextPart } from "./data/chat-template.ts";
export type { DecodeOptions, Detokenizer, Tokenizer } from "./data/tokenizer.ts";
export { decodeImage } from "./data/decode-image.ts";
export type { DecodeImageOptions, ImageInput } from "./data/decode-image.ts";
export type { RgbImage } from "./data/image.ts";
export {
  identifySystemPrompt,
  REASONING_SYSTEM_PROMPT,
  WETHINK_PROMPT_SHA256,
} from "./data/system-prompt.ts";
export type { SystemPromptIdentity, SystemPromptKind } from "./data/system-prompt.ts";

// Tasks and rewards
export type { DemonstrationMode, Split, Task, TaskExample, TaughtTask } from "./tasks/task.ts";
export { createTask, taskNames } from "./tasks/registry.ts";
export { loadTask } from "./tasks/load.ts";
export type { LoadTaskOptions } from "./tasks/load.ts";
export { openRecords } from "./tasks/records.ts";
export type {
  RecordExample,
  RecordsHost,
  RecordsOptions,
  RecordsReport,
  RecordsTask,
} from "./tasks/records.ts";
export { recordReward } from "./tasks/record-reward.ts";
export type { OwnResult, OwnReward, RecordRewardOptions, RewardServices } from "./tasks/record-reward.ts";
export type { NamedFile, NamedFiles } from "./data/open-files.ts";
export type { TaskSpec } from "./tasks/registry.ts";
export { digitsTask } from "./tasks/digits.ts";
export type { Digit, DigitsExample, DigitsKind, DigitsOptions } from "./tasks/digits.ts";
export type { InCell, Place } from "./tasks/grid.ts";
export { examplesTask } from "./tasks/examples.ts";
export type { ExamplesOptions, OwnExample } from "./tasks/examples.ts";
export { letterShareTask } from "./tasks/letter-share.ts";
export type { LetterShareExample } from "./tasks/letter-share.ts";
export { shapesTask } from "./tasks/shapes.ts";
export type {
  Difficulty,
  DifficultyName,
  DifficultyOption,
  Scene,
  SceneObject,
  ShapesExample,
  ShapesKind,
  ShapesOptions,
} from "./tasks/shapes.ts";
export { combineRewards, exactAnswerReward, parseThinkAnswer, thinkAnswerFormatReward } from "./rl/reward.ts";
export type { AsyncReward, Completion, Example, Reward, RewardResult, ThinkAnswer } from "./rl/reward.ts";

// Data sets: their rows, their images, and other layouts of them
export { detectSampleFormat, readSamples, sampleLine } from "./data/formats/convert.ts";
export type { ReadSamplesOptions, SampleEvent, WriteSampleOptions } from "./data/formats/convert.ts";
export { fromEasyR1, toEasyR1 } from "./data/formats/easyr1.ts";
export type { EasyR1Options, EasyR1Row } from "./data/formats/easyr1.ts";
export { recordOf, sampleFormats, sampleOf } from "./data/formats/sample.ts";
export type { DataSample, SampleFormat } from "./data/formats/sample.ts";
export { fromShareGpt, shareGptDatasetInfo, toShareGpt } from "./data/formats/sharegpt.ts";
export type { ShareGptOptions, ShareGptRow } from "./data/formats/sharegpt.ts";
export { fromTrl, toTrl } from "./data/formats/trl.ts";
export type { TrlMessage, TrlOptions, TrlPart, TrlRow } from "./data/formats/trl.ts";
export { fromVlmEval, readVlmEvalTsv, VlmEvalWriter } from "./data/formats/vlmevalkit.ts";
export type { ReadVlmEvalOptions, VlmEvalRow, VlmEvalWriterOptions } from "./data/formats/vlmevalkit.ts";
export { folderImages } from "./data/images/lookup.ts";
export type { ImageLookup } from "./data/images/lookup.ts";
export { splitZipImages } from "./data/images/split-archive.ts";
export type { ZipOptions } from "./data/images/zip-directory.ts";
export { zipImages } from "./data/images/zip-images.ts";
export { readRows } from "./data/rows/rows.ts";
export type { DataFile, RawRow, ReadRowsOptions, RowFormat } from "./data/rows/rows.ts";
export { inspectDataset } from "./data/wethink/inspect.ts";
export type {
  DatasetReport,
  InspectOptions as InspectDatasetOptions,
  LengthStatistics,
  ValueCount,
} from "./data/wethink/inspect.ts";
export { readWeThink } from "./data/wethink/reader.ts";
export type { ReadEvent, ReadWeThinkOptions } from "./data/wethink/reader.ts";
export { parseRecord } from "./data/wethink/record.ts";
export type {
  DatasetRow,
  ParsedRecord,
  ParseRecordOptions,
  RecordChange,
  RejectedRow,
  RejectReason,
  WeThinkRecord,
} from "./data/wethink/record.ts";

// Models that answer and judge
export type { Backoff } from "./language-models/backoff.ts";
export { builtInModel } from "./language-models/built-in.ts";
export type {
  BuiltInApi,
  BuiltInCreateOptions,
  BuiltInExpectations,
  BuiltInMessage,
  BuiltInOptions,
  BuiltInSession,
} from "./language-models/built-in.ts";
export { memoryCache, storedCache } from "./language-models/judge-cache.ts";
export type { JudgeCache, KeptJudgement } from "./language-models/judge-cache.ts";
export { openJudge, parseJudgeConfig } from "./language-models/judge-config.ts";
export type { JudgeConfig, JudgeHost, OpenJudge } from "./language-models/judge-config.ts";
export { JUDGE_PROMPT } from "./language-models/judge-prompt.ts";
export type { JudgePrompt, JudgeTier } from "./language-models/judge-prompt.ts";
export { createJudge } from "./language-models/judge.ts";
export type { Judge, JudgeCounters, Judgement, JudgeOptions } from "./language-models/judge.ts";
export type {
  AnswerPair,
  AskOptions,
  JsonSchema,
  LanguageModel,
  ModelAnswer,
  ModelCounters,
  PairScorer,
} from "./language-models/language-model.ts";
export type { OnnxConfig, OnnxHost, OnnxSession } from "./language-models/onnx.ts";
export {
  openLanguageModel,
  openPairScorer,
  parseModelConfig as parseLanguageModelConfig,
} from "./language-models/open.ts";
export type {
  BuiltInConfig,
  LanguageModelConfig,
  ModelConfig as AnsweringModelConfig,
  ModelHost,
  PolicyConfig,
} from "./language-models/open.ts";
export { openAiModel } from "./language-models/openai-compatible.ts";
export type { TokenPrices } from "./language-models/meter.ts";
export type { OpenAiConfig, OpenAiHost } from "./language-models/openai-compatible.ts";
export { policyModel } from "./language-models/policy-model.ts";
export type { GeneratingPolicy, PolicyModelOptions } from "./language-models/policy-model.ts";

// Training
export { GrpoTrainer } from "./train/grpo-trainer.ts";
export type { Scorer, TrainerState } from "./train/grpo-trainer.ts";
export type { GroupRecord, RolloutRecord, TrainEvent } from "./train/events.ts";
export { loadObjective } from "./train/load-objective.ts";
export type { ObjectiveSpec } from "./train/load-objective.ts";
export { parseRecipe } from "./train/recipe.ts";
export type { Recipe, RecipeOptions } from "./train/recipe.ts";
export { fromCheckpoint, toCheckpoint } from "./train/trainer-checkpoint.ts";
export { SftTrainer } from "./train/sft-trainer.ts";
export type { SftCapacity, SftData, SftEvent, SftExample, SftState } from "./train/sft-trainer.ts";
export type { TrainedTensors } from "./train/optimizer-program.ts";
export { parseSftRecipe } from "./train/sft-recipe.ts";
export type { SftRecipe, SftRecipeOptions } from "./train/sft-recipe.ts";
export type { ScheduleKind } from "./train/schedule.ts";

// Whole runs: evaluated, recorded, resumed, replayed
export { trainRun } from "./train/run.ts";
export type { RunEvent, RunOptions } from "./train/run.ts";
export { RunFolder } from "./train/run-folder.ts";
export type { KeptEvaluation, RolloutLine, When } from "./train/run-folder.ts";
export { modelOptions, parseRunRecipe } from "./train/run-recipe.ts";
export type { RecipeOverrides, RunRecipe } from "./train/run-recipe.ts";
export { compareRuns, parseRunRecord, pinVariants, weightsSha256 } from "./train/run-record.ts";
export type { RunComparison, RunRecord } from "./train/run-record.ts";
export { curvesSvg } from "./train/curves.ts";
export type { CurveOptions, CurveRun } from "./train/curves.ts";
export { evaluate } from "./evaluation/accuracy.ts";
export type { EvaluateOptions, Evaluation, EvaluationSummary } from "./evaluation/accuracy.ts";

// Benchmarks
export { benchmarks, findBenchmark } from "./evaluation/benchmarks/registry.ts";
export { ownBenchmark } from "./evaluation/benchmarks/own.ts";
export { scoringKinds } from "./evaluation/benchmarks/benchmark.ts";
export { scoreSample } from "./evaluation/benchmarks/score.ts";
export { buildPrompt } from "./evaluation/benchmarks/prompt.ts";
export type { PromptPart } from "./evaluation/benchmarks/prompt.ts";
export { readReply } from "./evaluation/benchmarks/judge.ts";
export { aggregate, headlineOf } from "./evaluation/benchmarks/aggregate.ts";
export type {
  Benchmark,
  EvalRow,
  JudgeKey,
  JudgeQuestion,
  PublishedFigure,
  SampleScore,
  ScoredBy,
  ScoredSample,
  ScoreOptions,
  ScoringKind,
} from "./evaluation/benchmarks/benchmark.ts";
export type {
  BenchmarkResult,
  Figure,
  FigureUnit,
  TableRow,
  Unit,
} from "./evaluation/benchmarks/aggregate.ts";
export { policyAnswerer } from "./evaluation/policy-answerer.ts";
export type { PolicyAnswererOptions } from "./evaluation/policy-answerer.ts";
export { modelAnswerer } from "./evaluation/runs/answerer.ts";
export type { Answerer, AnswerRequest, AnswerSampling, GivenAnswer } from "./evaluation/runs/answerer.ts";
export type { BootstrapOptions } from "./evaluation/runs/bootstrap.ts";
export { compareEvaluations } from "./evaluation/runs/compare.ts";
export type { ComparedRun, EvaluationComparison } from "./evaluation/runs/compare.ts";
export type { EvaluationEvent } from "./evaluation/runs/events.ts";
export type { SampleRecord } from "./evaluation/runs/journal.ts";
export type { EvaluationJudge, RecordedJudge, ReplyCounters } from "./evaluation/runs/judge-replies.ts";
export { toCsv } from "./evaluation/runs/report-csv.ts";
export { toMarkdown } from "./evaluation/runs/report-text.ts";
export type { ComparedFigure, EvaluationReport } from "./evaluation/runs/report.ts";
export { openEvaluation, recordedJudge, rescore } from "./evaluation/runs/rescore.ts";
export type { ScoreRecord, StoredEvaluation } from "./evaluation/runs/rescore.ts";
export { runBenchmark } from "./evaluation/runs/run-benchmark.ts";
export type { RunBenchmarkOptions } from "./evaluation/runs/run-benchmark.ts";
export type { ScoringOptions } from "./evaluation/runs/score-run.ts";
export { detectBenchmark } from "./evaluation/runs/select.ts";
export type { EvaluationSettings } from "./evaluation/runs/settings.ts";

// The algorithm's parts, for objectives and trainers of one's own
export { groupAdvantages } from "./rl/advantage.ts";
export type { AdvantageOptions, AdvantageScale, GroupAdvantages, GroupEstimator } from "./rl/advantage.ts";
export { filterGroup } from "./rl/filter.ts";
export type { FilteredReward, FilterOptions, FilterVerdict } from "./rl/filter.ts";
export { adaptKlCoef } from "./rl/kl-control.ts";
export type { KlControlOptions } from "./rl/kl-control.ts";
export type { KlType } from "./rl/kl.ts";
export { objectiveOptions } from "./rl/loss-types.ts";
export type { ImportanceSamplingLevel, LossAverage, LossType, ObjectiveOptions } from "./rl/loss-types.ts";
export { sequenceWeights, tokenWeights } from "./rl/loss-weights.ts";
export { policyObjective } from "./rl/objective.ts";
export type { ObjectiveInputs, ObjectiveResult } from "./rl/objective.ts";
export { returnAdvantages, tokenRewards } from "./rl/returns.ts";
export type { ReturnOptions, TokenRewardInputs, TokenRewards } from "./rl/returns.ts";
export type { ObjectiveBatch, ObjectiveGradient, UserObjective } from "./rl/user-objective.ts";

// QA synthesis: records of images
export { openSynthesisModels, parseSynthesisConfig } from "./synthesis/config.ts";
export type { PassRateConfig, PromptConfig, RoleConfig, SynthesisConfig } from "./synthesis/config.ts";
export type { StageCounters, SynthesisCounters } from "./synthesis/counters.ts";
export type { SynthesisEvent } from "./synthesis/events.ts";
export type { SynthesisImage } from "./synthesis/image-source.ts";
export { openIndexedSynthesisStore } from "./synthesis/indexed-store.ts";
export type { IndexedSynthesisStore } from "./synthesis/indexed-store.ts";
export { policySampler } from "./synthesis/pass-rate.ts";
export type {
  PassRateFilter,
  PolicySampler,
  PolicySamplerOptions,
  SampleRequest,
} from "./synthesis/pass-rate.ts";
export { parsePrompt, synthesisPrompts } from "./synthesis/prompts.ts";
export type { PromptIdentity, SynthesisPrompt } from "./synthesis/prompts.ts";
export {
  abilityCodes,
  askingStages,
  dropReasons,
  everyRole,
  questionTypes,
  stageRoles,
  synthesisRoles,
  synthesisStages,
} from "./synthesis/stages.ts";
export type {
  AbilityCode,
  AskingStage,
  DropReason,
  QuestionType,
  StageSampling,
  SynthesisModels,
  SynthesisRole,
  SynthesisStage,
} from "./synthesis/stages.ts";
export { memorySynthesisStore } from "./synthesis/store.ts";
export type {
  ImageOutcome,
  KeptAnswer,
  KeptQuestion,
  PendingItem,
  ReadableSynthesisStore,
  RecordProvenance,
  SynthesisDrop,
  SynthesisRun,
  SynthesisStore,
} from "./synthesis/store.ts";
export { synthesize } from "./synthesis/synthesize.ts";
export type { SynthesisOptions, SynthesisSettings } from "./synthesis/synthesize.ts";
export { toySynthesisModel } from "./synthesis/toy-model.ts";
export { toyScenes } from "./synthesis/toy-scenes.ts";
export type { ToyScene } from "./synthesis/toy-scenes.ts";

// Hand-off to a cluster, and back
export { easyR1Targets, promptPlaces } from "./handoff/easyr1-config.ts";
export type { EasyR1Settings, EasyR1Target } from "./handoff/easyr1-config.ts";
export { easyR1Handoff } from "./handoff/easyr1.ts";
export type { EasyR1HandoffOptions, Handoff } from "./handoff/easyr1.ts";
export { metricsOfLog, readExperimentLog } from "./handoff/experiment-log.ts";
export type { ExperimentLog, ExperimentStep } from "./handoff/experiment-log.ts";
export { fileBytes, zipFiles } from "./handoff/files.ts";
export type { HandoffFile } from "./handoff/files.ts";
export { llamaFactoryHandoff } from "./handoff/llamafactory.ts";
export type { LlamaFactoryHandoffOptions } from "./handoff/llamafactory.ts";
export type { HandoffCounts, HandoffData, HandoffReward } from "./handoff/rows.ts";
export { trlHandoff } from "./handoff/trl.ts";
export type { TrlHandoffOptions } from "./handoff/trl.ts";
export type { ConfigTree, ConfigValue } from "./handoff/yaml.ts";

// Files
export { httpSource } from "./storage/http-source.ts";
export type { HttpSourceOptions } from "./storage/http-source.ts";
export { fileSource, memorySource } from "./storage/source.ts";
export type { Bytes, FileSource, ReadOptions } from "./storage/source.ts";
export {
  openCheckpoint,
  openSafetensors,
  parseSafetensors,
  writeSafetensors,
} from "./storage/safetensors.ts";
export type { TensorData, TensorEntry, TensorTable } from "./storage/safetensors.ts";
export { readAdapter, writeAdapter } from "./storage/peft.ts";
export type { Adapter, LoraFactors } from "./storage/peft.ts";
export { memoryStore } from "./storage/blob-store.ts";
export type { BlobStore } from "./storage/blob-store.ts";
export { opfsStore } from "./storage/opfs.ts";
export {
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  saveCheckpoint,
} from "./storage/checkpoint.ts";
export type { Checkpoint, CheckpointState, LoadedCheckpoint } from "./storage/checkpoint.ts";

export * from "./util/errors.ts";
