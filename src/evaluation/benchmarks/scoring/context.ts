import type { EvalRow, JudgeKey, JudgeQuestion, SampleScore, ScoredBy } from "../benchmark.ts";
import { readReply } from "../judge.ts";

/** A response that is to be scored. */
export interface Answered {
  row: EvalRow;
  /** The gold answer, trimmed, not empty. */
  gold: string;
  /** The response, tags cut where they are to be. */
  text: string;
  judge: boolean;
  replies: Readonly<Partial<Record<JudgeKey, string | null>>>;
}

/** How one kind of benchmark scores: rules first, then the judge. */
export type Scorer = (answered: Answered) => SampleScore;

export const scored = (
  how: ScoredBy,
  score: number | boolean,
  extracted: string | null,
  why: string,
): SampleScore => ({ score: Number(score), extracted, how, why });

export const byRule = (score: number | boolean, extracted: string | null, why: string): SampleScore =>
  scored("rule", score, extracted, why);

/** There is nothing to score by: the sample is left out. */
export const unscored = (why: string): SampleScore => ({
  score: null,
  extracted: null,
  how: "unscored",
  why,
});

/** No rule found an answer, and there is no judge: wrong, and counted. */
export const undecided = (why: string): SampleScore =>
  scored("undecided", 0, null, `${why}; no judge: counted as wrong`);

/**
 * What the judge's reply decides. Without a judge `without` decides; before the reply is there the question is pending;
 * where no reply can be read the sample is left out.
 */
export function askJudge(
  { judge, replies }: Answered,
  question: JudgeQuestion,
  decide: (reply: string | number) => SampleScore,
  without: () => SampleScore,
): SampleScore {
  if (!judge) return without();
  const reply = replies[question.key];
  if (reply === undefined)
    return { score: null, extracted: null, how: "pending", why: "the judge must be asked", question };
  const said = reply === null ? null : readReply(question, reply);
  if (said !== null) return decide(said);
  const why = `none of the judge's replies could be read (${question.key}, at most ${question.tries} tries)`;
  return { score: null, extracted: null, how: "judge-failed", why };
}

/** "B is the gold answer" or "B, expected C". */
export const compared = (given: string, gold: string, same: boolean, by = ""): string =>
  `${given}${by}${same ? " is the gold answer" : `, expected ${gold}`}`;
