/** The data set that is looked into: which files, what is in it, and which of its rows are shown. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type {
  DataFiles,
  DatasetFiles,
  DataWorker,
  PlainReport,
  RemoteDataset,
  RowQuery,
  ShownRow,
} from "../../workers/client.ts";
import { dataWorker } from "../state/data-worker.ts";
import { openFiles } from "../state/open-records.ts";
import { chosenFiles } from "./files.ts";

/** Rows that are shown at a time. */
const pageRows = 12;

/** What a search asks for; "any" is no condition. */
export interface RowFilter {
  text: string;
  category: string;
  ability: string;
  reward: string;
  rejected: boolean;
}

/** How a search stands: there are more rows to be had, all were found, or it was stopped before its end. */
export type Searched = "going" | "more" | "all" | "stopped";

const noFilter: RowFilter = { text: "", category: any(), ability: any(), reward: any(), rejected: false };

/** Of a field with values: no condition. No value of a record has a zero character. */
export function any(): string {
  return "\0any";
}

class DataStore {
  readonly #files = signal<DatasetFiles | null>(null);
  readonly #dataset = signal<RemoteDataset | null>(null);
  readonly #report = signal<PlainReport | null>(null);
  readonly #rows = signal<readonly ShownRow[]>([]);
  readonly #read = signal<number | null>(null);
  readonly #searched = signal<Searched>("all");
  readonly #lookedAt = signal(0);
  readonly problem: Signal<unknown> = signal(null);
  readonly filter: Signal<RowFilter> = signal(noFilter);

