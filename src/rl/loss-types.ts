/**
 * The policy losses of TRL and EasyR1 by their names there, as choices of three things: a surrogate for each token, the
 * level of its importance ratio, and an average over tokens, which is only what each of them weighs.
 */
import { InvalidOptionError } from "../util/errors.ts";
import { klTypes } from "./kl.ts";
import type { KlType } from "./kl.ts";

/**
 * A policy loss. `grpo`, `bnpo`, `dr_grpo`, `dapo`, `luspo` and `vespo` are TRL's `loss_type`; `default`, `gspo` and
 * `gspo_token` EasyR1's; `cispo` and `sapo` both have. See {@link lossForms}.
 */
export type LossType =
  | "grpo"
  | "bnpo"
  | "dr_grpo"
  | "dapo"
  | "luspo"
  | "cispo"
  | "sapo"
  | "vespo"
  | "default"
  | "gspo"
  | "gspo_token";
/**
 * What the importance ratio is of: the `token`; the `sequence`, by the geometric mean of its tokens' ratios, with the
 * gradient through that mean (GSPO); or `sequence_token`, the same value whose gradient is the token's own.
 */
export type ImportanceSamplingLevel = "token" | "sequence" | "sequence_token";
/** EasyR1's `loss_avg_mode`: over all tokens of the step alike, or over sequences of their tokens' means. */
export type LossAverage = "token" | "seq";
/** What becomes of ratio and advantage: see {@link policyObjective}. */
export type Surrogate = "clip" | "cispo" | "sapo" | "vespo";

/** What a {@link LossType} consists of. */
export interface LossForm {
  surrogate: Surrogate;
  level: ImportanceSamplingLevel;
  /** See {@link sequenceWeights}. */
  average: LossAverage | "micro_batch" | "max_length" | "sum";
}

/** What each loss type is where neither `importanceSamplingLevel` nor `lossAverage` says otherwise. */
export const lossForms: Readonly<Record<LossType, LossForm>> = {
  grpo: { surrogate: "clip", level: "token", average: "seq" },
  bnpo: { surrogate: "clip", level: "token", average: "micro_batch" },
  dr_grpo: { surrogate: "clip", level: "token", average: "max_length" },
  dapo: { surrogate: "clip", level: "token", average: "token" },
  luspo: { surrogate: "clip", level: "sequence", average: "sum" },
  cispo: { surrogate: "cispo", level: "token", average: "token" },
  sapo: { surrogate: "sapo", level: "token", average: "seq" },
  vespo: { surrogate: "vespo", level: "sequence", average: "token" },
  default: { surrogate: "clip", level: "token", average: "token" },
  gspo: { surrogate: "clip", level: "sequence", average: "token" },
  gspo_token: { surrogate: "clip", level: "sequence_token", average: "token" },
};

/** All {@link LossType}s. */
export const lossTypes = /* @__PURE__ */ Object.keys(lossForms) as readonly LossType[];
/** All {@link ImportanceSamplingLevel}s. */
export const importanceSamplingLevels: readonly ImportanceSamplingLevel[] = [
  "token",
  "sequence",
  "sequence_token",
];
/** All {@link LossAverage}s. */
export const lossAverages: readonly LossAverage[] = ["token", "seq"];

/** Levels that may be asked of a type whose name does not leave them free. */
const levelsOf: Partial<Record<LossType, readonly ImportanceSamplingLevel[]>> = {
  luspo: ["sequence", "sequence_token"],
  vespo: [],
  gspo: ["sequence"],
  gspo_token: ["sequence_token"],
};
/** Types that leave their average free; the others are an average by name. */
const freeAverages: readonly LossType[] = ["default", "gspo", "gspo_token", "cispo", "sapo"];

/** The policy loss, its clipping and its KL. */
export interface ObjectiveOptions {
  lossType: LossType;
  /** null: the loss type's own. */
  importanceSamplingLevel: ImportanceSamplingLevel | null;
  /** null: the loss type's own. Chooses weights alone: see {@link sequenceWeights}. */
  lossAverage: LossAverage | null;
  clipRatioLow: number;
  clipRatioHigh: number;
  /** EasyR1's `clip_ratio_dual` (3.0 there): bounds the loss of a token with a negative advantage. null: off. */
  clipRatioDual: number | null;
  /** TRL's two-sided clipping: caps the unclipped ratio. null: off. */
  delta: number | null;
  /** sapo's temperature where the advantage is positive. */
  tauPositive: number;
  /** sapo's temperature where the advantage is negative. */
  tauNegative: number;
  /** vespo's k and λ where the advantage is at least 0. */
  vespoKPositive: number;
  vespoLambdaPositive: number;
  /** vespo's k and λ where the advantage is negative. */
  vespoKNegative: number;
  vespoLambdaNegative: number;
  klCoef: number;
  klType: KlType;
  /** EasyR1's clamps of k3: the log-ratio to ±20, the value to ±10; no gradient beyond. TRL has none (false). */
  klClamp: boolean;
  /** TRL's `use_bias_correction_kl`: the KL of a token is multiplied by its importance ratio. */
  useBiasCorrectionKl: boolean;
}

