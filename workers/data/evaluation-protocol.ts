/** Evaluations as a page asks its data worker for them. */
import type { ProxyMarked } from "comlink";
import type { Benchmark } from "../../src/evaluation/benchmarks/benchmark.ts";
import type { EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import type { EvaluationEvent } from "../../src/evaluation/runs/events.ts";
import type { SampleRecord } from "../../src/evaluation/runs/journal.ts";
import type { EvaluationReport } from "../../src/evaluation/runs/report.ts";
import type { ScoreRecord } from "../../src/evaluation/runs/rescore.ts";
import type { EvaluationSettings } from "../../src/evaluation/runs/settings.ts";
import type { OpenAiConfig } from "../../src/language-models/openai-compatible.ts";
import type { StreamApi } from "../protocol.ts";
import type { WireFiles } from "./files.ts";
import type { SynthesisHost } from "./synthesis-protocol.ts";

/** The policy of the page: which one, and how it is asked. */
export interface EvaluatedPolicy {
  kind: "policy";
  /** For reports. */
  name: string;
  /** Steps that it was trained for. */
  steps: number;
  /** Tells weights apart that are called alike, such as the hash of their adapter; absent: those it came with. */
  weights?: string;
  /** False: the base, without the adapter. */
  adapter: boolean;
  /** Text every answer begins with; "" for none. */
  prefill: string;
}

/** How answers are scored: may be changed without asking them again. */
export interface EvaluationScoring {
  cutTags: boolean;
  /** Absent: rules alone. "recorded": what the run's judge replied, and no new question. */
  judge?: OpenAiConfig | Pick<EvaluatedPolicy, "kind" | "name"> | "recorded";
}

/** A benchmark's table, and where its images by path are. */
export interface EvaluationTable {
  data: WireFiles;
  images?: WireFiles;
  /** A benchmark of the registry, or a way of scoring. Absent: by the file's name, else by its columns. */
  benchmark?: string;
}

/** What is evaluated. Plain values. */
export interface WireEvaluation extends EvaluationScoring {
  /** Tells evaluations apart in the browser's storage: the same name goes on where it was. */
  name: string;
  table: EvaluationTable;
  answerer: OpenAiConfig | EvaluatedPolicy;
  /** Questions under way at a time, of an endpoint. */
  concurrency?: number;
  /** Absent: as the benchmark has it. Null: none. */
  system?: string | null;
  maxTokens: number;
  split?: string;
  /** Draws so many questions. Absent: all. */
  limit?: number;
  seed: number;
}

/** A benchmark as a page shows it. */
export interface ListedBenchmark extends Pick<
  Benchmark,
  "name" | "title" | "scoring" | "judge" | "systemPrompt" | "headline" | "published"
> {
  /** Names of its tables; none for a table of one's own. */
  files: string[];
}

/** An answer and its score; while the run goes on, what the rules say of it. */
export interface ShownAnswer {
  sample: SampleRecord;
  score: ScoreRecord;
}

/** A report with the texts that show it. */
export interface ShownReport {
  report: EvaluationReport;
  headline: string;
  answered: string;
  decided: string;
  options: [term: string, text: string][];
  figures: string[][];
  published: string[][];
}

/** What happens in an evaluation. */
export type ShownEvaluationEvent =
  | Exclude<EvaluationEvent, { type: "begun" | "answered" | "finished" }>
  /** What was answered before; why it is not kept, where it is in memory only. */
  | {
      type: "begun";
      settings: EvaluationSettings;
      answers: ShownAnswer[];
      total: number;
      unkept: string | null;
    }
  | { type: "answered"; answer: ShownAnswer; answered: number; total: number }
  | { type: "finished"; report: ShownReport; answers: ShownAnswer[] };

/** An evaluation as the browser keeps it. */
export interface KeptEvaluation {
  benchmark: ListedBenchmark;
  settings: EvaluationSettings;
  /** In the order of the benchmark. */
  answers: ShownAnswer[];
  /** Null for one that was not scored yet, or that has answers which were not. */
  report: ShownReport | null;
}

/** Files that a report is saved as. */
export type EvaluationFile = "json" | "csv" | "markdown" | "samples";
/** Tables about toy scenes: questions in the toy policy's own words, or choices in English with all their rotations. */
export type ToyTable = "questions" | "rotations";

/** Evaluations on the far side. */
export interface EvaluationsApi {
  /** The registry, and the ways of scoring a table of one's own. */
  benchmarks(): { known: ListedBenchmark[]; scoring: string[] };
  benchmarkOf(table: EvaluationTable, signal: AbortSignal | undefined): Promise<ListedBenchmark>;
  run(
    evaluation: WireEvaluation,
    host: SynthesisHost & ProxyMarked,
    signal: AbortSignal | undefined,
  ): StreamApi<ShownEvaluationEvent> & ProxyMarked;
  rescore(
    name: string,
    scoring: EvaluationScoring,
    host: SynthesisHost & ProxyMarked,
    signal: AbortSignal | undefined,
  ): StreamApi<ShownEvaluationEvent> & ProxyMarked;
  kept(name: string): Promise<KeptEvaluation | null>;
  clear(name: string): Promise<void>;
  file(name: string, file: EvaluationFile): Promise<Blob>;
  compare(name: string, samples: Blob, title: string): Promise<EvaluationComparison>;
  /** Encoded images of rows, by index. */
  images(
    table: EvaluationTable,
    indices: string[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>[]>>;
  toyTable(kind: ToyTable): Promise<ReadonlyMap<string, Blob>>;
}
