import type { BlobStore } from "../../storage/blob-store.ts";
import { CorruptFileError, MissingFileError } from "../../util/errors.ts";
import { isRecord } from "../../util/is-record.ts";
import type { Benchmark, SampleScore } from "../benchmarks/benchmark.ts";
import { ownBenchmark } from "../benchmarks/own.ts";
import { findBenchmark } from "../benchmarks/registry.ts";
import type { EvaluationEvent } from "./events.ts";
import { Journal, openSamples, type SampleRecord } from "./journal.ts";
import type { RecordedJudge } from "./judge-replies.ts";
import { toCsv } from "./report-csv.ts";
import { toMarkdown } from "./report-text.ts";
import { evaluationReport, type EvaluationReport } from "./report.ts";
import { scoreRun, type ScoringOptions } from "./score-run.ts";
import { loadSettings, type EvaluationSettings } from "./settings.ts";

/** What an answer scores: a line of `scores.jsonl`, in the order of the benchmark. */
export interface ScoreRecord extends Pick<SampleScore, "score" | "extracted" | "how" | "why"> {
  index: string;
}

/** A run as a store holds it. */
export interface StoredEvaluation {
  benchmark: Benchmark;
  settings: EvaluationSettings;
  /** In the order of the benchmark. */
  samples: SampleRecord[];
  /** Null for a run that was not scored yet. */
  report: EvaluationReport | null;
  scores: ScoreRecord[];
}

/**
 * Scores a run's answers again, by the rules as they are now, and writes scores and report anew; no answer is asked for.
 * A judge is asked only what it did not reply to before.
 * @throws MissingFileError for a store without a run; CorruptFileError; the signal's reason when aborted.
 */
export async function* rescore(
  store: BlobStore,
  options: ScoringOptions = {},
  signal?: AbortSignal,
): AsyncGenerator<EvaluationEvent, void, void> {
  const { benchmark, settings } = await openSettings(store);
  yield* scoreAndReport(benchmark, settings, store, options, signal);
}

/** The judge of a run's report, as far as its replies were kept; undefined for a run that had none. */
export async function recordedJudge(store: BlobStore): Promise<RecordedJudge | undefined> {
  const judge = (await loadReport(store))?.scoring.judge;
  return judge ? { name: judge.name, identity: judge.identity, recorded: true } : undefined;
}

/** @throws MissingFileError for a store without a run; CorruptFileError. */
export async function openEvaluation(store: BlobStore): Promise<StoredEvaluation> {
  const { benchmark, settings } = await openSettings(store);
  const { samples } = await openSamples(store);
  const { entries: scores } = await Journal.open<ScoreRecord>(
    store,
    scoresFile,
    ({ index, how }) => typeof index === "string" && typeof how === "string",
  );
  return { benchmark, settings, samples: [...samples.values()], report: await loadReport(store), scores };
}

/** Scores what was answered and writes scores and report. @internal */
export async function* scoreAndReport(
  benchmark: Benchmark,
  settings: EvaluationSettings,
  store: BlobStore,
  options: ScoringOptions,
  signal?: AbortSignal,
): AsyncGenerator<EvaluationEvent, void, void> {
  const { samples } = await openSamples(store);
  const steps = scoreRun(benchmark, [...samples.values()], store, options, signal);
  for (;;) {
    const step = await steps.next();
    if (!step.done) {
      yield { type: "scoring", ...step.value };
      continue;
    }
    const { answers } = step.value;
    const lines = answers.map(({ sample: { index }, score: { score, extracted, how, why } }) =>
      JSON.stringify({ index, score, extracted, how, why } satisfies ScoreRecord),
    );
    const report = evaluationReport(benchmark, settings, step.value, options.cutTags ?? true);
    const save = (name: string, text: string) => store.save(name, new TextEncoder().encode(text));
    if (lines.length > 0) await save(scoresFile, `${lines.join("\n")}\n`);
    await save(reportFile, `${JSON.stringify(report, undefined, 2)}\n`);
    await save("report.csv", toCsv(report));
    await save("report.md", toMarkdown(report));
    yield { type: "finished", report };
    return;
  }
}

const scoresFile = "scores.jsonl";
const reportFile = "report.json";

async function openSettings(
  store: BlobStore,
): Promise<{ benchmark: Benchmark; settings: EvaluationSettings }> {
  const settings = await loadSettings(store);
  if (!settings)
    throw new MissingFileError(`${store.name}: it holds no evaluation, expected one with settings.json`);
  const { benchmark: name, scoring } = settings;
  const known = findBenchmark(name);
  return { benchmark: known?.scoring === scoring ? known : ownBenchmark(name, scoring), settings };
}

async function loadReport(store: BlobStore): Promise<EvaluationReport | null> {
  const bytes = await store.load(reportFile);
  if (!bytes) return null;
  try {
    const report: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isReport(report)) return report;
  } catch {
    // said below
  }
  throw new CorruptFileError(
    `${reportFile} in ${store.name}: it is no report of an evaluation; score the run again`,
  );
}

function isReport(value: unknown): value is EvaluationReport {
  return isRecord(value) && value.version === 1 && isRecord(value.headline) && isRecord(value.scoring);
}
