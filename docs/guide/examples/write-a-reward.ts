import { combineRewards, exactAnswerReward, groupAdvantages, thinkAnswerFormatReward } from "thinktab/rl";
import type { Completion, Reward } from "thinktab/rl";

// #region reward
/** 1 for a response of at most 20 words, down to 0 at 60. */
const brevity: Reward = ({ text }) => {
  const words = text.split(/\s+/).filter(Boolean).length;
  const value = Math.min(1, Math.max(0, (60 - words) / 40));
  return { value, parts: { words } };
};

/** Being right counts most, then the form, then brevity. */
export const reward = combineRewards(
  { accuracy: exactAnswerReward(), format: thinkAnswerFormatReward(), brevity },
  { accuracy: 0.7, format: 0.2, brevity: 0.1 },
);
// #endregion

// #region check
/** What a group of responses to one question would get, and what each would be pushed by. */
export function judge(responses: string[], answer: string): void {
  const completions = responses.map((text): Completion => ({ text, tokens: [], finishReason: "stop" }));
  const results = completions.map((completion) => reward(completion, { answer }));
  const { advantages } = groupAdvantages(
    results.map(({ value }) => value),
    responses.length,
  );
  for (const [index, { value }] of results.entries()) {
    console.log(
      `reward ${value?.toFixed(2)}, advantage ${advantages[index].toFixed(2)}: ${responses[index]}`,
    );
  }
}

judge(
  [
    "<think> red . blue so 2 </think> <answer> 2 </answer>",
    "<answer> 2 </answer>",
    "<think> red . so 1 </think> <answer> 1 </answer>",
    "2",
  ],
  "2",
);
// #endregion