/** Default values: TRL's, and where TRL has none those that switch the thing off. */
export const objectiveDefaults: Readonly<ObjectiveOptions> = {
  lossType: "dapo",
  importanceSamplingLevel: null,
  lossAverage: null,
  clipRatioLow: 0.2,
  clipRatioHigh: 0.2,
  clipRatioDual: null,
  delta: null,
  tauPositive: 1,
  tauNegative: 1.05,
  vespoKPositive: 2,
  vespoLambdaPositive: 3,
  vespoKNegative: 3,
  vespoLambdaNegative: 2,
  klCoef: 0,
  klType: "k3",
  klClamp: false,
  useBiasCorrectionKl: false,
};

/** An option that does not go, in the words of an error. */
export interface OptionProblem {
  option: keyof ObjectiveOptions;
  /** In words, where the value alone would not say what is wrong. */
  got?: string;
  expected: string;
}

const surrogateOptions = [
  ["sapo", "tauPositive"],
  ["sapo", "tauNegative"],
  ["vespo", "vespoKPositive"],
  ["vespo", "vespoLambdaPositive"],
  ["vespo", "vespoKNegative"],
  ["vespo", "vespoLambdaNegative"],
] as const;

/** Options that are allowed each by itself, but not together; null where all go together. */
export function conflictOf(options: ObjectiveOptions): OptionProblem | null {
  const { lossType, importanceSamplingLevel: level, lossAverage, clipRatioDual, delta } = options;
  const { surrogate } = lossForms[lossType];
  const levels = levelsOf[lossType] ?? importanceSamplingLevels;
  const problem = (option: keyof ObjectiveOptions, expected: string): OptionProblem => {
    return { option, got: `${JSON.stringify(options[option])} with lossType "${lossType}"`, expected };
  };
  if (level !== null && !levels.includes(level))
    return problem("importanceSamplingLevel", ["null", ...levels].join(" or "));
  if (lossAverage !== null && !freeAverages.includes(lossType))
    return problem("lossAverage", `null, or a lossType of ${freeAverages.join(", ")}`);
  if (surrogate !== "clip" && delta !== null) return problem("delta", "null: nothing is clipped by it");
  if (surrogate !== "clip" && clipRatioDual !== null)
    return problem("clipRatioDual", "null: nothing is clipped by it");
  if (surrogate === "clip" && delta !== null && delta <= 1 + options.clipRatioHigh)
    return { option: "delta", expected: "null or a number above 1 + clipRatioHigh" };
  const idle = surrogateOptions.find(
    ([of, name]) => of !== surrogate && options[name] !== objectiveDefaults[name],
  );
  if (idle) return problem(idle[1], `${objectiveDefaults[idle[1]]}: it is an option of ${idle[0]}`);
  if (options.klClamp && options.klType !== "k3")
    return {
      option: "klClamp",
      got: `true with klType "${options.klType}"`,
      expected: "false: k3 alone is clamped",
    };
  if (options.useBiasCorrectionKl && lossForm(options).level === "sequence")
    return problem("useBiasCorrectionKl", "false where the importance ratio is a sequence's");
  return null;
}

/**
 * Fills in defaults: clip 0.2/0.2 (clipRatioHigh is clipRatioLow unless given), no dual clip, no delta, no KL (k3 when
 * there is one), as TRL.
 * @throws InvalidOptionError for a value out of range, or options that do not go together.
 */
export function objectiveOptions(given: Partial<ObjectiveOptions> = {}): ObjectiveOptions {
  const named = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => name in objectiveDefaults && value !== undefined),
  );
  const options: ObjectiveOptions = {
    ...objectiveDefaults,
    clipRatioHigh: given.clipRatioLow ?? objectiveDefaults.clipRatioHigh,
    ...named,
  };
  const check = (name: keyof ObjectiveOptions, valid: boolean, expected: string) => {
    if (!valid) throw new InvalidOptionError(name, options[name], expected);
  };
  const { importanceSamplingLevel: level, lossAverage: average, clipRatioDual, delta } = options;
  check("lossType", lossTypes.includes(options.lossType), `one of ${lossTypes.join(", ")}`);
  check(
    "importanceSamplingLevel",
    level === null || importanceSamplingLevels.includes(level),
    `null or one of ${importanceSamplingLevels.join(", ")}`,
  );
  check("lossAverage", average === null || lossAverages.includes(average), "null, token or seq");
  check("clipRatioLow", options.clipRatioLow >= 0 && options.clipRatioLow <= 1, "a number of 0 to 1");
  check("clipRatioDual", clipRatioDual === null || clipRatioDual > 1, "null or a number above 1");
  check("delta", delta === null || delta > 1, "null or a number above 1 + clipRatioHigh");
  check("klType", klTypes.includes(options.klType), `one of ${klTypes.join(", ")}`);
  for (const name of ["clipRatioHigh", "klCoef", "vespoKPositive", "vespoKNegative"] as const)
    check(name, options[name] >= 0 && options[name] < Infinity, "a number of at least 0");
  for (const name of ["tauPositive", "tauNegative", "vespoLambdaPositive", "vespoLambdaNegative"] as const)
    check(name, options[name] > 0 && options[name] < Infinity, "a positive number");
  const conflict = conflictOf(options);
  if (conflict)
    throw new InvalidOptionError(
      conflict.option,
      conflict.got ?? options[conflict.option],
      conflict.expected,
    );
  return options;
}

/** What the loss of these options consists of. */
export function lossForm(
  options: Pick<ObjectiveOptions, "lossType" | "importanceSamplingLevel" | "lossAverage">,
): LossForm {
  const own = lossForms[options.lossType];
  return {
    surrogate: own.surrogate,
    level: options.importanceSamplingLevel ?? own.level,
    average: options.lossAverage ?? own.average,
  };
}
