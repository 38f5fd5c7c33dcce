import { readVlmEvalTsv } from "../../data/formats/vlmevalkit.ts";
import type { DataFile } from "../../data/rows/data-file.ts";
import { readTable } from "../../data/rows/tsv-rows.ts";
import type { ReadOptions } from "../../storage/source.ts";
import { crc32 } from "../../util/crc32.ts";
import { InvalidOptionError } from "../../util/errors.ts";
import { Rng } from "../../util/rng.ts";
import { sha256Hex } from "../../util/sha256.ts";
import { unitOf } from "../benchmarks/aggregate.ts";
import type { Benchmark, EvalRow } from "../benchmarks/benchmark.ts";
import { checkColumns, checkRow } from "../benchmarks/check.ts";
import { detectScoring, ownBenchmark } from "../benchmarks/own.ts";

/** Rows that a table's kind of scoring is told by. */
const lookedAt = 50;

/** A table that no registry names, with the scoring that its columns tell. @param name for reports. */
export async function detectBenchmark(
  file: DataFile,
  name: string,
  options?: ReadOptions,
): Promise<Benchmark> {
  const rows: EvalRow[] = [];
  for await (const row of readVlmEvalTsv(file, options)) {
    rows.push(withoutPixels(row));
    if (rows.length === lookedAt) break;
  }
  return ownBenchmark(name, detectScoring(await headerOf(file, options), rows, name));
}

export interface SelectOptions extends ReadOptions {
  /** Only rows of this split. */
  split?: string;
  /** Draws so many units: questions with all their rotations or variants. Default: all. */
  limit?: number;
  /** Of the draw. Default 0. */
  seed?: number;
}

/** What of a table is asked. */
export interface Selection {
  /** Rows of the table. */
  rows: number;
  /** Of every row's texts. */
  sha256: string;
  /** Positions in the run, by index, in the table's order. */
  positions: ReadonlyMap<string, number>;
}

/**
 * Goes through a table once, before anything is asked: checks every row, and draws. Pixels are passed over. Yields how
 * many rows it has seen.
 * @throws CorruptFileError for columns or rows that the benchmark's scoring cannot use; InvalidOptionError where nothing
 *   is left to ask.
 */
export async function* selectRows(
  benchmark: Benchmark,
  file: DataFile,
  { split, limit, seed = 0, ...options }: SelectOptions = {},
): AsyncGenerator<number, Selection, void> {
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1))
    throw new InvalidOptionError("evaluation: limit", limit, "an integer from 1");
  checkColumns(benchmark, await headerOf(file, options));
  const encoder = new TextEncoder();
  const prints: string[] = [];
  const splits = new Set<string>();
  const kept: { index: string; unit: string }[] = [];
  for await (const row of readVlmEvalTsv(file, options)) {
    checkRow(benchmark, row);
    prints.push(`${row.index}\t${crc32(encoder.encode(JSON.stringify(row.columns)))}\n`);
    if (row.split !== undefined) splits.add(row.split);
    if (split === undefined || row.split === split)
      kept.push({ index: row.index, unit: unitOf(benchmark, row) });
    if (prints.length % 500 === 0) yield prints.length;
  }
  if (kept.length === 0) {
    const found = splits.size === 0 ? "a table without splits" : `the splits ${[...splits].join(", ")}`;
    throw new InvalidOptionError(
      "evaluation: split",
      split ?? "no rows",
      split === undefined ? "at least one" : `one of ${found}`,
    );
  }
  const drawn = drawUnits(kept, limit, seed);
  const chosen = kept.filter(({ unit }) => drawn === null || drawn.has(unit));
  return {
    rows: prints.length,
    sha256: await sha256Hex(encoder.encode(prints.join(""))),
    positions: new Map(chosen.map(({ index }, position) => [index, position])),
  };
}

/** The units of a draw; null: all. */
function drawUnits(
  rows: readonly { unit: string }[],
  limit: number | undefined,
  seed: number,
): Set<string> | null {
  const units = [...new Set(rows.map(({ unit }) => unit))];
  if (limit === undefined || limit >= units.length) return null;
  return new Set(new Rng(seed).shuffle(units).slice(0, limit));
}

/** Names of a table's columns. */
async function headerOf(file: DataFile, options?: ReadOptions): Promise<string[]> {
  for await (const { cells } of readTable(file, options)) return Object.keys(cells);
  return [];
}

/** A row as scoring takes it, which holds no pixels alive. */
function withoutPixels({
  index,
  question,
  answer,
  hint,
  options,
  category,
  l2Category,
  split,
  columns,
}: EvalRow): EvalRow {
  return { index, question, answer, hint, options, category, l2Category, split, columns };
}
