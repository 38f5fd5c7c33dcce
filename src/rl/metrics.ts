import { ShapeError } from "../util/errors.ts";

/** What the objective kernel measured over the completion tokens of a step. Means are per token. */
export interface ObjectiveStats {
  loss: number;
  /** The loss without its KL part. */
  policyLoss: number;
  kl: number;
  /** Shares of tokens: see TRL's clip_ratio metrics. clipRegion is low or high. Absent where the loss clips nothing. */
  clipLow?: number;
  clipHigh?: number;
  clipRegion?: number;
  /** Share of tokens whose loss the dual clip replaced. */
  clipDual?: number;
  ratioMean: number;
  ratioMin: number;
  ratioMax: number;
  /** Mean of the old minus the new log-prob. */
  ppoKl?: number;
  /** |trainer's log-prob − sampler's|. */
  logpDifferenceMean: number;
  logpDifferenceMax: number;
  /** Mean entropy of the policy's distribution, nats. */
  entropy: number;
  tokens: number;
  /** Tokens whose loss or gradient was NaN or infinite. */
  nonFinite: number;
  /** What an objective of the user's says of itself. */
  own?: Readonly<Record<string, number>>;
}

/** What the optimizer did in a step. */
export interface OptimizerReport {
  /** Global gradient norm before clipping. */
  gradNorm: number;
  clipScale: number;
  /** The norm was not finite: no weight was touched. */
  skipped: boolean;
  /** Weights whose value changed. */
  changed: number;
  /** Largest change of a weight. */
  maxChange: number;
}

/** What a step is measured by. */
export interface StepRecord {
  /** [P·G], group by group; null: excluded. */
  rewards: readonly (number | null)[];
  /** Components by name, each [P·G]. */
  rewardParts?: Readonly<Record<string, readonly (number | null | undefined)[]>>;
  /** [P] groups with nothing to learn from. */
  zeroStd: readonly boolean[];
  /** [P·G] completion tokens. */
  lengths: readonly number[];
  /** [P·G] true where the completion was cut at the length limit. */
  truncated: readonly boolean[];
  /** Groups by what online filtering made of them; absent: all were trained on. The other fields are of all groups. */
  filter?: {
    rounds: number;
    kept: { readonly length: number };
    dropped: { low: number; high: number; none: number; excess: number };
  };
  /** Absent: nothing was trained on. */
  objective?: ObjectiveStats;
  /** False leaves out `kl`: there was no reference. */
  hasKl?: boolean;
  /** The KL in the reward; absent: `objective` has it. */
  kl?: number;
  /** The weight of the KL, where it is another from step to step. */
  klCoef?: number;
  optimizer?: OptimizerReport;
  learningRate: number;
  /** Prompt and completion tokens processed so far in the run, this step included. */
  numTokens: number;
  /** Prompt and completion tokens of this step. */
  stepTokens: number;
  timesMs: { step: number; rollout?: number; reward?: number; train?: number };
}

/**
 * A step's metrics under TRL's names: `reward`, `reward_std` (standard deviation over the whole batch, ddof 1),
 * `rewards/NAME/{mean,std}`, `frac_reward_zero_std`, `completions/{mean,min,max}_length`, the same `_terminated_length`
 * over completions that ended by themselves, `completions/clipped_ratio`, `loss`, `policy_loss`, `kl`, `entropy`,
 * `clip_ratio/{low,high,region}_mean`, `sampling/sampling_logp_difference/{mean,max}`,
 * `sampling/importance_sampling_ratio/{mean,min,max}`, `grad_norm`, `learning_rate`, `num_tokens`, `step_time` (s).
 * Beyond TRL: `clip_ratio/dual_mean`, `rewards/excluded`, `tokens_per_second`, `weights_changed`, `weights_max_change`,
 * `step_skipped`, `non_finite_tokens`, `ppo_kl`, `objective/NAME` of a user's objective, `kl_coef`, `timing_s/{rollout,reward,train}` as EasyR1 spells them; with online
 * filtering `filter/rounds` (times that prompts were drawn) and counts of groups: `filter/kept`, trained on,
 * `filter/dropped_{low,high,none}` by mean and for want of a reward, `filter/excess`, more than the step takes.
 * A metric that has nothing to be computed from is absent.
 */
