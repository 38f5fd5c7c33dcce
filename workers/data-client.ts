/** The data worker as a page has it: data sets are read, searched and converted there, and rewards explained. */
import { proxy, releaseProxy, wrap } from "comlink";
import type { Endpoint, ProxyMarked, Remote } from "comlink";
import type { SampleFormat } from "../src/data/formats/sample.ts";
import type { RewardExplanation } from "../src/rl/explain-reward.ts";
import type { SynthesisEvent } from "../src/synthesis/events.ts";
import type { ImageOutcome } from "../src/synthesis/store.ts";
import type { HybridExample } from "../src/rl/hybrid-reward.ts";
import { ThinktabError } from "../src/util/errors.ts";
import type {
  ConvertedDataset,
  DataApi,
  DatasetApi,
  HandedOff,
  HandOffOptions,
  MadeUpDataset,
  PlainReport,
  ReadLog,
  RowQuery,
  ShownRow,
  WireDataset,
} from "./data/protocol.ts";
import { RemoteEvaluations } from "./evaluation-client.ts";
import { Failure } from "./failure.ts";
import { synthesisHost } from "./synthesis-client.ts";
import type { SynthesisClientOptions, SynthesisRequest, ToyImages } from "./synthesis-client.ts";
import { readStream } from "./stream.ts";
import { installTransferHandlers } from "./transfer.ts";
import { filesToWire, type DataFiles } from "./wire-files.ts";

export type {
  ConvertedDataset,
  HandedOff,
  HandOffOptions,
  MadeUpDataset,
  PlainReport,
  ReadLog,
  RowQuery,
  ShownRow,
} from "./data/protocol.ts";

/** A data set: its file, and where its images are. */
export interface DatasetFiles {
  /** JSONL, JSON, Parquet or TSV. */
  data: DataFiles;
  /** The files of a folder, one zip archive, or the parts of one; an address of a folder ends with "/". */
  images?: DataFiles;
  /** When left out: by the columns. */
  format?: SampleFormat;
}

/** What is heard while a data set is read, and how to stop it. */
export interface ReadDatasetOptions {
  /** Rows read so far. */
  onProgress?: (rows: number) => void;
  signal?: AbortSignal;
}

/** How {@link createDataWorker} starts. */
export interface DataWorkerOptions {
  /** The other end of a channel to a worker of your own; by default one is started. */
  endpoint?: Endpoint;
}

/** Held while they live: Comlink closes the channel of a collected proxy, be there a call pending or not. */
const undisposed = new Set<DataWorker>();

/** Starts the worker that reads data sets. @throws ThinktabError when it does not start. */
export async function createDataWorker({ endpoint }: DataWorkerOptions = {}): Promise<DataWorker> {
  installTransferHandlers();
  const failure = new Failure();
  const worker = endpoint ? undefined : startWorker(failure);
  const api = wrap<DataApi>(endpoint ?? (worker as Worker));
  try {
    await failure.orElse(api.ready());
  } catch (error) {
    worker?.terminate();
    throw error;
  }
  return new DataWorker(api, failure, () => worker?.terminate());
}

function startWorker(failure: Failure): Worker {
  const worker = new Worker(new URL("./data-worker.ts", import.meta.url), { type: "module", name: "data" });
  worker.onerror = ({ message }) =>
    failure.fail(new ThinktabError(`the data worker failed: ${message || "its script could not be loaded"}`));
  return worker;
}

/** A worker for data sets and rewards, without a GPU. */
export class DataWorker {
  #disposed = false;
  readonly #datasets = new Set<RemoteDataset>();
  #evaluations: Promise<RemoteEvaluations> | undefined;

  /** Made by {@link createDataWorker}. @internal */
  constructor(
    private readonly api: Remote<DataApi>,
    private readonly failure: Failure,
    private readonly end: () => void,
  ) {
    undisposed.add(this);
  }

