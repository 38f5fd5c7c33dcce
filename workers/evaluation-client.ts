/** Evaluations as a page has them: the data worker reads tables, asks and scores; the page holds keys and the policy. */
import type { ProxyMarked, Remote } from "comlink";
import type { EvaluationComparison } from "../src/evaluation/runs/compare.ts";
import type {
  EvaluationFile,
  EvaluationsApi,
  EvaluationScoring,
  EvaluationTable,
  KeptEvaluation,
  ListedBenchmark,
  ShownEvaluationEvent,
  ToyTable,
  WireEvaluation,
} from "./data/evaluation-protocol.ts";
import type { WireFiles } from "./data/files.ts";
import type { Failure } from "./failure.ts";
import { readStream } from "./stream.ts";
import { synthesisHost } from "./synthesis-client.ts";
import type { SynthesisClientOptions } from "./synthesis-client.ts";
import { filesToWire, type DataFiles } from "./wire-files.ts";

export type {
  EvaluatedPolicy,
  EvaluationFile,
  EvaluationScoring,
  KeptEvaluation,
  ListedBenchmark,
  ShownAnswer,
  ShownEvaluationEvent,
  ShownReport,
  ToyTable,
} from "./data/evaluation-protocol.ts";

/** A benchmark's table in VLMEvalKit's layout, and where its images by path are. */
export interface EvaluationFiles {
  /** One TSV. */
  data: DataFiles;
  /** The files of a folder, one zip archive, or the parts of one; an address of a folder ends with "/". */
  images?: DataFiles;
  /** A benchmark of the registry, or a way of scoring. Absent: by the file's name, else by its columns. */
  benchmark?: string;
}

/** What is evaluated, and how. */
export interface EvaluationRequest extends Omit<WireEvaluation, "table"> {
  table: EvaluationFiles;
}

/** Benchmarks in the data worker. */
export class RemoteEvaluations {
  /** Made by `DataWorker.evaluations`. @internal */
  constructor(
    private readonly api: Remote<EvaluationsApi & ProxyMarked>,
    private readonly failure: Failure,
  ) {}

  /** The registry, and the ways of scoring a table of one's own. */
  benchmarks(): Promise<{ known: ListedBenchmark[]; scoring: string[] }> {
    return this.failure.orElse(this.api.benchmarks());
  }

  /** How a table would be scored. @throws CorruptFileError, MissingFileError, InvalidOptionError, AbortError */
  benchmarkOf(table: EvaluationFiles, signal?: AbortSignal): Promise<ListedBenchmark> {
    return this.failure.orElse(this.api.benchmarkOf(toWireTable(table), signal));
  }

  /**
   * Runs a benchmark: see `runBenchmark` in `thinktab/engine`. Every answer and every judgement is kept in this browser
   * under the request's name: the same request goes on where it was, and nothing is asked twice. Leaving the loop stops
   * it.
   * @throws InvalidOptionError, also where the name has an evaluation with other settings; CorruptFileError,
   *   LanguageModelError, StorageError, AbortError
   */
  async *run(
    { table, ...request }: EvaluationRequest,
    { signal, ...host }: SynthesisClientOptions = {},
  ): AsyncGenerator<ShownEvaluationEvent, void, void> {
    signal?.throwIfAborted();
    const evaluation: WireEvaluation = { ...request, table: toWireTable(table) };
    const stream = await this.failure.orElse(this.api.run(evaluation, synthesisHost(host), signal));
    yield* readStream(stream, this.failure, signal);
  }

  /** Scores the answers of an evaluation again; who answered is not asked, and a judge only what it was not before. */
  async *rescore(
    name: string,
    scoring: EvaluationScoring,
    { signal, ...host }: SynthesisClientOptions = {},
  ): AsyncGenerator<ShownEvaluationEvent, void, void> {
    signal?.throwIfAborted();
    const stream = await this.failure.orElse(this.api.rescore(name, scoring, synthesisHost(host), signal));
    yield* readStream(stream, this.failure, signal);
  }

  /** What this browser keeps of an evaluation; null when there is nothing. @throws CorruptFileError */
  kept(name: string): Promise<KeptEvaluation | null> {
    return this.failure.orElse(this.api.kept(name));
  }

  /** Forgets an evaluation, its answers included. @throws StorageError while it goes on in another tab. */
  async clear(name: string): Promise<void> {
    await this.failure.orElse(this.api.clear(name));
  }

  /** The report, or the samples with all that scoring them again takes. @throws MissingFileError */
  file(name: string, file: EvaluationFile): Promise<Blob> {
    return this.failure.orElse(this.api.file(name, file));
  }

  /**
   * An evaluation (a) beside the samples of another one (b), over what both have, by a paired bootstrap.
   * @param title of the other one, for a file that does not name its model.
   * @throws CorruptFileError for a file without samples; InvalidOptionError for those of another benchmark.
   */
  compare(name: string, samples: Blob, title: string): Promise<EvaluationComparison> {
    return this.failure.orElse(this.api.compare(name, samples, title));
  }

  /** Encoded images of rows, by index; those that cannot be read are left out. */
  images(
    table: EvaluationFiles,
    indices: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>[]>> {
    return this.failure.orElse(this.api.images(toWireTable(table), [...indices], signal));
  }

  /** A small table about pictures of coloured shapes: something to try things with. */
  toyTable(kind: ToyTable): Promise<ReadonlyMap<string, Blob>> {
    return this.failure.orElse(this.api.toyTable(kind));
  }
}

function toWireTable({ data, images, benchmark }: EvaluationFiles): EvaluationTable {
  const wire = (files: DataFiles, what: string): WireFiles => filesToWire(files, what);
  return {
    data: wire(data, "benchmark"),
    ...(images !== undefined && { images: wire(images, "images") }),
    ...(benchmark !== undefined && { benchmark }),
  };
}
