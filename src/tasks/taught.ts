/** What tasks with a think block and an answer block share: their rewards and their ideal responses. */
import type { Message } from "../data/chat-template.ts";
import type { RgbImage } from "../data/image.ts";
import {
  combineRewards,
  normaliseAnswer,
  parseThinkAnswer,
  thinkAnswerFormatReward,
  type Completion,
  type Reward,
  type RewardResult,
} from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { mix } from "./rasteriser.ts";
import type { DemonstrationMode, TaskExample } from "./task.ts";

/**
 * - answer: 1 when the answer is right.
 * - hybrid: 0.7 for a right answer and 0.3 for a think block followed by an answer block, as WeThink weighs them.
 * - constant: always 1. A control: nothing may be learnt from it.
 * - shuffled: a coin's side, 0 or 1, that depends on the example and the response's text but not on whether it is
 *   right. A control: it has the spread of a reward, and nothing to find.
 */
export const taughtRewards = ["answer", "hybrid", "constant", "shuffled"] as const;
export type TaughtReward = (typeof taughtRewards)[number];

/** What a taught example needs to have. */
export interface TaughtExample extends TaskExample {
  answer: string;
  /** What the ideal response thinks: what is seen, "so", and how the answer follows. */
  refined_cot: string;
}

/** One user turn: the picture, then the question. */
export function pictureQuestion(image: RgbImage, problem: string): Message[] {
  return [
    {
      role: "user",
      content: [
        { type: "image", image },
        { type: "text", text: problem },
      ],
    },
  ];
}

/**
 * A reward whose value is what `reward` says, and whose parts are always the same four, each 0 or 1:
 * accuracy: the answer is right; thinking: there is a think block; format: a think block, an answer block, nothing
 * else; misread: so formatted, but the reasoning misdescribes the picture ({@link misreads}).
 *
 * @param reward one of {@link taughtRewards}.
 * @param normalise answers that become equal are the same answer.
 * @throws InvalidOptionError for an unknown reward.
 */
export function taughtReward<E extends TaughtExample>(
  reward: TaughtReward,
  normalise: (answer: string, example: E) => string = normaliseAnswer,
): (completion: Completion, example: E) => RewardResult {
  // The reward may come from a recipe file, whatever the type says.
  if (!taughtRewards.includes(reward))
    throw new InvalidOptionError("reward", reward, ["one of", ...taughtRewards]);
  const accuracy: Reward<E> = ({ text }, example) => {
    const { answer } = parseThinkAnswer(text);
    const right = answer !== null && normalise(answer, example) === normalise(example.answer, example);
    return { value: right ? 1 : 0, parts: {} };
  };
  const hybrid = combineRewards<E>(
    { accuracy, format: thinkAnswerFormatReward() },
    { accuracy: 0.7, format: 0.3 },
  );
  return (completion, example) => {
    const { value, parts } = hybrid(completion, example);
    const { think, strict } = parseThinkAnswer(completion.text);
    const values: Record<TaughtReward, number | null> = {
      answer: parts.accuracy,
      hybrid: value,
      constant: 1,
      shuffled: coin(`${example.id} ${completion.text}`),
    };
    return {
      value: values[reward],
      parts: {
        accuracy: parts.accuracy,
        thinking: think === null ? 0 : 1,
        format: parts.format,
        misread: strict && misreads(think ?? "", example.refined_cot) ? 1 : 0,
      },
    };
  };
}

/**
 * Whether reasoning is wrong about the picture: what it says it sees (before "so") is not what is there, or it draws
 * another conclusion (behind "so") than the right one. To leave the conclusion out is not wrong.
 */
export function misreads(think: string, refinedCot: string): boolean {
  const [seen, concluded] = parts(think);
  const [there, right] = parts(refinedCot);
  return seen !== there || (concluded !== "" && concluded !== right);
}

/** What stands before the first "so" and behind it. */
function parts(trace: string): [seen: string, concluded: string] {
  const words = trace.trim().split(/\s+/);
  const at = words.indexOf("so");
  if (at < 0) return [words.join(" "), ""];
  return [words.slice(0, at).join(" "), words.slice(at + 1).join(" ")];
}

/** 0 or 1, each for about half of all texts. */
function coin(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = mix(hash ^ (text.charCodeAt(index) + 1));
  return hash & 1;
}

/** The ideal response: words and tags apart by one space. */
export function taughtDemonstration(
  { refined_cot, answer }: Pick<TaughtExample, "refined_cot" | "answer">,
  mode: DemonstrationMode,
): string {
  const answered = `<answer> ${answer} </answer>`;
  return mode === "think" ? `<think> ${refined_cot} </think> ${answered}` : answered;
}
