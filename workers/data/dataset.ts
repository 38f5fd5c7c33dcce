/** A data set in the data worker: read through for its figures, searched, converted. It never sits in memory whole. */
import type { ProxyMarked } from "comlink";
import { detectSampleFormat } from "../../src/data/formats/convert.ts";
import { convertDataset, sampleFileEnding } from "../../src/data/formats/convert-dataset.ts";
import { readRecords } from "../../src/data/formats/records.ts";
import type { SampleFormat } from "../../src/data/formats/sample.ts";
import type { ImageLookup } from "../../src/data/images/lookup.ts";
import type { DataFile } from "../../src/data/rows/rows.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { countRecords } from "../../src/data/wethink/inspect.ts";
import { rejectedLine, type ReadEvent } from "../../src/data/wethink/reader.ts";
import type { DatasetRow } from "../../src/data/wethink/record.ts";
import { MissingFileError } from "../../src/util/errors.ts";
import type { StreamApi } from "../protocol.ts";
import { eitherSignal, serve } from "../stream.ts";
import type { Streams } from "../stream.ts";
import { openDataFile, openImages } from "./files.ts";
import { TextParts } from "./text-parts.ts";
import type {
  ConvertedDataset,
  DatasetApi,
  FoundRow,
  HandedOff,
  HandOffOptions,
  PlainReport,
  ReportRows,
  RowQuery,
  ShownRow,
  WireDataset,
} from "./protocol.ts";

/** Rows whose images can be asked for: those that were shown last. */
const keptImages = 512;
/** Rows that are read before it is said how many they are. */
const rowsPerNews = 1000;

/** @throws MissingFileError, CorruptFileError, InvalidOptionError for what is no data set, or images that are none. */
export async function openDataset(
  wire: WireDataset,
  streams: Streams,
  signal?: AbortSignal,
): Promise<Dataset> {
  const file = openDataFile(wire.data);
  const images = wire.images && (await openImages(wire.images, { signal }));
  const format = wire.format ?? (await detectSampleFormat(file, { signal }));
  return new Dataset(file, format, images, streams);
}

/** See {@link DatasetApi}. */
export class Dataset implements DatasetApi {
  readonly #images = new Map<number, NonNullable<DatasetRow["image"]>>();

  constructor(
    private readonly file: DataFile,
    private readonly format: SampleFormat,
    private readonly images: ImageLookup | undefined,
    private readonly streams: Streams,
  ) {}

  async inspect(report: ReportRows, signal: AbortSignal | undefined): Promise<PlainReport> {
    const { samples, rejected, ...rest } = await countRecords(this.#read(signal), {
      images: this.images,
      sampleSize: 6,
      onProgress: (rows) => void report(rows),
    });
    return {
      ...rest,
      format: this.format,
      rejected: {
        ...rejected,
        listed: rejected.listed.map(({ number, reason, detail }) => ({ number, reason, detail })),
      },
      samples: samples.map((row) => this.#shown(row)),
    };
  }

  rows(query: RowQuery, signal: AbortSignal | undefined): StreamApi<FoundRow> & ProxyMarked {
    return serve(this.streams, (cancelled) => this.#find(query, eitherSignal(signal, cancelled)));
  }

  async image(number: number): Promise<Uint8Array<ArrayBuffer>> {
    const read = this.#images.get(number);
    if (!read)
      throw new MissingFileError(`row ${number}: no image, expected a row with one that was shown lately`);
    return new Uint8Array(await read());
  }

  async convert(
    to: SampleFormat,
    report: ReportRows,
    signal: AbortSignal | undefined,
  ): Promise<ConvertedDataset> {
    const { file, images, format: from } = this;
    const system = REASONING_SYSTEM_PROMPT;
    const [lines, rejected] = [new TextParts(), new TextParts()];
    let [written, rejectedRows, imagesLeftOut] = [0, 0, 0];
    for await (const part of convertDataset(file, { from, to, images, system, signal })) {
      if (part.type === "header" || part.type === "row") lines.add(part.text);
      if (part.type === "rejected") rejected.add(`${rejectedLine(part.rejected)}\n`);
      if (part.type === "row") written++;
      if (part.type === "image") imagesLeftOut++;
      if (part.type === "rejected") rejectedRows++;
      if ((written + rejectedRows) % rowsPerNews === 0) await report(written + rejectedRows);
    }
    const stem = file.path.replace(/\.\w+$/, "");
    return {
      name: `${stem}-${to}.${sampleFileEnding(to)}`,
      file: lines.blob(),
      written,
      rejected: rejectedRows > 0 ? rejected.blob() : null,
      rejectedRows,
      imagesLeftOut,
    };
  }

  async handOff(
    options: HandOffOptions,
    report: ReportRows,
    signal: AbortSignal | undefined,
  ): Promise<HandedOff> {
    const { handOff } = await import("./handoff.ts");
    return handOff(this.file, this.format, this.images, options, report, signal);
  }

  async rejectedRows(report: ReportRows, signal: AbortSignal | undefined): Promise<Blob> {
    const lines = new TextParts();
    let rows = 0;
    for await (const event of this.#read(signal)) {
      if (event.type === "rejected") lines.add(`${rejectedLine(event.rejected)}\n`);
      if (++rows % rowsPerNews === 0) await report(rows);
    }
    return lines.blob();
  }

  #read(signal: AbortSignal | undefined): AsyncGenerator<ReadEvent> {
    return readRecords(this.file, { from: this.format, images: this.images, signal });
  }

  async *#find(query: RowQuery, signal: AbortSignal): AsyncGenerator<FoundRow, void, void> {
    let rows = 0;
    for await (const event of this.#read(signal)) {
      if (matches(event, query)) {
        yield { type: "row", row: event.type === "row" ? this.#shown(event.row) : rejectedRow(event) };
      }
      if (++rows % rowsPerNews === 0) yield { type: "read", rows };
    }
    yield { type: "read", rows };
  }

  /** The row without what cannot cross; its image can be asked for from now on. */
  #shown({ number, record, image }: DatasetRow): Extract<ShownRow, { record: object }> {
    if (image) {
      this.#images.delete(number);
      this.#images.set(number, image);
      const [oldest] = this.#images.keys();
      if (this.#images.size > keptImages) this.#images.delete(oldest);
    }
    return { number, record };
  }
}

function rejectedRow({ rejected }: Extract<ReadEvent, { type: "rejected" }>): ShownRow {
  const { number, reason, detail } = rejected;
  return { number, rejected: { reason, detail, row: rejectedLine(rejected) } };
}

function matches(event: ReadEvent, { text, category, ability, reward, rejected = false }: RowQuery): boolean {
  const wanted = text?.toLowerCase() ?? "";
  const has = (...texts: string[]) => wanted === "" || texts.some((it) => it.toLowerCase().includes(wanted));
  if (event.type === "rejected") return rejected && has(rejectedLine(event.rejected));
  const { record } = event.row;
  return (
    !rejected &&
    (category === undefined || record.category === category) &&
    (reward === undefined || record.reward === reward) &&
    (ability === undefined ||
      (ability === "" ? record.abilities.length === 0 : record.abilities.includes(ability))) &&
    has(record.problem, record.refined_cot, record.answer)
  );
}
