import type { BlobStore } from "../../storage/blob-store.ts";
import { isRecord } from "../../util/is-record.ts";

/** A question that was answered, with all that scoring it takes: a line of `samples.jsonl`. */
export interface SampleRecord {
  /** Of the question in the run, from 0. */
  position: number;
  index: string;
  /** Every cell of the row that has something in it, pixels left out. */
  columns: Record<string, string>;
  /** Images that were shown. */
  images: number;
  /** What was asked, `<image 1>` standing for an image. The system prompt is in the settings. */
  prompt: string;
  /** As it was given, tags and all. */
  response: string;
  /** Of the response, where who answers tells. */
  tokens?: number;
  /** "length": cut at the limit of tokens. */
  finishReason?: "stop" | "length";
}

/** What a judge replied to one question: a line of `judge.jsonl`. */
export interface ReplyRecord {
  /** Of judge and question. */
  key: string;
  judge: string;
  reply: string;
}

/** Records in one blob of a store, a line of JSON each, written as they come. */
export class Journal<Entry> {
  #written: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: BlobStore,
    private readonly file: string,
    /** What was there when it was opened. Lines that are no records are passed over: a crash may have cut the last. */
    readonly entries: Entry[],
    /** The blob may end in the middle of a line. */
    private torn: boolean,
  ) {}

  static async open<Entry>(
    store: BlobStore,
    file: string,
    isEntry: (value: Record<string, unknown>) => boolean,
  ): Promise<Journal<Entry>> {
    const text = new TextDecoder().decode((await store.load(file)) ?? new Uint8Array(0));
    const entries = text.split("\n").flatMap((line): Entry[] => {
      const value = parseLine(line);
      return isRecord(value) && isEntry(value) ? [value as Entry] : [];
    });
    return new Journal(store, file, entries, text !== "" && !text.endsWith("\n"));
  }

  /** Adds records; one call after the other, whatever became of the one before. */
  async append(records: readonly Entry[]): Promise<void> {
    if (records.length === 0) return;
    const mine = this.#written.then(async () => {
      const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
      const begin = this.torn ? "\n" : "";
      this.torn = true; // an append that fails may leave a part
      await this.store.append(this.file, new TextEncoder().encode(begin + lines));
      this.torn = false;
    });
    this.#written = mine.catch(() => undefined);
    await mine;
  }
}

/** The answers of a run, by index, in the order of the benchmark. */
export async function openSamples(
  store: BlobStore,
): Promise<{ journal: Journal<SampleRecord>; samples: Map<string, SampleRecord> }> {
  const journal = await Journal.open<SampleRecord>(
    store,
    samplesFile,
    ({ position, index, columns, response }) =>
      typeof position === "number" &&
      typeof index === "string" &&
      isRecord(columns) &&
      typeof response === "string",
  );
  const ordered = journal.entries.toSorted((a, b) => a.position - b.position);
  return { journal, samples: new Map(ordered.map((sample) => [sample.index, sample])) };
}

export async function openReplies(
  store: BlobStore,
): Promise<{ journal: Journal<ReplyRecord>; replies: Map<string, string> }> {
  const journal = await Journal.open<ReplyRecord>(
    store,
    repliesFile,
    ({ key, reply }) => typeof key === "string" && typeof reply === "string",
  );
  return { journal, replies: new Map(journal.entries.map(({ key, reply }) => [key, reply])) };
}

export const samplesFile = "samples.jsonl";
const repliesFile = "judge.jsonl";

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
