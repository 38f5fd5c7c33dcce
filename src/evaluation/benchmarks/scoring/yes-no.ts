import { extractYesNo } from "../../../rl/verifiers/yes-no.ts";
import type { SampleScore } from "../benchmark.ts";
import { yesNoQuestion } from "../judge.ts";
import { askJudge, byRule, compared, scored, undecided, unscored, type Answered } from "./context.ts";

/** Yes or no: the one word that the response holds, else the judge. */
export function scoreYesNo(answered: Answered): SampleScore {
  const { row, text } = answered;
  const gold = extractYesNo(answered.gold);
  if (gold === "Unknown") return unscored(`the gold answer ${answered.gold} is neither yes nor no`);
  const said = extractYesNo(text);
  if (said !== "Unknown") return byRule(said === gold, said, compared(said, gold, said === gold));
  return askJudge(
    answered,
    yesNoQuestion(row, text),
    (reply) => scored("judge", reply === gold, String(reply), compared(String(reply), gold, reply === gold, " by the judge")), // prettier-ignore
    () => undecided("the response holds neither yes nor no, or both"),
  );
}
