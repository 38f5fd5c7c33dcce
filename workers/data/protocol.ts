/** What crosses between a page and its data worker: plain values, and the interfaces of the objects on the far side. */
import type { ProxyMarked } from "comlink";
import type { SampleFormat } from "../../src/data/formats/sample.ts";
import type { DatasetReport } from "../../src/data/wethink/inspect.ts";
import type { HandoffCounts } from "../../src/handoff/rows.ts";
import type { RunRecipe } from "../../src/train/run-recipe.ts";
import type { RecordedStep } from "../../src/train/run-record.ts";
import type { WeThinkRecord } from "../../src/data/wethink/record.ts";
import type { RewardExplanation } from "../../src/rl/explain-reward.ts";
import type { HybridExample } from "../../src/rl/hybrid-reward.ts";
import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { ImageOutcome } from "../../src/synthesis/store.ts";
import type { StreamApi } from "../protocol.ts";
import type { EvaluationsApi } from "./evaluation-protocol.ts";
import type { WireFiles } from "./files.ts";
import type { SynthesisHost, SynthesisRequest, ToyImages } from "./synthesis-protocol.ts";

/** A data set: its one file, and where its images are. */
export interface WireDataset {
  data: WireFiles;
  images?: WireFiles;
  /** Of the file; when left out, by its columns. */
  format?: SampleFormat;
}

/** Rows with all of these. What is left out is not asked for. */
export interface RowQuery {
  /** In the question, the reasoning or the answer, whatever the case of its letters. */
  text?: string;
  category?: string;
  ability?: string;
  reward?: string;
  /** Instead of rows that are taken, those that are not. */
  rejected?: boolean;
}

/** A row to show. */
export type ShownRow =
  | { number: number; record: WeThinkRecord; rejected?: undefined }
  | { number: number; rejected: { reason: string; detail: string; row: string } };

/** A search's row, or how far it has read where there was none for a while. */
export type FoundRow = { type: "row"; row: ShownRow } | { type: "read"; rows: number };

/** A report without what cannot cross. */
export interface PlainReport extends Omit<DatasetReport, "samples" | "rejected"> {
  format: SampleFormat;
  rejected: Omit<DatasetReport["rejected"], "listed"> & {
    listed: { number: number; reason: string; detail: string }[];
  };
  samples: { number: number; record: WeThinkRecord }[];
}

/** What a conversion made. */
export interface ConvertedDataset {
  name: string;
  file: Blob;
  written: number;
  /** A line of JSON for each row that was not taken; null when all were. */
  rejected: Blob | null;
  rejectedRows: number;
  /** Images that the data set itself holds and the converted file, which names their paths, does not. */
  imagesLeftOut: number;
}

/** A data set of the toy world. */
export interface MadeUpDataset {
  data: ReadonlyMap<string, Blob>;
  /** PNGs by the path that the records give. */
  images: ReadonlyMap<string, Blob>;
}

/** How a data set is handed to another trainer. */
export interface HandOffOptions {
  to: "easyr1" | "llamafactory" | "trl";
  /** Settings of a run; left out, the other trainer's own as far as WeThink's are unknown. */
  recipe?: RunRecipe;
  /** Hugging Face name of the base model there. */
  model?: string;
  /** Values of the other trainer's configuration by their dotted names, over all else. */
  set?: Readonly<Record<string, string | number | boolean>>;
}

/** A hand-off, ready to be saved. */
export interface HandedOff {
  name: string;
  archive: Blob;
  counts: HandoffCounts;
  /** What is to be said beside the files, in sentences. */
  notes: string[];
}

/** A run that was trained elsewhere. */
export interface ReadLog {
  /** Metrics by our names, and theirs; steps from 0. */
  steps: RecordedStep[];
  /** How often it went back to an earlier step. */
  restarts: number;
  /** Lines that could not be read. */
  broken: number[];
}

export type ReportRows = (rows: number) => void | Promise<void>;

/** A data set on the far side. */
export interface DatasetApi {
  inspect(report: ReportRows, signal: AbortSignal | undefined): Promise<PlainReport>;
  rows(query: RowQuery, signal: AbortSignal | undefined): StreamApi<FoundRow> & ProxyMarked;
  /** The encoded image of a row that was shown lately. @throws MissingFileError without one. */
  image(number: number): Promise<Uint8Array<ArrayBuffer>>;
  convert(to: SampleFormat, report: ReportRows, signal: AbortSignal | undefined): Promise<ConvertedDataset>;
  handOff(options: HandOffOptions, report: ReportRows, signal: AbortSignal | undefined): Promise<HandedOff>;
  /** Rows that are not taken, a line of JSON each. */
  rejectedRows(report: ReportRows, signal: AbortSignal | undefined): Promise<Blob>;
}

/** The worker that reads data sets, and computes what needs no GPU. */
export interface DataApi {
  ready(): true;
  open(dataset: WireDataset, signal: AbortSignal | undefined): Promise<DatasetApi & ProxyMarked>;
  synthesize(
    request: SynthesisRequest,
    host: SynthesisHost & ProxyMarked,
    signal: AbortSignal | undefined,
  ): StreamApi<SynthesisEvent> & ProxyMarked;
  keptOutcomes(name: string): StreamApi<ImageOutcome> & ProxyMarked;
  clearSynthesis(name: string): Promise<void>;
  toyImages(images: ToyImages): Promise<ReadonlyMap<string, Blob>>;
  evaluations(): Promise<EvaluationsApi & ProxyMarked>;
  readLog(file: Blob): Promise<ReadLog>;
  makeUp(count: number, seed: number): Promise<MadeUpDataset>;
  explain(response: string, example: HybridExample): Promise<RewardExplanation>;
}
