import { textHash } from "../../util/text-hash.ts";
import type { ImageLookup } from "../images/lookup.ts";
import { readRows, type DataFile, type RawRow, type RowFormat } from "../rows/rows.ts";
import { parseRecord } from "./record.ts";
import type { DatasetRow, ParseRecordOptions, RecordChange, RejectedRow } from "./record.ts";

/** How records are read, and what they must have. */
export interface ReadWeThinkOptions extends ParseRecordOptions {
  /** Where the images are. Without it rows have none, and none is missed. */
  images?: ImageLookup;
  /** Whether a row whose image is not there is rejected. Under a URL that is a request for each row. Default true. */
  checkImages?: boolean;
  /** When left out: by the file's ending and beginning. */
  format?: RowFormat;
  signal?: AbortSignal;
}

/** Each row of a file gives one of these, in order. */
export type ReadEvent =
  { type: "row"; row: DatasetRow; changes: RecordChange[] } | { type: "rejected"; rejected: RejectedRow };

/**
 * Reads WeThink records from JSONL, JSON, Parquet or a table, one at a time. Of rows that were read only 8 bytes and a
 * number stay, to know a row that comes again in all its fields.
 * @throws MissingFileError, CorruptFileError for a file that is none of these; a row never ends the reading.
 */
export async function* readWeThink(
  input: DataFile | AsyncIterable<RawRow>,
  options: ReadWeThinkOptions = {},
): AsyncGenerator<ReadEvent> {
  const { images, checkImages = true, signal } = options;
  const rows = "path" in input ? readRows(input, options) : input;
  const seen = new Map<number, number>();
  for await (const raw of rows) {
    signal?.throwIfAborted();
    const { number } = raw;
    if ("error" in raw) {
      yield rejected({ number, reason: "broken-json", detail: raw.error, row: raw.text });
      continue;
    }
    const parsed = parseRecord(raw.value, options);
    if ("reason" in parsed) {
      yield rejected({ number, ...parsed, row: raw.value });
      continue;
    }
    const { record, changes } = parsed;
    const hash = textHash(JSON.stringify(record));
    const earlier = seen.get(hash);
    if (earlier !== undefined) {
      yield rejected({ number, reason: "duplicate", detail: `the same as row ${earlier}`, row: raw.value });
      continue;
    }
    seen.set(hash, number);
    if (!images) {
      yield { type: "row", row: { record, number }, changes };
    } else if (!checkImages || (await images.has(record.image_path, { signal }))) {
      const image = () => images.read(record.image_path, { signal });
      yield { type: "row", row: { record, number, image }, changes };
    } else {
      const detail = `${record.image_path}: not found in ${images.name}`;
      yield rejected({ number, reason: "missing-image", detail, row: raw.value });
    }
  }
}

function rejected(row: RejectedRow): ReadEvent {
  return { type: "rejected", rejected: row };
}

/** A rejected row as one line of JSON, for a file of them. */
export function rejectedLine({ number, reason, detail, row }: RejectedRow): string {
  return JSON.stringify({ number, reason, detail, row }, (_, value: unknown) =>
    value instanceof Uint8Array ? `${value.byteLength} bytes` : value,
  );
}
