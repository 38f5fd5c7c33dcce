/** Evaluations in the data worker: their tables, who answers and who judges, and where they are kept. */
import type { ProxyMarked } from "comlink";
import type { VlmEvalRow } from "../../src/data/formats/vlmevalkit.ts";
import { readVlmEvalTsv } from "../../src/data/formats/vlmevalkit.ts";
import type { DataFile } from "../../src/data/rows/rows.ts";
import { rowOfColumns, scoringKinds, type Benchmark } from "../../src/evaluation/benchmarks/benchmark.ts";
import { ownBenchmark } from "../../src/evaluation/benchmarks/own.ts";
import { benchmarks, findBenchmark } from "../../src/evaluation/benchmarks/registry.ts";
import { scoreSample } from "../../src/evaluation/benchmarks/score.ts";
import type { EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import type { EvaluationEvent } from "../../src/evaluation/runs/events.ts";
import type { SampleRecord } from "../../src/evaluation/runs/journal.ts";
import { openEvaluation, rescore, type StoredEvaluation } from "../../src/evaluation/runs/rescore.ts";
import { runBenchmark } from "../../src/evaluation/runs/run-benchmark.ts";
import { detectBenchmark } from "../../src/evaluation/runs/select.ts";
import { loadSettings } from "../../src/evaluation/runs/settings.ts";
import { memoryStore, type BlobStore } from "../../src/storage/blob-store.ts";
import { opfsStore } from "../../src/storage/opfs.ts";
import { InvalidOptionError, StorageError } from "../../src/util/errors.ts";
import { takeLock } from "../lock.ts";
import type { StreamApi } from "../protocol.ts";
import { eitherSignal, serve } from "../stream.ts";
import type { Streams } from "../stream.ts";
import { openAnswerer, openJudge } from "./evaluation-models.ts";
import { compareWith, downloadable, showReport } from "./evaluation-report.ts";
import type {
  EvaluationFile,
  EvaluationsApi,
  EvaluationScoring,
  EvaluationTable,
  KeptEvaluation,
  ListedBenchmark,
  ShownAnswer,
  ShownEvaluationEvent,
  ToyTable,
  WireEvaluation,
} from "./evaluation-protocol.ts";
import { openDataFile, openImages } from "./files.ts";
import type { SynthesisHost } from "./synthesis-protocol.ts";
import { toyTable } from "./toy-table.ts";

/** See {@link EvaluationsApi}. */
export class Evaluations implements EvaluationsApi {
  /** Of evaluations for which there was no storage: they last as long as the worker. */
  readonly #memory = new Map<string, { store: BlobStore; unkept: string }>();

  constructor(private readonly streams: Streams) {}

  benchmarks(): { known: ListedBenchmark[]; scoring: string[] } {
    return { known: benchmarks.map(listed), scoring: [...scoringKinds] };
  }

  async benchmarkOf(table: EvaluationTable, signal?: AbortSignal): Promise<ListedBenchmark> {
    return listed(await chooseBenchmark(openDataFile(table.data), table.benchmark, signal));
  }

  run(
    evaluation: WireEvaluation,
    host: SynthesisHost & ProxyMarked,
    signal?: AbortSignal,
  ): StreamApi<ShownEvaluationEvent> & ProxyMarked {
    return serve(this.streams, (cancelled) => this.#run(evaluation, host, eitherSignal(signal, cancelled)));
  }

  rescore(
    name: string,
    scoring: EvaluationScoring,
    host: SynthesisHost & ProxyMarked,
    signal?: AbortSignal,
  ): StreamApi<ShownEvaluationEvent> & ProxyMarked {
    return serve(this.streams, (cancelled) =>
      this.#rescore(name, scoring, host, eitherSignal(signal, cancelled)),
    );
  }

  async kept(name: string): Promise<KeptEvaluation | null> {
    const { store } = await this.#open(name);
    const settings = await loadSettings(store);
    if (!settings) return null;
    const stored = await openEvaluation(store);
    const answers = answersOf(stored);
    const { report } = stored;
    return {
      benchmark: listed(stored.benchmark),
      settings,
      answers,
      report: report && report.counts.answered === answers.length ? showReport(report) : null,
    };
  }

  async clear(name: string): Promise<void> {
    await this.#held(name, async (store) => {
      for (const key of await store.list()) await store.delete(key);
    });
  }

  async file(name: string, file: EvaluationFile): Promise<Blob> {
    const { store } = await this.#open(name);
    return downloadable(store, file);
  }

  async compare(name: string, samples: Blob, title: string): Promise<EvaluationComparison> {
    const { store } = await this.#open(name);
    return compareWith(await openEvaluation(store), store, samples, title);
  }

  async images(
    table: EvaluationTable,
    indices: string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>[]>> {
    const wanted = new Set(indices);
    const found = new Map<string, Uint8Array<ArrayBuffer>[]>();
    const images = table.images && (await openImages(table.images, { signal }));
    for await (const row of readVlmEvalTsv(openDataFile(table.data), { images, signal })) {
      if (!wanted.delete(row.index)) continue;
      found.set(row.index, await imagesOf(row, signal));
      if (wanted.size === 0) break;
    }
    return found;
  }

  toyTable(kind: ToyTable): Promise<ReadonlyMap<string, Blob>> {
    return toyTable(kind);
  }

  async *#run(
    { name, table, answerer: who, judge: judgedBy, ...options }: WireEvaluation,
    host: SynthesisHost,
    signal: AbortSignal,
  ): AsyncGenerator<ShownEvaluationEvent, void, void> {
    const { concurrency, system, maxTokens, cutTags, split, limit, seed } = options;
    const release = await this.#hold(name);
    try {
      const { store, unkept } = await this.#open(name);
      const file = openDataFile(table.data);
      const benchmark = await chooseBenchmark(file, table.benchmark, signal);
      const images = table.images && (await openImages(table.images, { signal }));
      const { answerer, model } = await openAnswerer(who, host, concurrency);
      const judge = await openJudge(judgedBy, host, store);
      const events = runBenchmark({
        benchmark, file, images, answerer, model, judge, store, cutTags, split, limit, seed, signal,
        ...(system !== undefined && { system }), sampling: { maxTokens },
      }); // prettier-ignore
      const provisional = (sample: SampleRecord) =>
        scoreByRules(benchmark, sample, { cutTags, judge: judge !== undefined });
      for await (const event of events) yield await this.#shown(event, store, unkept, provisional);
    } finally {
      release();
    }
  }

  async *#rescore(
    name: string,
    { cutTags, judge: judgedBy }: EvaluationScoring,
    host: SynthesisHost,
    signal: AbortSignal,
  ): AsyncGenerator<ShownEvaluationEvent, void, void> {
    const release = await this.#hold(name);
    try {
      const { store, unkept } = await this.#open(name);
      const judge = await openJudge(judgedBy, host, store);
      for await (const event of rescore(store, { cutTags, judge }, signal))
        yield await this.#shown(event, store, unkept);
    } finally {
      release();
    }
  }

  async #shown(
    event: EvaluationEvent,
    store: BlobStore,
    unkept: string | null,
    provisional?: (sample: SampleRecord) => ShownAnswer,
  ): Promise<ShownEvaluationEvent> {
    switch (event.type) {
      case "begun": {
        const { settings, total } = event;
        const { samples } = await openEvaluation(store);
        return {
          type: "begun",
          settings,
          total,
          unkept,
          answers: provisional ? samples.map(provisional) : [],
        };
      }
      case "answered": {
        const { sample, answered, total } = event;
        if (!provisional) throw new InvalidOptionError("re-scoring", "a new answer", "none");
        return { type: "answered", answer: provisional(sample), answered, total };
      }
      case "finished":
        return {
          type: "finished",
          report: showReport(event.report),
          answers: answersOf(await openEvaluation(store)),
        };
      default:
        return event;
    }
  }

  async #held(name: string, work: (store: BlobStore) => Promise<void>): Promise<void> {
    const release = await this.#hold(name);
    try {
      await work((await this.#open(name)).store);
    } finally {
      release();
    }
  }

  /** @throws StorageError while it goes on elsewhere. */
  async #hold(name: string): Promise<() => void> {
    const release = await takeLock(folderOf(name));
    if (release) return release;
    throw new StorageError(
      `evaluation ${name}: it is going on in another tab, expected one tab at a time: stop it there first`,
    );
  }

  /** In memory where the browser keeps nothing. */
  async #open(name: string): Promise<{ store: BlobStore; unkept: string | null }> {
    const known = this.#memory.get(name);
    if (known) return known;
    const store = opfsStore(folderOf(name));
    try {
      await store.list();
      return { store, unkept: null };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const inMemory = { store: memoryStore(), unkept: error.message };
      this.#memory.set(name, inMemory);
      return inMemory;
    }
  }
}

