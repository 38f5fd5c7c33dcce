import type { ReadOptions } from "../../storage/source.ts";
import { InvalidOptionError } from "../../util/errors.ts";
import { byteChunks, nameOf, type DataFile, type RawRow } from "./data-file.ts";
import { readJsonDocument, readJsonLines } from "./json-rows.ts";
import { readParquet } from "./parquet-rows.ts";
import { readTable } from "./tsv-rows.ts";

export type { DataFile, RawRow } from "./data-file.ts";

/** How the rows of a file are written. */
export const rowFormats = ["jsonl", "json", "parquet", "tsv"] as const;
/** "jsonl", "json", "parquet" or "tsv". */
export type RowFormat = (typeof rowFormats)[number];

export interface ReadRowsOptions extends ReadOptions {
  /** When left out: by the file's ending, and what it begins with. */
  format?: RowFormat;
}

/**
 * The rows of a file, one after the other: however long it is, only a part of it is in memory.
 * @throws InvalidOptionError where the format is none that is read, MissingFileError, CorruptFileError
 */
export async function* readRows(file: DataFile, options: ReadRowsOptions = {}): AsyncGenerator<RawRow> {
  switch (options.format ?? (await detectFormat(file, options))) {
    case "jsonl":
      yield* readJsonLines(file, options);
      break;
    case "json":
      yield* readJsonDocument(file, options);
      break;
    case "parquet":
      yield* readParquet(file, options);
      break;
    case "tsv":
      for await (const { number, cells } of readTable(file, options)) yield { number, value: cells };
  }
}

/**
 * How a file's rows are written, by its ending. A file that is called JSON may have a row per line, so this one is
 * looked into, as is one without a known ending.
 */
export async function detectFormat(file: DataFile, options?: ReadOptions): Promise<RowFormat> {
  const ending = /\.(\w+)$/.exec(file.path.toLowerCase())?.[1];
  if (ending === "jsonl" || ending === "ndjson") return "jsonl";
  if (ending === "parquet" || ending === "pq") return "parquet";
  if (ending === "tsv") return "tsv";
  for await (const bytes of byteChunks(file, options)) {
    const text = new TextDecoder().decode(bytes).trimStart();
    if (text.startsWith("PAR1")) return "parquet";
    if (text.startsWith("[")) return "json";
    if (text.startsWith("{")) return hasRowPerLine(text) ? "jsonl" : "json";
    if (ending === "json") return "json";
    throw new InvalidOptionError(nameOf(file), `${JSON.stringify(text.slice(0, 20))}…`, rowFormats);
  }
  return "jsonl";
}

/** Whether the first line is an object of its own, and another follows; or is all there is, and no rows are in it. */
function hasRowPerLine(text: string): boolean {
  const end = text.indexOf("\n");
  const line = end < 0 ? text : text.slice(0, end);
  try {
    const row = JSON.parse(line) as object;
    return text.slice(line.length).trim() !== "" || Object.values(row).every((value) => !isNested(value));
  } catch {
    return false;
  }
}

function isNested(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && (!Array.isArray(value) || typeof value[0] === "object")
  );
}
