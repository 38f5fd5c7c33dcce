import { easyR1Math, easyR1MathFormat, easyR1R1v, easyR1R1vAnswer, easyR1R1vFormat } from "./easyr1.ts";
import { lastBoxed } from "./math-ruler/grade-answer.ts";
import { parseThinkAnswer, type Completion, type Example, type RewardResult } from "./reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { chooseVerifier, type VerifierName } from "./verifiers/choose.ts";
import { verifyFillInBlank } from "./verifiers/fill-in-blank.ts";
import { verifyIou, type IouOptions } from "./verifiers/iou.ts";
import type { MathEngine } from "./math/math-json.ts";
import { verifyMath } from "./verifiers/math.ts";
import { verifyMultipleChoice } from "./verifiers/multiple-choice.ts";
import { verifyNumber, type NumberOptions } from "./verifiers/number.ts";
import { verifySet, type SetOptions } from "./verifiers/set.ts";
import { extractAnswer, undecided, wrong, type Verdict, type VerifierInput } from "./verifiers/verdict.ts";
import { verifyYesNo } from "./verifiers/yes-no.ts";

/** How a think block and an answer block are looked for: our two readings, and EasyR1's two. */
export const formatReadings = ["strict", "lenient", "easyr1-r1v", "easyr1-math"] as const;
/** How the format of a response is judged. */
export type FormatReading = (typeof formatReadings)[number];

/** An image in any form that the kit decodes; a string is a URL or, in Node, a path. */
export type JudgeImage =
  | { width: number; height: number; data: Uint8Array }
  | ImageBitmap
  | ImageData
  | Blob
  | ArrayBuffer
  | Uint8Array
  | URL
  | string;

/** What a model is asked to judge. */
export interface JudgeRequest {
  problem: string;
  /** The gold answer. */
  answer: string;
  /** The answer that was cut out of the completion. */
  response: string;
  /** The example's images, for a judge that sees. */
  images?: readonly JudgeImage[];
}

/** Asks a model. A judgement that fails resolves to score null, never to 0: the sample is left out. */
export type JudgeAnswer = (request: JudgeRequest) => Promise<{ score: number | null; why?: string }>;

/**
 * Runs a rule, which is synchronous, and gives what it gives; may end it by throwing, as one that takes too long. A
 * worker that can be ended from outside needs none.
 */
export type RuleLimit = <T>(rule: () => T) => T;

/** Weights, format and judges of a hybrid reward. */
export interface HybridRewardOptions {
  /** Of accuracy and format, 0.7 and 0.3 as WeThink has them; each from 0. */
  weights?: { accuracy: number; format: number };
  format?: FormatReading;
  /** What the prompt already put into the assistant's turn (such as "<think>"): read as the completion's beginning. */
  prefill?: string;
  /**
   * For mathematics; a function is called when the first such answer comes, and again after it failed. Without an engine
   * mathematics gets no verdict, and blanks are compared as texts.
   */
  math?: MathEngine | (() => Promise<MathEngine>);
  /** For descriptive answers. Without one they get no verdict. */
  judge?: JudgeAnswer;
  /** Around each rule. A rule that it ends gives no verdict. */
  limit?: RuleLimit;
  /** Once aborted, a judgement that fails rejects with the signal's reason. */
  signal?: AbortSignal;
  number?: NumberOptions;
  iou?: IouOptions;
  set?: SetOptions;
}

/** The columns that the reward reads; a WeThink record has them. Others are left alone. */
export interface HybridExample extends Example {
  problem?: string;
  /** Type of the question. */
  category?: string;
  /** Method of the reward, decisive where it is understood. */
  reward?: string;
  options?: VerifierInput["options"];
  /** Handed to the judge. */
  images?: readonly JudgeImage[];
}

export interface HybridResult extends RewardResult {
  /** The weighted sum, as `value`. null: accuracy could not be decided, leave the sample out. */
  overall: number | null;
  /** 0 to 1. */
  accuracy: number | null;
  /** 0 or 1. */
  format: number;
  verifier: VerifierName;
  /** What was taken to be the answer. */
  extracted: string | null;
  /** Why accuracy is what it is. */
  verdict: string;
  /** Which verifier and for what reason, what was extracted from where, and the verdict. */
  why: string;
}

/** A hybrid reward, ready to score responses. */
export type HybridReward = (completion: Completion, example: HybridExample) => Promise<HybridResult>;

/**
 * WeThink's hybrid reward, R = 0.7 · accuracy + 0.3 · format: accuracy by the rule or the judge that the record asks for
 * (`reward`, then `category`, then the form of the answer: see {@link chooseVerifier}), format by the tags. The answer is
 * cut out of its tags before anything reads it ({@link extractAnswer}, lenient). Parts `accuracy` and `format`. A verdict
 * that cannot be made (no gold answer, no judge, a failed judge, no engine for mathematics) gives null, never 0.
 * Records that ask for EasyR1's own rewards get those, weights included.
 *
 * @throws InvalidOptionError for weights or a format that are none.
 */
