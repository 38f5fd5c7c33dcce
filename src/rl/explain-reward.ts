import {
  hybridReward,
  type FormatReading,
  type HybridExample,
  type HybridRewardOptions,
} from "./hybrid-reward.ts";
import { parseThinkAnswer } from "./reward.ts";
import { chooseVerifier, type VerifierName } from "./verifiers/choose.ts";
import { extractAnswer } from "./verifiers/verdict.ts";

/** A part of a reward. */
export interface ExplainedPart {
  name: "accuracy" | "format";
  /** 0 to 1; null: it could not be decided, so there is no reward. */
  value: number | null;
  weight: number;
  /** Weight times value. */
  contribution: number | null;
  /** One sentence for people. */
  why: string;
}

/** How a reward came about, for people to read. */
export interface RewardExplanation {
  verifier: {
    name: VerifierName;
    /** Which column decided, or what the answer looks like. */
    why: string;
    /** Values of the record's columns that nothing is known of. */
    unknown: string[];
  };
  /** The part of the response that was read, before the verifier found the answer in it. */
  extraction: { text: string | null; why: string };
  /** What the verifier took to be the answer. */
  extracted: string | null;
  parts: ExplainedPart[];
  /** null: the sample is left out. */
  overall: number | null;
}

/**
 * Computes the hybrid reward of a response and says how it came about: which verifier and why, what was read, each part
 * with its weight and reason. The same numbers as {@link hybridReward} with these options gives.
 *
 * @param response with its tags, as the policy wrote it.
 * @throws InvalidOptionError for weights or a format that are none.
 */
export async function explainReward(
  response: string,
  record: HybridExample,
  options: HybridRewardOptions = {},
): Promise<RewardExplanation> {
  const { prefill = "", format: reading = "strict", weights = { accuracy: 0.7, format: 0.3 } } = options;
  const text = prefill + response;
  const { overall, accuracy, format, extracted, verdict } = await hybridReward(options)(
    { text: response, tokens: [], finishReason: "stop" },
    record,
  );
  const { verifier: name, ...chosen } = chooseVerifier(record);
  const own = easyR1[name];
  const part = (of: "accuracy" | "format", value: number | null, reason: string): ExplainedPart => {
    const weight = own ? own.weights[of] : weights[of];
    return { name: of, value, weight, contribution: value === null ? null : weight * value, why: reason };
  };
  return {
    verifier: { name, ...chosen },
    extraction: own ? { text: extracted, why: own.reads } : extractionOf(text),
    extracted,
    parts: [
      part("accuracy", accuracy, verdict),
      part("format", format, formatReason(own?.format ?? reading, text, format)),
    ],
    overall,
  };
}

/** Records that ask for EasyR1's own rewards get its weights, format and reading. */
const easyR1: Partial<
  Record<
    VerifierName,
    { weights: Record<"accuracy" | "format", number>; format: FormatReading; reads: string }
  >
> = {
  "easyr1-r1v": {
    weights: { accuracy: 0.5, format: 0.5 },
    format: "easyr1-r1v",
    reads: "the first answer block of one line, else all of the response, as EasyR1 has it",
  },
  "easyr1-math": {
    weights: { accuracy: 0.9, format: 0.1 },
    format: "easyr1-math",
    reads: "the last \\boxed{…}, as EasyR1 has it",
  },
};

function extractionOf(text: string): RewardExplanation["extraction"] {
  const { text: read, why } = extractAnswer(text);
  return { text: read, why };
}

/** Why a response has the form that a reading asks for, or what is missing first. */
function formatReason(reading: FormatReading, text: string, value: number): string {
  switch (reading) {
    case "easyr1-r1v":
      return value === 1
        ? "a think block from the first character, then an answer block to the last"
        : "EasyR1's r1v form is <think>…</think>, white space, <answer>…</answer>, and nothing around it";
    case "easyr1-math":
      return value === 1
        ? "a think block at the beginning, and a \\boxed{…} behind it"
        : "EasyR1's math form is <think>…</think> at the beginning and a \\boxed{…} behind it";
    default:
      return value === 1 ? "a think block, then an answer block" : missing(text, reading);
  }
}

function missing(text: string, reading: "strict" | "lenient"): string {
  const { think, answer, lenient } = parseThinkAnswer(text);
  if (think === null)
    return text.includes("<think>") ? "the think block does not end" : "there is no think block";
  if (answer === null)
    return text.includes("<answer>") ? "the answer block does not end" : "there is no answer block";
  if (!lenient) return "the answer block is not behind the think block";
  const several = ["think", "answer"].find((tag) => text.split(`<${tag}>`).length > 2 || text.split(`</${tag}>`).length > 2); // prettier-ignore
  if (several !== undefined)
    return `there is more than one ${several} tag, and the ${reading} form has one of each`;
  return "there is text outside of the two blocks";
}
