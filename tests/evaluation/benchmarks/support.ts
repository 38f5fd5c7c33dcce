import { readVlmEvalTsv, type VlmEvalRow } from "../../../src/data/formats/vlmevalkit.ts";
import { aggregate, type BenchmarkResult } from "../../../src/evaluation/benchmarks/aggregate.ts";
import {
  rowOfColumns,
  type Benchmark,
  type EvalRow,
  type SampleScore,
  type ScoreOptions,
  type ScoringKind,
} from "../../../src/evaluation/benchmarks/benchmark.ts";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { scoreSample } from "../../../src/evaluation/benchmarks/score.ts";
import { memorySource } from "../../../src/storage/source.ts";

/** A row of these cells. */
export const row = (columns: Record<string, string>): EvalRow =>
  rowOfColumns({ index: "0", question: "What is it?", ...columns });

/** Score, way and extracted answer of one response. */
export function outcome(
  scoring: ScoringKind,
  columns: Record<string, string>,
  response: string,
  options?: ScoreOptions,
): [score: number | null, how: SampleScore["how"], extracted: string | null] {
  const { score, how, extracted } = scoreSample({ scoring }, row(columns), response, options);
  return [score, how, extracted];
}

/** The rows of a table in memory, its lines as they are. */
export async function rowsOf(lines: readonly string[]): Promise<VlmEvalRow[]> {
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  const rows: VlmEvalRow[] = [];
  for await (const one of readVlmEvalTsv({ source: memorySource({ "own.tsv": bytes }), path: "own.tsv" }))
    rows.push(one);
  return rows;
}

/** What a table comes to when its rows are answered by these responses, in order. */
export async function resultOf(
  benchmark: Benchmark | ScoringKind,
  lines: readonly string[],
  responses: readonly string[],
  options?: ScoreOptions,
): Promise<BenchmarkResult> {
  const known = typeof benchmark === "string" ? ownBenchmark("own", benchmark) : benchmark;
  const rows = await rowsOf(lines);
  if (rows.length !== responses.length) throw new Error(`${rows.length} rows, ${responses.length} responses`);
  return aggregate(
    known,
    rows.map((one, at) => ({ row: one, score: scoreSample(known, one, responses[at], options) })),
  );
}