function folderOf(name: string): string {
  return `thinktab-evaluation-${name}`;
}

function listed(benchmark: Benchmark): ListedBenchmark {
  const { name, title, scoring, judge, systemPrompt, headline, published, files } = benchmark;
  return { name, title, scoring, judge, systemPrompt, headline, published, files: [...files] };
}

/** By its name or way of scoring, else by the file's name, else by the columns. @throws InvalidOptionError */
async function chooseBenchmark(
  file: DataFile,
  choice: string | undefined,
  signal?: AbortSignal,
): Promise<Benchmark> {
  const fileName = file.path.slice(file.path.lastIndexOf("/") + 1);
  const stem = fileName.replace(/\.tsv$/i, "");
  if (choice === undefined) return findBenchmark(fileName) ?? detectBenchmark(file, stem, { signal });
  const kind = scoringKinds.find((each) => each === choice);
  const found = kind ? ownBenchmark(stem, kind) : findBenchmark(choice);
  if (found) return found;
  throw new InvalidOptionError("benchmark", choice, "a name of the registry, or a way of scoring");
}

/** What the rules say of an answer, before any judge is asked. */
function scoreByRules(
  benchmark: Benchmark,
  sample: SampleRecord,
  options: { cutTags: boolean; judge: boolean },
): ShownAnswer {
  const { score, extracted, how, why } = scoreSample(
    benchmark,
    rowOfColumns(sample.columns),
    sample.response,
    options,
  );
  return { sample, score: { index: sample.index, score, extracted, how, why } };
}

function answersOf({ benchmark, samples, scores, report }: StoredEvaluation): ShownAnswer[] {
  const byIndex = new Map(scores.map((score) => [score.index, score]));
  const cutTags = report?.scoring.cutTags ?? true;
  return samples.map((sample) => {
    const score = byIndex.get(sample.index);
    return score ? { sample, score } : scoreByRules(benchmark, sample, { cutTags, judge: false });
  });
}

/** An image that cannot be read is none: the answer beside it is shown all the same. */
async function imagesOf(row: VlmEvalRow, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>[]> {
  try {
    return (await row.images({ signal })).map((image) => new Uint8Array(image));
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof StorageError) throw error;
    return [];
  }
}
