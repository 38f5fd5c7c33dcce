import { extractChoice, noChoice, optionsOf, type Options } from "../../../rl/verifiers/multiple-choice.ts";
import type { SampleScore } from "../benchmark.ts";
import { choiceQuestion } from "../judge.ts";
import { textsOf } from "../python-literal.ts";
import { askJudge, byRule, compared, scored, undecided, unscored, type Answered } from "./context.ts";

/** What stands for every answer but the gold one of MMMU's open questions. */
const otherAnswers = "Other Answers";

/** A single choice: VLMEvalKit's rules, then the judge. Options of the row, else those that its question lists. */
export function scoreChoice(answered: Answered): SampleScore {
  const { row, gold } = answered;
  const options = Object.keys(row.options).length > 0 ? row.options : optionsOf({ problem: row.question });
  if (Object.keys(options).length === 0) return unscored("the row has no options");
  if (!Object.hasOwn(options, gold))
    return unscored(`the gold answer ${gold} is none of the options ${Object.keys(options).join(", ")}`);
  return scoreOptions(answered, options, gold);
}

/** As {@link scoreChoice}; an open question, which has no option A, is a choice of the gold answer and all others. */
export function scoreMmmu(answered: Answered): SampleScore {
  if (Object.hasOwn(answered.row.options, "A")) return scoreChoice(answered);
  const [first, ...others] = textsOf(answered.gold).map((text) => ({ A: text, B: otherAnswers }));
  const options = [first, ...others].find((one) => extractChoice(answered.text, one).letter === "A") ?? first;
  return scoreOptions(answered, options, "A");
}

/** Whether the response chooses the option `gold`. */
export function scoreOptions(answered: Answered, options: Options, gold: string): SampleScore {
  const { letter, how } = extractChoice(answered.text, options);
  if (letter !== null)
    return byRule(letter === gold, letter, compared(letter, gold, letter === gold, ` by ${how}`));
  return askJudge(
    answered,
    choiceQuestion(answered.row, options, answered.text),
    (said) => {
      const same = said === gold;
      const what = said === noChoice ? "none of the options" : String(said);
      return scored("judge", same, String(said), compared(what, gold, same, " by the judge"));
    },
    () => undecided(`no choice: ${how}`),
  );
}
