import type { AsyncBuffer, Compressors, FileMetaData } from "hyparquet";
import type { ReadOptions } from "../../storage/source.ts";
import { CorruptFileError, ThinktabError } from "../../util/errors.ts";
import { importModule } from "../../util/import-module.ts";
import { nameOf, type DataFile, type RawRow } from "./data-file.ts";

/** What the rows that are decoded at a time may weigh, and how many they may be. */
const sliceBytes = 32 << 20;
const sliceRows = 1000;

/**
 * The rows of a Parquet file, a part of a row group at a time. Where the file has page offsets, only the pages of that
 * part are read; without them a group's columns are read again for each part of it, which costs time and not memory.
 * Columns of bytes that are UTF-8 are texts; 64-bit integers are numbers where they fit.
 * @throws CorruptFileError for what is no Parquet, or packed as is not read here: snappy and plain are everywhere, gzip
 *   and brotli in Node, zstd from Node 22.15 on.
 */
export async function* readParquet(file: DataFile, options?: ReadOptions): AsyncGenerator<RawRow> {
  const { parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  const buffer = await bufferOf(file, options);
  const compressors = await nodeCompressors();
  const metadata = await whole(file, () => parquetMetadataAsync(buffer));
  let groupBegin = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const slice = rowsPerSlice(group, rows);
    for (let begin = 0; begin < rows; begin += slice) {
      options?.signal?.throwIfAborted();
      const rowStart = groupBegin + begin;
      const rowEnd = Math.min(rowStart + slice, groupBegin + rows);
      const found = await whole(file, () =>
        parquetReadObjects({
          file: buffer,
          metadata,
          rowStart,
          rowEnd,
          utf8: false,
          compressors,
          useOffsetIndex: true,
        }),
      );
      for (const [index, row] of found.entries()) yield { number: rowStart + index + 1, value: plain(row) };
    }
    groupBegin += rows;
  }
}

/** Row groups may hold a whole file, and rows may hold images. */
function rowsPerSlice(group: FileMetaData["row_groups"][number], rows: number): number {
  const bytes = group.columns.reduce(
    (sum, { meta_data: meta }) => sum + Number(meta?.total_uncompressed_size ?? 0),
    0,
  );
  const perRow = Math.max(1, bytes / Math.max(1, rows));
  const fitting = Math.max(1, Math.floor(sliceBytes / perRow));
  const hasOffsets = group.columns.every(({ offset_index_offset: offset }) => offset !== undefined);
  return hasOffsets ? Math.min(sliceRows, fitting) : fitting;
}

async function bufferOf({ source, path }: DataFile, options?: ReadOptions): Promise<AsyncBuffer> {
  const byteLength = await source.size(path, options);
  return {
    byteLength,
    slice: async (begin, end = byteLength) => (await source.read(path, begin, end, options)).buffer,
  };
}

/** What the reader throws of its own says nothing of the file. */
async function whole<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof ThinktabError || (cause instanceof Error && cause.name === "AbortError"))
      throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    const packed = said.includes("compression codec")
      ? "Parquet packed with snappy, or not packed"
      : "Parquet";
    throw new CorruptFileError(`${nameOf(file)}: got what does not read (${said}), expected ${packed}`, {
      cause,
    });
  }
}

async function nodeCompressors(): Promise<Compressors | undefined> {
  if (typeof process === "undefined" || !process.versions?.node) return undefined;
  const zlib = (await importModule("node:zlib")) as typeof import("node:zlib") & {
    zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array;
  };
  const { zstdDecompressSync } = zlib;
  return {
    GZIP: (bytes) => new Uint8Array(zlib.gunzipSync(bytes)),
    BROTLI: (bytes) => new Uint8Array(zlib.brotliDecompressSync(bytes)),
    ...(zstdDecompressSync && { ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdDecompressSync(bytes)) }),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Values as JSON would have them, but for bytes that are no text. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return textOf(value) ?? value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
  }
  return value;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
