import type { DataFile } from "../../../src/data/rows/data-file.ts";
import type { Benchmark } from "../../../src/evaluation/benchmarks/benchmark.ts";
import type { Answerer, AnswerRequest, GivenAnswer } from "../../../src/evaluation/runs/answerer.ts";
import type { EvaluationEvent } from "../../../src/evaluation/runs/events.ts";
import type { EvaluationReport } from "../../../src/evaluation/runs/report.ts";
import { runBenchmark, type RunBenchmarkOptions } from "../../../src/evaluation/runs/run-benchmark.ts";
import { memoryStore } from "../../../src/storage/blob-store.ts";
import { memorySource } from "../../../src/storage/source.ts";

/** 96 bytes in base64: long enough to be an image's, not an index. */
export const pixels = btoa("x".repeat(96));

/** A table of these rows; the columns are those of the first. */
export function table(rows: readonly Record<string, string>[], name = "own.tsv"): DataFile {
  const columns = Object.keys(rows[0]);
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  const text = lines.map((cells) => `${cells.join("\t")}\n`).join("");
  return { source: memorySource({ [name]: new TextEncoder().encode(text) }), path: name };
}

/** Who answers what `says` gives for a question's text, and what was asked. */
export interface FakeAnswerer extends Answerer {
  asked: AnswerRequest[];
}

export function answererOf(
  says: (text: string, request: AnswerRequest) => string | GivenAnswer,
  more: Partial<Answerer> = {},
): FakeAnswerer {
  const asked: AnswerRequest[] = [];
  return {
    name: "fake",
    takesImages: true,
    batch: 2,
    concurrency: 1,
    asked,
    answer: (requests, _, { signal } = {}) => {
      signal?.throwIfAborted();
      asked.push(...requests);
      return Promise.resolve(
        requests.map((request) => {
          const given = says(textOf(request), request);
          return typeof given === "string" ? { text: given, tokens: 3, finishReason: "stop" } : given;
        }),
      );
    },
    ...more,
  };
}

/** A question's text, images left out. */
export function textOf({ messages }: AnswerRequest): string {
  const content = messages.at(-1)?.content ?? "";
  return typeof content === "string"
    ? content
    : content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Runs to the end. */
export async function finish(
  benchmark: Benchmark,
  file: DataFile,
  answerer: Answerer,
  more: Partial<RunBenchmarkOptions> = {},
): Promise<{ report: EvaluationReport; events: EvaluationEvent[] }> {
  return drain(runBenchmark({ benchmark, file, answerer, store: memoryStore(), ...more }));
}

export async function drain(
  run: AsyncGenerator<EvaluationEvent, void, void>,
): Promise<{ report: EvaluationReport; events: EvaluationEvent[] }> {
  const events: EvaluationEvent[] = [];
  for await (const event of run) events.push(event);
  const last = events.at(-1);
  if (last?.type !== "finished") throw new Error("the run has no report");
  return { report: last.report, events };
}