  readonly files: ReadonlySignal<DatasetFiles | null> = this.#files;
  readonly dataset: ReadonlySignal<RemoteDataset | null> = this.#dataset;
  readonly report: ReadonlySignal<PlainReport | null> = this.#report;
  readonly rows: ReadonlySignal<readonly ShownRow[]> = this.#rows;
  /** Rows read so far, while something reads; else null. */
  readonly read: ReadonlySignal<number | null> = this.#read;
  readonly searched: ReadonlySignal<Searched> = this.#searched;
  /** Rows that the search has looked at. */
  readonly lookedAt: ReadonlySignal<number> = this.#lookedAt;
  readonly title: ReadonlySignal<string> = computed(() => describeFiles(this.#files.value));

  #reading: AbortController | undefined;
  #search: { rows: AsyncGenerator<ShownRow, void, void>; controller: AbortController } | undefined;
  /** Images that were chosen before their data set. */
  #images: DataFiles | undefined;

  /**
   * Files that were picked or dropped: a data set, its images, or both.
   * @param kind images only: a folder of them may hold data files too.
   */
  async addFiles(files: readonly File[], kind?: "images"): Promise<void> {
    try {
      const { data, images = this.#images } = chosenFiles(files, kind);
      const chosen = data ? new Map([[data.name, data]]) : this.#files.peek()?.data;
      // The next data set has images of its own.
      this.#images = chosen === undefined ? images : undefined;
      if (chosen === undefined) this.problem.value = null;
      else await this.open({ data: chosen, ...(images !== undefined && { images }) });
    } catch (error) {
      this.problem.value = error;
    }
  }

  async openAddress(data: string, images: string): Promise<void> {
    await this.open({ data, ...(images !== "" && { images }) });
  }

  async makeUp(): Promise<void> {
    await this.#work(async (worker, signal) => {
      const made = await worker.makeUp(48, 1);
      signal.throwIfAborted(); // another one was opened meanwhile
      await this.open(made);
    });
  }

  /** Reads a data set through. What was open is closed. */
  async open(files: DatasetFiles): Promise<void> {
    this.stop();
    this.#dataset.peek()?.close();
    batch(() => {
      this.#files.value = files;
      openFiles.value = null; // until it is known to be a data set
      this.#dataset.value = null;
      this.#report.value = null;
      this.#rows.value = [];
      this.filter.value = noFilter;
    });
    await this.#work(async (worker, signal) => {
      const dataset = await worker.open(files, { signal });
      this.#dataset.value = dataset;
      const report = await dataset.inspect({ onProgress: (rows) => (this.#read.value = rows), signal });
      signal.throwIfAborted();
      batch(() => {
        this.#report.value = report;
        openFiles.value = files;
      });
    });
    if (this.#report.peek()) await this.find();
  }

  /** Begins a search for what the filter asks for, and shows the first rows. */
  async find(): Promise<void> {
    const dataset = this.#dataset.peek();
    if (!dataset) return;
    this.#endSearch();
    const controller = new AbortController();
    batch(() => {
      this.#rows.value = [];
      this.#lookedAt.value = 0;
      this.#searched.value = "going";
    });
    const onProgress = (looked: number) => {
      if (this.#search?.controller === controller) this.#lookedAt.value = looked;
    };
    const rows = dataset.rows(queryOf(this.filter.peek()), { signal: controller.signal, onProgress });
    this.#search = { rows, controller };
    await this.more();
  }

  /** Shows the next rows of the search. */
  async more(): Promise<void> {
    const search = this.#search;
    if (!search || this.#searched.peek() === "stopped") return;
    this.#searched.value = "going";
    const found: ShownRow[] = [];
    try {
      for (;;) {
        const next = await search.rows.next();
        if (search !== this.#search) return; // another one began meanwhile
        if (next.done) break;
        found.push(next.value);
        if (found.length === pageRows) break;
      }
      batch(() => {
        this.#rows.value = [...this.#rows.peek(), ...found];
        this.#searched.value = found.length === pageRows ? "more" : "all";
      });
    } catch (error) {
      if (search !== this.#search) return;
      batch(() => {
        this.#rows.value = [...this.#rows.peek(), ...found];
        this.#searched.value = "stopped";
        if (!search.controller.signal.aborted) this.problem.value = error;
      });
    }
  }

  /** Changes the filter, and searches. */
  filterBy(change: Partial<RowFilter>): void {
    this.filter.value = { ...this.filter.peek(), ...change };
    void this.find();
  }

  /** Ends what reads the file. */
  stop(): void {
    this.#reading?.abort(new DOMException("stopped by the user", "AbortError"));
    this.#endSearch();
    this.#searched.value = "all";
  }

  /** Ends the search; what it has found stays. */
  stopSearching(): void {
    this.#search?.controller.abort(new DOMException("stopped by the user", "AbortError"));
  }

  /** A search that nobody wants any more does not read on. */
  #endSearch(): void {
    const search = this.#search;
    this.#search = undefined;
    search?.controller.abort(new DOMException("another search began", "AbortError"));
    search?.rows.return().catch(() => undefined); // its worker may have failed; that is told where it is used
  }

  /** Something with the data set that takes its time, e.g. to convert it. Undefined when it was ended or failed. */
  async run<T>(
    work: (dataset: RemoteDataset, signal: AbortSignal, onProgress: (rows: number) => void) => Promise<T>,
  ): Promise<T | undefined> {
    const dataset = this.#dataset.peek();
    if (!dataset) return undefined;
    return this.#work((_worker, signal) => work(dataset, signal, (rows) => (this.#read.value = rows)));
  }

  async #work<T>(work: (worker: DataWorker, signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    this.problem.value = null;
    const controller = new AbortController();
    this.#reading = controller;
    this.#read.value = 0;
    try {
      return await work(await dataWorker(), controller.signal);
    } catch (error) {
      if (this.#reading === controller) this.problem.value = error;
      return undefined;
    } finally {
      if (this.#reading === controller) this.#read.value = null;
    }
  }
}

function queryOf({ text, category, ability, reward, rejected }: RowFilter): RowQuery {
  if (rejected) return { rejected, text };
  const set = (value: string) => (value === any() ? undefined : value);
  return { text, category: set(category), ability: set(ability), reward: set(reward) };
}

function describeFiles(files: DatasetFiles | null): string {
  if (!files) return "";
  const images = files.images === undefined ? "no images" : describe(files.images);
  return `${describe(files.data)}, ${images}`;
}

function describe(files: DataFiles): string {
  if (typeof files === "string") return files;
  const names: string[] =
    files instanceof Map
      ? [...(files as ReadonlyMap<string, Blob>).keys()]
      : (files as readonly File[]).map(({ name }) => name);
  return names.length === 1 ? names[0] : `${names.length} files`;
}

export const data = new DataStore();
