import { combineRewards, exactAnswerReward, thinkAnswerFormatReward, type Reward } from "thinktab/rl";

/** 1 for a response of at most 20 words, down to 0 at 60. */
const brevity: Reward = ({ text }) => {
  const words = text.split(/\s+/).filter(Boolean).length;
  const value = Math.min(1, Math.max(0, (60 - words) / 40));
  return { value, parts: { words } };
};

/** Being right counts most, then the form, then brevity. */
export const reward: Reward = combineRewards(
  { accuracy: exactAnswerReward(), format: thinkAnswerFormatReward(), brevity },
  { accuracy: 0.7, format: 0.2, brevity: 0.1 },
);
