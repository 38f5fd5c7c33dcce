/** A report as a page shows and saves it, and a comparison with samples that were saved. */
import { ownBenchmark } from "../../src/evaluation/benchmarks/own.ts";
import { compareEvaluations, type EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import { openSamples } from "../../src/evaluation/runs/journal.ts";
import {
  answeredLine,
  decidedLine,
  figureRows,
  headlineLine,
  optionLines,
  publishedRows,
  toMarkdown,
} from "../../src/evaluation/runs/report-text.ts";
import { toCsv } from "../../src/evaluation/runs/report-csv.ts";
import type { EvaluationReport } from "../../src/evaluation/runs/report.ts";
import {
  openEvaluation,
  recordedJudge,
  rescore,
  type ScoreRecord,
  type StoredEvaluation,
} from "../../src/evaluation/runs/rescore.ts";
import { isSettings, saveSettings, type EvaluationSettings } from "../../src/evaluation/runs/settings.ts";
import { memoryStore, type BlobStore } from "../../src/storage/blob-store.ts";
import { CorruptFileError, MissingFileError } from "../../src/util/errors.ts";
import { isRecord } from "../../src/util/is-record.ts";
import type { EvaluationFile, ShownReport } from "./evaluation-protocol.ts";

export function showReport(report: EvaluationReport): ShownReport {
  return {
    report,
    headline: headlineLine(report),
    answered: answeredLine(report),
    decided: decidedLine(report),
    options: optionLines(report),
    figures: figureRows(report),
    published: publishedRows(report),
  };
}

/** The first line of samples that are saved: how they were asked and scored. Readers of samples pass over it. */
interface RunLine {
  run: { settings: EvaluationSettings; scoring: EvaluationReport["scoring"] | null };
}

/** @throws MissingFileError for a report of a run that was not scored yet. */
export async function downloadable(store: BlobStore, file: EvaluationFile): Promise<Blob> {
  const { settings, samples, scores, report } = await openEvaluation(store);
  if (file === "samples") {
    const byIndex = new Map(scores.map((score) => [score.index, score]));
    const first: RunLine = { run: { settings, scoring: report?.scoring ?? null } };
    const lines = [first, ...samples.map((sample) => ({ ...sample, ...byIndex.get(sample.index) }))];
    return new Blob(
      lines.map((line) => `${JSON.stringify(line)}\n`),
      { type: "application/x-ndjson" },
    );
  }
  if (!report) throw new MissingFileError(`${store.name}: no report yet, expected a run that was scored`);
  switch (file) {
    case "json":
      return new Blob([`${JSON.stringify(report, undefined, 2)}\n`], { type: "application/json" });
    case "csv":
      return new Blob([toCsv(report)], { type: "text/csv" });
    case "markdown":
      return new Blob([toMarkdown(report)], { type: "text/markdown" });
  }
}

/**
 * A run beside another's samples, as a page or the command line saved them. Without scores in them they are scored as
 * this run's are: by the rules, and by what its judge replied to the same answers.
 * @throws CorruptFileError for a file without samples, or whose settings are none; InvalidOptionError for those of another benchmark.
 */
export async function compareWith(
  own: StoredEvaluation,
  store: BlobStore,
  file: Blob,
  title: string,
): Promise<EvaluationComparison> {
  const other = memoryStore();
  const text = await file.text();
  if (text !== "") await other.save("samples.jsonl", new TextEncoder().encode(text));
  const samples = [...(await openSamples(other)).samples.values()];
  if (samples.length === 0)
    throw new CorruptFileError(`${title}: got no samples, expected samples.jsonl of an evaluation`);
  const { run, scores } = readScores(text, title);
  const settings = run?.settings ?? { ...own.settings, model: { ...own.settings.model, name: title } };
  const { benchmark: name, scoring } = settings;
  const same = name === own.benchmark.name && scoring === own.benchmark.scoring;
  const theirs = { benchmark: same ? own.benchmark : ownBenchmark(name, scoring), settings, samples };
  if (scores.length === samples.length && run?.scoring && own.report)
    return compareEvaluations(own, {
      ...theirs,
      scores,
      report: { ...own.report, settings, scoring: run.scoring },
    });
  await saveSettings(other, settings);
  const replies = await store.load("judge.jsonl");
  if (replies) await other.save("judge.jsonl", replies);
  const scoredAs = { cutTags: own.report?.scoring.cutTags, judge: await recordedJudge(store) };
  const events = rescore(other, scoredAs);
  while (!(await events.next()).done);
  const { scores: made, report } = await openEvaluation(other);
  const comparison = compareEvaluations(own, { ...theirs, scores: made, report });
  return run ? comparison : { ...comparison, differences: ["settings of the other run: not known"] };
}

function readScores(text: string, title: string): { run: RunLine["run"] | null; scores: ScoreRecord[] } {
  let run: RunLine["run"] | null = null;
  const scores = new Map<string, ScoreRecord>();
  for (const line of text.split("\n")) {
    const value = parsed(line);
    if (!isRecord(value)) continue;
    if (isRun(value.run)) run = value.run;
    else if (value.run !== undefined)
      throw new CorruptFileError(
        `${title}: got a run whose settings are none, expected samples.jsonl of an evaluation`,
      );
    if (isScore(value)) scores.set(value.index, value);
  }
  return { run, scores: [...scores.values()] };
}

function isRun(value: unknown): value is RunLine["run"] {
  return isRecord(value) && isSettings(value.settings) && (value.scoring === null || isRecord(value.scoring));
}

function isScore(value: object): value is ScoreRecord {
  const { index, score, how } = value as Partial<ScoreRecord>;
  const known = score === null || (typeof score === "number" && score >= 0 && score <= 1);
  return typeof index === "string" && typeof how === "string" && known;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
