import { extractAnswer } from "../../rl/verifiers/verdict.ts";
import type { Benchmark, EvalRow, SampleScore, ScoreOptions, ScoringKind } from "./benchmark.ts";
import { scoreChoice, scoreMmmu } from "./scoring/choice.ts";
import { byRule, unscored, type Scorer } from "./scoring/context.ts";
import { scoreDynaMath } from "./scoring/dynamath.ts";
import { scoreLogicVista, scoreMmVet } from "./scoring/judged.ts";
import { scoreMathVerse, scoreMathVision, scoreMathVista } from "./scoring/maths.ts";
import { scoreOcrBenchV2 } from "./scoring/ocrbench-v2.ts";
import { scoreExact, scoreOcrBench } from "./scoring/texts.ts";
import { scoreYesNo } from "./scoring/yes-no.ts";

const scorers: Readonly<Record<ScoringKind, Scorer>> = {
  choice: scoreChoice,
  "circular-choice": scoreChoice,
  mmmu: scoreMmmu,
  "yes-no": scoreYesNo,
  "yes-no-figures": scoreYesNo,
  ocrbench: scoreOcrBench,
  "ocrbench-v2": scoreOcrBenchV2,
  mathvista: scoreMathVista,
  mathvision: scoreMathVision,
  mathverse: scoreMathVerse,
  dynamath: scoreDynaMath,
  wemath: scoreChoice,
  logicvista: scoreLogicVista,
  mmvet: scoreMmVet,
  exact: scoreExact,
};

/**
 * The score of one response. Asks nobody: where a judge must be asked, the result is pending and holds the question; with
 * its reply among `replies` the same call goes on, at most to a second question. The same replies always give the same
 * score, so that a run can be scored again without a model.
 *
 * Tags are cut as the `lenient` reading has it: the body of the last answer block, else what is behind the reasoning,
 * else all of it. A response whose reasoning never ends is wrong by rule, and no judge sees it.
 */
export function scoreSample(
  benchmark: Pick<Benchmark, "scoring">,
  row: EvalRow,
  response: string,
  { cutTags = true, judge = false, replies = {} }: ScoreOptions = {},
): SampleScore {
  const gold = row.answer?.trim() ?? "";
  if (gold === "") return unscored("the row has no answer: a hidden test set");
  const cut = cutTags ? extractAnswer(response) : { text: response, why: "" };
  if (cut.text === null) return byRule(0, null, `no answer: ${cut.why}`);
  return scorers[benchmark.scoring]({ row, gold, text: cut.text, judge, replies });
}