  /**
   * Opens a data set; its rows are read when they are asked for, as often as they are.
   * @throws MissingFileError, CorruptFileError, InvalidOptionError, AbortError
   */
  async open(
    { data, images, format }: DatasetFiles,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<RemoteDataset> {
    signal?.throwIfAborted();
    const wire: WireDataset = {
      data: filesToWire(data, "data set"),
      ...(images !== undefined && { images: filesToWire(images, "images") }),
      ...(format !== undefined && { format }),
    };
    const api = await this.failure.orElse(this.api.open(wire, signal));
    const dataset = new RemoteDataset(api, this.failure, () => this.#datasets.delete(dataset));
    this.#datasets.add(dataset);
    return dataset;
  }

  /**
   * Makes records of images: see `synthesize` in `thinktab/engine` for its stages, and what its events mean. Everything
   * that a model answered is kept in this browser under the request's name: the same request goes on where it was.
   * Leaving the loop stops it.
   * @throws InvalidOptionError, LanguageModelError when too many requests fail in a row, StorageError, AbortError
   */
  async *synthesize(
    request: SynthesisRequest,
    { signal, ...host }: SynthesisClientOptions = {},
  ): AsyncGenerator<SynthesisEvent, void, void> {
    signal?.throwIfAborted();
    const page = synthesisHost(host);
    const stream = await this.failure.orElse(this.api.synthesize(request, page, signal));
    yield* readStream(stream, this.failure, signal);
  }

  /** What a synthesis has come to so far, image by image: also that of an earlier visit. */
  async *keptOutcomes(name: string): AsyncGenerator<ImageOutcome, void, void> {
    const stream = await this.failure.orElse(this.api.keptOutcomes(name));
    yield* readStream(stream, this.failure);
  }

  /** Forgets a synthesis, its models' answers included. */
  async clearSynthesis(name: string): Promise<void> {
    await this.failure.orElse(this.api.clearSynthesis(name));
  }

  /** The PNGs that a synthesis of toy images is about, by path. */
  toyImages(images: ToyImages): Promise<ReadonlyMap<string, Blob>> {
    return this.failure.orElse(this.api.toyImages(images));
  }

  /** EasyR1's `experiment_log.jsonl`, with metrics by our names. @throws InvalidOptionError without a step in it. */
  readExperimentLog(file: Blob): Promise<ReadLog> {
    return this.failure.orElse(this.api.readLog(file));
  }

  /** Benchmarks: run, scored again, compared. */
  evaluations(): Promise<RemoteEvaluations> {
    if (this.#evaluations) return this.#evaluations;
    const opening = this.failure
      .orElse(this.api.evaluations())
      .then((api) => new RemoteEvaluations(api, this.failure));
    this.#evaluations = opening;
    opening.catch(() => (this.#evaluations = undefined)); // e.g. a script that could not be loaded: it may be later
    return opening;
  }

  /** WeThink records about pictures of coloured shapes, with the pictures: something to try things with. */
  makeUp(count: number, seed = 0): Promise<MadeUpDataset> {
    return this.failure.orElse(this.api.makeUp(count, seed));
  }

  /** What the hybrid reward gives a response, and why: which rule was chosen, what it took for the answer, each part. */
  explain(response: string, example: HybridExample): Promise<RewardExplanation> {
    return this.failure.orElse(this.api.explain(response, example));
  }

  /** Resolves with the reason when nothing will come from it any more: it failed, or was disposed of. */
  get failed(): Promise<Error> {
    return this.failure.failed;
  }

  /** Ends the worker. What is pending rejects with an AbortError. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.failure.fail(new DOMException("the data worker was disposed of", "AbortError"));
    this.api[releaseProxy]();
    this.end();
    this.#datasets.clear();
    undisposed.delete(this);
  }
}

/** A data set in the data worker. */
export class RemoteDataset {
  /** Made by {@link DataWorker.open}. @internal */
  constructor(
    private readonly api: Remote<DatasetApi & ProxyMarked>,
    private readonly failure: Failure,
    private readonly forget: () => void,
  ) {}

  /** Reads it through and counts what is in it. @throws CorruptFileError, AbortError */
  inspect({ onProgress, signal }: ReadDatasetOptions = {}): Promise<PlainReport> {
    return this.failure.orElse(
      this.api.inspect(
        proxy((rows: number) => onProgress?.(rows)),
        signal,
      ),
    );
  }

  /**
   * The rows with all that is asked for, in order, as they are found; leaving the loop ends the search.
   * @throws CorruptFileError, AbortError
   */
  async *rows(
    query: RowQuery = {},
    { onProgress, signal }: ReadDatasetOptions = {},
  ): AsyncGenerator<ShownRow, void, void> {
    signal?.throwIfAborted();
    const stream = await this.failure.orElse(this.api.rows(query, signal));
    for await (const found of readStream(stream, this.failure, signal)) {
      if (found.type === "row") yield found.row;
      else onProgress?.(found.rows);
    }
  }

  /** The encoded image of a row that was shown lately. @throws MissingFileError when there is none. */
  image(number: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.failure.orElse(this.api.image(number));
  }

  /** The whole in another format; images stay where they are, but in a table. */
  convert(to: SampleFormat, { onProgress, signal }: ReadDatasetOptions = {}): Promise<ConvertedDataset> {
    return this.failure.orElse(
      this.api.convert(
        to,
        proxy((rows: number) => onProgress?.(rows)),
        signal,
      ),
    );
  }

  /**
   * Everything that another trainer needs, as a zip archive: rows, images, configuration, reward, a script and a README.
   * @throws ThinktabError naming everything that it would stop at.
   */
  handOff(options: HandOffOptions, { onProgress, signal }: ReadDatasetOptions = {}): Promise<HandedOff> {
    return this.failure.orElse(
      this.api.handOff(
        options,
        proxy((files: number) => onProgress?.(files)),
        signal,
      ),
    );
  }

  /** The rows that are not taken, with the reason: a line of JSON each. */
  rejectedRows({ onProgress, signal }: ReadDatasetOptions = {}): Promise<Blob> {
    return this.failure.orElse(
      this.api.rejectedRows(
        proxy((rows: number) => onProgress?.(rows)),
        signal,
      ),
    );
  }

  /** Lets go of it. */
  close(): void {
    this.api[releaseProxy]();
    this.forget();
  }
}