export function stepMetrics(step: StepRecord): Record<string, number> {
  const samples = step.rewards.length;
  for (const [name, array] of Object.entries({ lengths: step.lengths, truncated: step.truncated })) {
    if (array.length !== samples)
      throw new ShapeError(`stepMetrics: ${name}`, array.length, `${samples}, one for each reward`);
  }
  const metrics: Record<string, number> = {};
  const put = (name: string, value: number | undefined) => {
    if (value !== undefined) metrics[name] = value;
  };

  const rewards = valid(step.rewards);
  put("reward", mean(rewards));
  put("reward_std", std(rewards));
  for (const [name, values] of Object.entries(step.rewardParts ?? {})) {
    const present = valid(values);
    put(`rewards/${name}/mean`, mean(present));
    put(`rewards/${name}/std`, std(present));
  }
  put("rewards/excluded", samples - rewards.length);
  put("frac_reward_zero_std", mean(step.zeroStd.map(Number)));

  putLengths(put, "length", step.lengths);
  const terminated = step.lengths.filter((_, index) => !step.truncated[index]);
  putLengths(put, "terminated_length", terminated);
  put("completions/clipped_ratio", mean(step.truncated.map(Number)));

  const { objective, optimizer, timesMs } = step;
  if (objective) {
    put("loss", objective.loss);
    put("policy_loss", objective.policyLoss);
    if (step.hasKl ?? true) put("kl", step.kl ?? objective.kl);
    put("kl_coef", step.klCoef);
    put("entropy", objective.entropy);
    put("clip_ratio/low_mean", objective.clipLow);
    put("clip_ratio/high_mean", objective.clipHigh);
    put("clip_ratio/region_mean", objective.clipRegion);
    put("clip_ratio/dual_mean", objective.clipDual);
    put("sampling/sampling_logp_difference/mean", objective.logpDifferenceMean);
    put("sampling/sampling_logp_difference/max", objective.logpDifferenceMax);
    put("sampling/importance_sampling_ratio/mean", objective.ratioMean);
    put("sampling/importance_sampling_ratio/min", objective.ratioMin);
    put("sampling/importance_sampling_ratio/max", objective.ratioMax);
    put("ppo_kl", objective.ppoKl);
    put("non_finite_tokens", objective.nonFinite);
    for (const [name, value] of Object.entries(objective.own ?? {})) put(`objective/${name}`, value);
  }
  if (step.filter) {
    const { rounds, kept, dropped } = step.filter;
    put("filter/rounds", rounds);
    put("filter/kept", kept.length);
    for (const [verdict, count] of [
      ["dropped_low", dropped.low],
      ["dropped_high", dropped.high],
      ["dropped_none", dropped.none],
      ["excess", dropped.excess],
    ] as const)
      put(`filter/${verdict}`, count);
    if (!optimizer) put("step_skipped", 1);
  }
  if (optimizer) {
    put("grad_norm", optimizer.gradNorm);
    put("weights_changed", optimizer.changed);
    put("weights_max_change", optimizer.maxChange);
    put("step_skipped", Number(optimizer.skipped));
  }
  put("learning_rate", step.learningRate);
  put("num_tokens", step.numTokens);
  put("step_time", timesMs.step / 1000);
  if (timesMs.step > 0) put("tokens_per_second", (step.stepTokens * 1000) / timesMs.step);
  for (const phase of ["rollout", "reward", "train"] as const) {
    const ms = timesMs[phase];
    if (ms !== undefined) put(`timing_s/${phase}`, ms / 1000);
  }
  return metrics;
}

function putLengths(
  put: (name: string, value: number | undefined) => void,
  suffix: string,
  lengths: readonly number[],
): void {
  if (lengths.length === 0) return;
  put(`completions/mean_${suffix}`, mean(lengths));
  put(
    `completions/min_${suffix}`,
    lengths.reduce((least, length) => Math.min(least, length), Infinity),
  );
  put(
    `completions/max_${suffix}`,
    lengths.reduce((most, length) => Math.max(most, length), 0),
  );
}

function valid(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** With ddof 1; 0 for a single value. */
function std(values: readonly number[]): number | undefined {
  const centre = mean(values);
  if (centre === undefined) return undefined;
  if (values.length === 1) return 0;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
