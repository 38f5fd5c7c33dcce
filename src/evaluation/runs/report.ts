import { aggregate, headlineOf, scaleOf } from "../benchmarks/aggregate.ts";
import type { BenchmarkResult, Unit } from "../benchmarks/aggregate.ts";
import type { Benchmark, PublishedFigure, ScoredBy, ScoringKind } from "../benchmarks/benchmark.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import type { ScoredRun } from "./score-run.ts";
import type { EvaluationSettings } from "./settings.ts";

/** A published figure beside the run's own. */
export interface ComparedFigure extends PublishedFigure {
  /** Name of the run's figure. */
  figure: string;
  /** The run's value; null where it has none. */
  own: number | null;
  /** The run's value less the published one. */
  difference: number | null;
}

/** What an evaluation comes to: plain JSON. */
export interface EvaluationReport {
  version: 1;
  benchmark: { name: string; title: string; scoring: ScoringKind };
  settings: EvaluationSettings;
  scoring: { cutTags: boolean; judge: ScoredRun["judge"] };
  counts: {
    /** Rows that the run asks. */
    asked: number;
    answered: number;
    /** Without an answer: in no figure. */
    unanswered: number;
    /** Answers cut at the limit of tokens. */
    cut: number;
    /** Answers that are in the figures. */
    scored: number;
    /** By how the score came about. */
    how: Record<ScoredBy, number>;
  };
  headline: {
    name: string;
    value: number | null;
    unit: "%" | "of 1000";
    /** 95%, bootstrap over units. */
    interval: [low: number, high: number] | null;
    /** Questions with all their rotations or variants. */
    units: number;
  };
  figures: BenchmarkResult["figures"];
  table: BenchmarkResult["table"];
  published: ComparedFigure[];
  /** Why the figures beside the run's are not measured as it is, in sentences. */
  notComparable: string[];
  /** What else there is to say of how the figures are computed. */
  notes: string[];
  /** Indices of answers without a decision: wrong as they stand, and a judge may find otherwise. */
  undecided: string[];
}

/** Makes the report of a scored run. @param cutTags as it was scored */
export function evaluationReport(
  benchmark: Benchmark,
  settings: EvaluationSettings,
  { answers, judge }: ScoredRun,
  cutTags: boolean,
): EvaluationReport {
  const result = aggregate(benchmark, answers);
  const { name, title, scoring } = benchmark;
  const asked = settings.selection.rows;
  const { headline, figures, table, units, counts, undecided } = result;
  const report: EvaluationReport = {
    version: 1,
    benchmark: { name, title, scoring },
    settings,
    scoring: { cutTags, judge },
    counts: {
      asked,
      answered: answers.length,
      unanswered: asked - answers.length,
      cut: answers.filter(({ sample }) => sample.finishReason === "length").length,
      scored: counts.scored,
      how: counts.how,
    },
    headline: {
      ...headline,
      interval: headlineInterval(units, scaleOf(headline.unit)),
      units: units.length,
    },
    figures,
    table,
    published: benchmark.published.map((figure) => compared(figure, result)),
    notComparable: [],
    notes: result.notes.filter((note) => !benchmark.notes.includes(note)),
    undecided,
  };
  report.notComparable = notComparable(benchmark, report);
  return report;
}

function headlineInterval(units: readonly Unit[], scale: number): [number, number] | null {
  const drawn = [...units];
  const statistic = (items: Uint32Array) => {
    for (let i = 0; i < items.length; i++) drawn[i] = units[items[i]];
    return headlineOf(drawn, scale);
  };
  return bootstrapInterval(units.length, statistic, { resamples: 1000 });
}

function compared(published: PublishedFigure, { headline, figures }: BenchmarkResult): ComparedFigure {
  const figure = published.figure ?? headline.name;
  const own = [headline, ...figures].find(({ name }) => name === figure)?.value ?? null;
  return { ...published, figure, own, difference: own === null ? null : own - published.value };
}

/** In what the run differs from how published figures were measured, as far as it can tell. */
function notComparable(benchmark: Benchmark, { settings, scoring, counts }: EvaluationReport): string[] {
  const { selection, system, sampling, data } = settings;
  const reasons: string[] = [];
  if (selection.limit !== null && selection.rows < data.rows)
    reasons.push(`${selection.rows} of ${data.rows} rows were drawn; published figures are of all.`);
  else if (benchmark.files.length > 0 && !benchmark.files.includes(data.file))
    reasons.push(`The table is ${data.file}; published figures are of ${benchmark.files[0]}.`);
  if (selection.split !== null && selection.split !== benchmark.split)
    reasons.push(`Only the split ${selection.split} was asked.`);
  if (counts.unanswered > 0) reasons.push(`${counts.unanswered} of ${counts.asked} rows have no answer.`);
  if (counts.how.judge > 0 && scoring.judge)
    reasons.push(`Judged by ${scoring.judge.name}: figures by another judge are others.`);
  if (system && system.kind !== "wethink")
    reasons.push("The system prompt is not the original that WeThink's figures were measured with.");
  if (!system && benchmark.systemPrompt)
    reasons.push("It was asked without a system prompt; WeThink's figures are with its own.");
  if (sampling.temperature > 0) reasons.push("Answers were drawn; published figures are all but greedy.");
  if (counts.cut > 0) {
    const allowed = sampling.maxTokens < 2048 ? "; WeThink's were allowed 2048" : "";
    reasons.push(`${counts.cut} answers were cut at ${sampling.maxTokens} tokens${allowed}.`);
  }
  return [...reasons, ...benchmark.notes];
}
