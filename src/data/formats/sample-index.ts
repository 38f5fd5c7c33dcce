/** Random access to the samples of a file that is too long to be held. */
import type { ReadOptions } from "../../storage/source.ts";
import { CorruptFileError } from "../../util/errors.ts";
import { nameOf, type DataFile } from "../rows/data-file.ts";
import { detectFormat } from "../rows/rows.ts";
import type { RejectedRow } from "../wethink/record.ts";
import { detectSampleFormat, readSamples, sampleOfRow, type ReadSamplesOptions } from "./convert.ts";
import type { DataSample } from "./sample.ts";

export interface SampleIndexOptions extends ReadSamplesOptions {
  /** Whether a sample is kept; a text is the reason why not. Default: all are. */
  keep?: (sample: DataSample, number: number) => RejectedRow["reason"] | undefined;
  onRejected?: (row: RejectedRow) => void;
  /** Called with the number of rows read, every thousand. */
  onProgress?: (rows: number) => void;
}

/**
 * The samples of a file that were taken, each read when it is asked for. A file is read through once. Of JSON lines
 * stays where each line begins, 8 bytes a row; of other files, which have no such places, the samples' texts, in Blobs,
 * which a browser may keep on disk.
 */
export class SampleIndex {
  /** Each sample's row in the file, from 1. */
  readonly #numbers: number[] = [];
  readonly #texts: TextStore | undefined;
  #lines: LineStarts | undefined;
  #from: Parameters<typeof sampleOfRow>[1] = "wethink";

  private constructor(
    private readonly file: DataFile,
    lines: LineStarts | undefined,
  ) {
    this.#lines = lines;
    if (!lines) this.#texts = new TextStore();
  }

  /** @throws as {@link readSamples} does */
  static async build(file: DataFile, options: SampleIndexOptions = {}): Promise<SampleIndex> {
    const format = options.format ?? (await detectFormat(file, options));
    const lines = format === "jsonl" ? new LineStarts(file) : undefined;
    const from = options.from ?? (await detectSampleFormat(file, { ...options, format }));
    const index = new SampleIndex(file, from === "vlmevalkit" ? undefined : lines);
    if (from !== "vlmevalkit") index.#from = from;
    await index.#read(lines?.tapped ?? file, { ...options, format, from });
    return index;
  }

  get count(): number {
    return this.#numbers.length;
  }

  /** The row of a sample in the file, from 1. */
  numberOf(index: number): number {
    return this.#numbers[index];
  }

  /** @throws CorruptFileError when the file has changed since it was indexed */
  async sample(index: number, options?: ReadOptions): Promise<DataSample> {
    const number = this.#numbers[index];
    if (!this.#lines) return JSON.parse((await this.#texts?.get(index)) ?? "") as DataSample;
    const { begin, end } = this.#lines.range(number);
    const { source, path } = this.file;
    const bytes = await source.read(path, begin, end, options);
    try {
      return sampleOfRow(JSON.parse(new TextDecoder().decode(bytes)), this.#from);
    } catch (cause) {
      throw new CorruptFileError(
        `${nameOf(this.file)}: line ${number} is not what it was when the file was opened (${String(cause)})`,
        { cause },
      );
    }
  }

  async #read(
    file: DataFile,
    { keep, onRejected, onProgress, ...options }: SampleIndexOptions,
  ): Promise<void> {
    let rows = 0;
    for await (const event of readSamples(file, options)) {
      if (++rows % 1000 === 0) onProgress?.(rows);
      if (event.type === "rejected") {
        onRejected?.(event.rejected);
        continue;
      }
      const { number, sample } = event;
      const reason = event.pixels ? "wrong-type" : keep?.(sample, number);
      if (reason === undefined) {
        this.#numbers.push(number);
        this.#texts?.add(JSON.stringify(sample));
      } else {
        const detail = event.pixels
          ? "the table holds the picture itself, expected a path: `thinktab data convert` takes pictures out of tables"
          : reasons[reason];
        onRejected?.({ number, reason, detail: detail ?? reason, row: sample });
      }
    }
    this.#lines?.close(await this.file.source.size(this.file.path, options));
  }
}

const reasons: Partial<Record<RejectedRow["reason"], string>> = {
  "empty-answer": "there is no answer",
  "empty-reasoning": "there is no reasoning",
  "missing-field": "there is no picture",
};

/** Where the lines of a file begin, found while it is read through. */
class LineStarts {
  readonly tapped: DataFile;
  readonly #starts = [0];
  #read = 0;
  #size = 0;

  constructor({ source, path }: DataFile) {
    const tapped: DataFile["source"] = {
      name: source.name,
      size: (name, options) => source.size(name, options),
      exists: (name, options) => source.exists(name, options),
      read: async (name, begin = 0, end, options) => {
        const bytes = await source.read(name, begin, end, options);
        // The file is read in order; its beginning may be looked at more often.
        if (begin === this.#read) this.#note(bytes);
        return bytes;
      },
    };
    this.tapped = { source: tapped, path };
  }

  #note(bytes: Uint8Array): void {
    const newline = 0x0a; // in UTF-8 part of nothing else
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1))
      this.#starts.push(this.#read + at + 1);
    this.#read += bytes.byteLength;
  }

  /** @param size of the whole file */
  close(size: number): void {
    this.#size = size;
  }

  /** @param line from 1 */
  range(line: number): { begin: number; end: number } {
    return { begin: this.#starts[line - 1], end: this.#starts.at(line) ?? this.#size };
  }
}

const blockBytes = 1 << 20;

/** Texts one after another, as UTF-8 in large blocks; all but the last of them are Blobs. */
class TextStore {
  readonly #full: Blob[] = [];
  readonly #places: { block: number; begin: number; end: number }[] = [];
  #open = new Uint8Array(blockBytes);
  #used = 0;

  add(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (this.#used + bytes.byteLength > this.#open.byteLength) {
      this.#full.push(new Blob([this.#open.subarray(0, this.#used)]));
      this.#open = new Uint8Array(Math.max(blockBytes, bytes.byteLength));
      this.#used = 0;
    }
    this.#open.set(bytes, this.#used);
    const begin = this.#used;
    this.#used += bytes.byteLength;
    this.#places.push({ block: this.#full.length, begin, end: this.#used });
  }

  async get(index: number): Promise<string> {
    const { block, begin, end } = this.#places[index];
    const full = this.#full.at(block);
    return full ? full.slice(begin, end).text() : new TextDecoder().decode(this.#open.subarray(begin, end));
  }
}
