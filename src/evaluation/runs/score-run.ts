import { Limiter } from "../../language-models/limiter.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import { rowOfColumns, type Benchmark, type JudgeKey, type SampleScore } from "../benchmarks/benchmark.ts";
import type { EvalRow } from "../benchmarks/benchmark.ts";
import { scoreSample } from "../benchmarks/score.ts";
import type { SampleRecord } from "./journal.ts";
import { JudgeReplies, type EvaluationJudge, type ReplyCounters } from "./judge-replies.ts";

/** How answers are scored: this may be changed without asking them again. */
export interface ScoringOptions {
  /** Whether think and answer tags are cut before anything is extracted. Default true. */
  cutTags?: boolean;
  /** Default: rules alone. */
  judge?: EvaluationJudge;
  /** Judgements under way at a time. Default 4. */
  judgeConcurrency?: number;
}

/** An answer, and what it scores. */
export interface ScoredAnswer {
  row: EvalRow;
  sample: SampleRecord;
  score: SampleScore;
}

export interface ScoredRun {
  answers: ScoredAnswer[];
  /** Null without a judge. */
  judge: (ReplyCounters & { name: string; identity: string }) | null;
}

/**
 * Scores answers in their order, a judge's replies kept in the store; yields how many are done.
 * @throws the signal's reason when aborted.
 */
export async function* scoreRun(
  benchmark: Benchmark,
  samples: readonly SampleRecord[],
  store: BlobStore,
  { cutTags = true, judge, judgeConcurrency = 4 }: ScoringOptions,
  signal?: AbortSignal,
): AsyncGenerator<{ done: number; total: number }, ScoredRun, void> {
  const replies = judge && (await JudgeReplies.open(judge, store, signal));
  const limiter = new Limiter(judgeConcurrency);
  const total = samples.length;
  const answers: ScoredAnswer[] = [];
  /** Those that wait for the judge. */
  const waiting: Promise<void>[] = [];
  for (const sample of samples) {
    const row = rowOfColumns(sample.columns);
    const score = scoreSample(benchmark, row, sample.response, { cutTags, judge: replies !== undefined });
    const answer = { row, sample, score };
    answers.push(answer);
    if (!score.question || !replies) continue;
    const judged = limiter.run(() => judgeAnswer(benchmark, answer, cutTags, replies), signal);
    judged.catch(() => undefined); // it is awaited below, maybe after another that failed first
    waiting.push(judged);
  }
  let done = total - waiting.length;
  yield { done, total };
  for (const judged of waiting) {
    await judged;
    yield { done: ++done, total };
  }
  const { name } = judge ?? {};
  return {
    answers,
    judge: replies && name !== undefined ? { name, identity: replies.identity, ...replies.counters } : null,
  };
}

/** Asks until nothing is pending: extraction and comparison may be two questions. */
async function judgeAnswer(
  benchmark: Benchmark,
  answer: ScoredAnswer,
  cutTags: boolean,
  judge: JudgeReplies,
): Promise<void> {
  const replies: Partial<Record<JudgeKey, string | null>> = {};
  while (answer.score.question) {
    const { question } = answer.score;
    const { text, error } = await judge.ask(question);
    replies[question.key] = text;
    answer.score = scoreSample(benchmark, answer.row, answer.sample.response, {
      cutTags,
      judge: true,
      replies,
    });
    if (error !== undefined && answer.score.how === "judge-failed")
      answer.score = { ...answer.score, why: `the judge could not be asked: ${error}` };
  }
}
