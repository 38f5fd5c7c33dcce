/** The store of a synthesis in Node: files of JSON lines, which a crash can only cut at their end. */
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asStorageError } from "../storage/blob-store.ts";
import type { ImageOutcome, KeptAnswer, SynthesisRun, SynthesisStore } from "../synthesis/store.ts";
import { CorruptFileError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";

/** Where a line stands in its file. */
type Place = readonly [offset: number, length: number];

/**
 * Lines by key; of several with one key the last counts. Of what was read, only the places of lines stay in memory. A
 * line that a crash cut off is passed over.
 */
export class LineJournal<T> {
  #end = 0;
  #torn = false;
  #last: Promise<unknown> = Promise.resolve();
  readonly #places = new Map<string, Place>();

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** Opens the file, made when there is none. @throws StorageError */
  static async open<T>(path: string): Promise<LineJournal<T>> {
    try {
      await mkdir(dirname(path), { recursive: true });
      const journal = new LineJournal<T>(path, await open(path, "a+"));
      await journal.#read();
      return journal;
    } catch (error) {
      throw asStorageError(error, path);
    }
  }

  async #read(): Promise<void> {
    let rest = Buffer.alloc(0);
    let offset = 0;
    for await (const chunk of createReadStream(this.path) as AsyncIterable<Buffer>) {
      let from = 0;
      const bytes = Buffer.concat([rest, chunk]);
      for (let to; (to = bytes.indexOf(10, from)) >= 0; from = to + 1) {
        this.#place(bytes.subarray(from, to), offset + from);
      }
      offset += from;
      rest = bytes.subarray(from);
    }
    // The last line may be whole and lack only its end.
    if (rest.length > 0) this.#place(rest, offset);
    this.#torn = rest.length > 0;
    this.#end = offset + rest.length;
  }

  #place(line: Buffer, offset: number): void {
    const key = keyOf(line.toString());
    if (key !== null) this.#places.set(key, [offset, line.length]);
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  async get(key: string): Promise<T | null> {
    const place = this.#places.get(key);
    if (!place) return null;
    const [offset, length] = place;
    const { buffer } = await this.file.read(Buffer.alloc(length), 0, length, offset);
    try {
      return (JSON.parse(buffer.toString()) as { value: T }).value;
    } catch (cause) {
      throw new CorruptFileError(
        `${this.path}: got another line at byte ${offset} than there was, expected one process at a time to write it`,
        { cause },
      );
    }
  }

  /** Fulfilled when the line is on the disk. @throws StorageError */
  set(key: string, value: T): Promise<void> {
    const written = this.#last.then(async () => {
      const line = Buffer.from(JSON.stringify({ key, value }));
      const text = Buffer.concat([Buffer.from(this.#torn ? "\n" : ""), line, Buffer.from("\n")]);
      const begin = this.#end + (this.#torn ? 1 : 0);
      try {
        this.#torn = true; // until it is whole
        await this.file.appendFile(text);
        await this.file.datasync();
        this.#torn = false;
      } catch (error) {
        this.#end = (await this.file.stat()).size;
        throw asStorageError(error, this.path);
      }
      this.#end += text.length;
      this.#places.set(key, [begin, line.length]);
    });
    this.#last = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.file.close();
  }
}

/** The key of a whole line; null for a part of one. */
function keyOf(line: string): string | null {
  try {
    const { key } = JSON.parse(line) as { key?: unknown };
    return typeof key === "string" ? key : null;
  } catch {
    return null;
  }
}

/** Files of a synthesis whose records go to `out`. */
export function synthesisFiles(out: string): { records: string; folder: string; images: string } {
  const stem = out.replace(/\.jsonl?$/i, "");
  return { records: out, folder: `${stem}.synth`, images: `${stem}-images` };
}

/** What {@link JsonlSynthesisStore.write} wrote. */
export interface WrittenRecords {
  records: number;
  drops: number;
  files: string[];
}

/**
 * Journal, outcomes and runs in a folder beside the records. The records themselves are written from the outcomes, in
 * the order of the images.
 */
export class JsonlSynthesisStore implements SynthesisStore {
  private constructor(
    readonly name: string,
    private readonly answers: LineJournal<KeptAnswer>,
    private readonly kept: LineJournal<ImageOutcome>,
    private readonly runs: LineJournal<SynthesisRun>,
  ) {}

  /** @throws StorageError */
  static async open(folder: string): Promise<JsonlSynthesisStore> {
    const answers = await LineJournal.open<KeptAnswer>(join(folder, "journal.jsonl"));
    const kept = await LineJournal.open<ImageOutcome>(join(folder, "outcomes.jsonl"));
    const runs = await LineJournal.open<SynthesisRun>(join(folder, "runs.jsonl"));
    return new JsonlSynthesisStore(folder, answers, kept, runs);
  }

  answer(key: string): Promise<KeptAnswer | null> {
    return this.answers.get(key);
  }

  keepAnswer(key: string, answer: KeptAnswer): Promise<void> {
    return this.answers.set(key, answer);
  }

  async keepRun(run: SynthesisRun): Promise<void> {
    if (!this.runs.has(run.fingerprint)) await this.runs.set(run.fingerprint, run);
  }

  /** An outcome that is there already is not written again. */
  async keepOutcome(outcome: ImageOutcome): Promise<void> {
    const there = await this.kept.get(outcome.path);
    if (JSON.stringify(there) !== JSON.stringify(outcome)) await this.kept.set(outcome.path, outcome);
  }

  /**
   * Writes the records of a run to a file, and beside the journal its drops and the provenance of each record, in the
   * order of the images: each file takes the old one's place as a whole.
   * @throws StorageError
   */
  async write(out: string, paths: readonly string[], run: string): Promise<WrittenRecords> {
    const drops = join(this.name, "drops.jsonl");
    const provenance = join(this.name, "provenance.jsonl");
    const written: WrittenRecords = { records: 0, drops: 0, files: [out, provenance, drops] };
    await mkdir(dirname(out), { recursive: true });
    await replace([out, provenance, drops], async ([toRecords, toProvenance, toDrops]) => {
      for (const path of paths) {
        const outcome = await this.kept.get(path);
        if (outcome?.run !== run) continue;
        for (const kept of outcome.kept) {
          await toRecords(kept.record);
          await toProvenance(kept.provenance);
          written.records++;
        }
        for (const drop of outcome.drops) {
          await toDrops(drop);
          written.drops++;
        }
      }
    });
    return written;
  }

  /** Whether the records of a run may take the place of a file: it is not there, is empty, or is of the same run. */
  async mayReplace(out: string, run: string): Promise<boolean> {
    const there = await stat(out).catch(() => null);
    if (there === null || there.size === 0) return true;
    const provenance = await readFile(join(this.name, "provenance.jsonl"), "utf8").catch(() => "");
    const [line] = provenance.split("\n", 1);
    const first: unknown = line === "" ? null : JSON.parse(line);
    return isRecord(first) && first.run === run;
  }

  async close(): Promise<void> {
    await Promise.all([this.answers.close(), this.kept.close(), this.runs.close()]);
  }
}

type WriteLine = (value: unknown) => Promise<void>;

/** Writes files of lines anew; each takes its place only when all are whole. */
async function replace(
  paths: readonly string[],
  fill: (writers: WriteLine[]) => Promise<void>,
): Promise<void> {
  const temporary = paths.map((path) => `${path}.partial`);
  const files: FileHandle[] = [];
  try {
    for (const path of temporary) {
      await writeFile(path, "");
      files.push(await open(path, "a"));
    }
    await fill(files.map((file) => async (value) => file.appendFile(`${JSON.stringify(value)}\n`)));
    for (const file of files) await file.sync();
    for (const file of files.splice(0)) await file.close();
    for (const [at, path] of paths.entries()) await rename(temporary[at], path);
  } catch (error) {
    for (const file of files) await file.close().catch(() => undefined);
    for (const path of temporary) await rm(path, { force: true });
    throw asStorageError(error, paths[0]);
  }
}