export function hybridReward(options: HybridRewardOptions = {}): HybridReward {
  const { weights = { accuracy: 0.7, format: 0.3 }, format = "strict", prefill = "" } = options;
  for (const name of ["accuracy", "format"] as const) {
    // Options may come from a file, whatever the types say.
    if (!Number.isFinite(weights[name]) || weights[name] < 0)
      throw new InvalidOptionError(`hybridReward: weight of ${name}`, weights[name], "a number from 0");
  }
  if (!formatReadings.includes(format))
    throw new InvalidOptionError("hybridReward: format", format, ["one of", ...formatReadings]);
  const verify = accuracyBy(options);
  return async (completion, example) => {
    const text = prefill + completion.text;
    const { answer } = example;
    const choice = chooseVerifier(example);
    const chosen = `${choice.verifier}: ${choice.why}`;
    if (typeof answer !== "string")
      return result(
        weights,
        choice.verifier,
        undecided("there is no gold answer"),
        readFormat(format, text),
        chosen,
      );
    if (choice.verifier === "easyr1-r1v" || choice.verifier === "easyr1-math")
      return easyR1Result(choice.verifier, text, answer, chosen, options.limit);
    const cut = extractAnswer(text);
    const verdict =
      cut.text === null
        ? wrong(null, "there is no answer")
        : await verify(choice.verifier, { ...example, answer, response: cut.text });
    return result(weights, choice.verifier, verdict, readFormat(format, text), `${chosen}; read ${cut.why}`);
  };
}

/** 0 or 1. */
export function readFormat(reading: FormatReading, text: string): number {
  switch (reading) {
    case "easyr1-r1v":
      return easyR1R1vFormat(text);
    case "easyr1-math":
      return easyR1MathFormat(text);
    default:
      return parseThinkAnswer(text)[reading] ? 1 : 0;
  }
}

type RuleOrJudge = Exclude<VerifierName, "easyr1-r1v" | "easyr1-math">;

/** What verifies a text as a verifier's name says. */
function accuracyBy({ math, judge, signal, number, iou, set, limit = unlimited }: HybridRewardOptions) {
  let engine = typeof math === "function" ? undefined : math;
  const load = async (): Promise<{ math?: MathEngine; missing: string }> => {
    try {
      engine ??= typeof math === "function" ? await math() : undefined;
      return { math: engine, missing: "there is no engine for mathematics" };
    } catch (error) {
      return { missing: `the engine for mathematics could not be loaded: ${messageOf(error)}` };
    }
  };
  const rule = (
    verifier: RuleOrJudge,
    input: VerifierInput,
    loaded: { math?: MathEngine; missing: string },
  ) => {
    switch (verifier) {
      case "multiple-choice":
        return verifyMultipleChoice(input);
      case "yes-no":
        return verifyYesNo(input);
      case "number":
        return verifyNumber(input, number);
      case "iou":
        return verifyIou(input, iou);
      case "set":
        return verifySet(input, set);
      case "fill-in-blank":
        return verifyFillInBlank(input, loaded);
      default:
        return loaded.math ? verifyMath(input, loaded.math) : undecided(loaded.missing);
    }
  };
  return async (verifier: RuleOrJudge, input: JudgedInput): Promise<Verdict> => {
    if (verifier === "model-judge") return await judged(judge, input, signal);
    const loaded = verifier === "math" || verifier === "fill-in-blank" ? await load() : { missing: "" };
    return withinLimit(limit, () => rule(verifier, input, loaded));
  };
}

const unlimited: RuleLimit = (rule) => rule();

/** A rule that its limit ended, or that failed, gives no verdict. */
function withinLimit(limit: RuleLimit, rule: () => Verdict): Verdict {
  try {
    return limit(rule);
  } catch (error) {
    return undecided(`the rule gave no verdict: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

type JudgedInput = VerifierInput & Pick<JudgeRequest, "images">;

/** @throws the signal's reason */
async function judged(
  judge: JudgeAnswer | undefined,
  input: JudgedInput,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const { problem = "", answer, response, images } = input;
  if (!judge) return { ...undecided("there is no judge"), extracted: response };
  try {
    const { score, why } = await judge({ problem, answer, response, ...(images && { images }) });
    const usable = score !== null && Number.isFinite(score) && score >= 0 && score <= 1;
    if (score !== null && !usable) return { ...undecided(`the judge's score ${score} is not from 0 to 1`), extracted: response }; // prettier-ignore
    const said = usable ? `the judge gives ${score}` : "the judgement failed";
    return { score, extracted: response, why: why === undefined ? said : `${said}: ${why}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { ...undecided(`the judgement failed: ${String(error)}`), extracted: response };
  }
}

function result(
  weights: { accuracy: number; format: number },
  verifier: VerifierName,
  { score, extracted, why }: Verdict,
  format: number,
  before: string,
): HybridResult {
  const overall = score === null ? null : weights.accuracy * score + weights.format * format;
  const parts = { ...(score !== null && { accuracy: score }), format };
  return {
    value: overall,
    overall,
    parts,
    accuracy: score,
    format,
    verifier,
    extracted,
    verdict: why,
    why: `${before}; ${why}`,
  };
}

function easyR1Result(
  verifier: "easyr1-r1v" | "easyr1-math",
  text: string,
  gold: string,
  why: string,
  limit: RuleLimit = unlimited,
): HybridResult {
  const isMath = verifier === "easyr1-math";
  try {
    const { overall, accuracy, format } = limit(() => (isMath ? easyR1Math : easyR1R1v)(text, gold));
    const verdict = `MathRuler ${accuracy === 1 ? "accepts" : "rejects"} the answer`;
    return {
      value: overall,
      overall,
      parts: { accuracy, format },
      accuracy,
      format,
      verifier,
      extracted: isMath ? lastBoxed(text) : easyR1R1vAnswer(text),
      verdict,
      why: `${why}; ${verdict}`,
    };
  } catch (error) {
    const format = (isMath ? easyR1MathFormat : easyR1R1vFormat)(text);
    const verdict = undecided(`the rule gave no verdict: ${messageOf(error)}`);
    return result({ accuracy: 0, format: 0 }, verifier, verdict, format, why);
  }
}
