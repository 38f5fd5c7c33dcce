import type { ContentPart, Message } from "../../data/chat-template.ts";
import { readVlmEvalTsv, type VlmEvalRow } from "../../data/formats/vlmevalkit.ts";
import type { ImageLookup } from "../../data/images/lookup.ts";
import type { DataFile } from "../../data/rows/data-file.ts";
import { identifySystemPrompt, REASONING_SYSTEM_PROMPT } from "../../data/system-prompt.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import {
  CorruptFileError,
  InvalidOptionError,
  MissingFileError,
  StorageError,
  ThinktabError,
} from "../../util/errors.ts";
import type { Benchmark } from "../benchmarks/benchmark.ts";
import { buildPrompt, PROMPT_VERSION, type PromptPart } from "../benchmarks/prompt.ts";
import type { Answerer, AnswerRequest, AnswerSampling, GivenAnswer } from "./answerer.ts";
import type { EvaluationEvent } from "./events.ts";
import { openSamples, type SampleRecord } from "./journal.ts";
import { scoreAndReport } from "./rescore.ts";
import type { ScoringOptions } from "./score-run.ts";
import { selectRows, type Selection } from "./select.ts";
import { checkSettings, loadSettings, saveSettings, type EvaluationSettings } from "./settings.ts";

/** What is evaluated, on what, and where the run is kept. */
export interface RunBenchmarkOptions extends ScoringOptions {
  /** From the registry, or a table of one's own: `findBenchmark`, `ownBenchmark`, `detectBenchmark`. */
  benchmark: Benchmark;
  /** The table. */
  file: DataFile;
  /** Where images by path are. */
  images?: ImageLookup;
  answerer: Answerer;
  /** What of the model answers depend on beside its name, such as its adapter: a run goes on with the same only. */
  model?: Record<string, string | number | boolean | null>;
  /** Keeps settings, answers, the judge's replies, scores and report; a run that is there goes on. */
  store: BlobStore;
  /** Default: the kit's own, or none for a benchmark that is asked without one. Null: none. */
  system?: string | null;
  /** Default: greedy, up to 1024 tokens, seed 0. */
  sampling?: Partial<AnswerSampling>;
  /** Only rows of this split. */
  split?: string;
  /** Draws so many units: questions with all their rotations or variants. Default: all. */
  limit?: number;
  /** Of the draw. Default 0. */
  seed?: number;
  /**
   * Ends the run when so many questions in a row stay unanswered, for other reasons than what they hold themselves, such
   * as an image that is damaged. Default 10.
   */
  stopAfter?: number;
  signal?: AbortSignal;
}

/**
 * Asks a benchmark's questions, scores the answers and writes the report. Each answer is in the store before the next
 * batch is asked, so that a run which ended early goes on where it was: what was answered is not asked again.
 * Images are read for one batch at a time.
 *
 * @throws InvalidOptionError for options that are none, or that differ from those the run was begun with; CorruptFileError
 *   for a table that the benchmark's scoring cannot use; ThinktabError when questions in a row stay unanswered; the
 *   signal's reason when aborted.
 */
export async function* runBenchmark(
  options: RunBenchmarkOptions,
): AsyncGenerator<EvaluationEvent, void, void> {
  const { benchmark, file, store, signal } = options;
  const selection = yield* scan(options);
  const settings = await settingsOf(options, selection);
  const { journal, samples } = await openSamples(store);
  const begun = await loadSettings(store);
  if (begun) checkSettings(store, begun, settings);
  else if (samples.size === 0) await saveSettings(store, settings);
  else
    throw new CorruptFileError(
      `${store.name}: got ${samples.size} answers without settings.json, expected both or neither: whose they are is not known`,
    );
  const total = selection.positions.size;
  let answered = samples.size;
  let unanswered = 0;
  yield { type: "begun", settings, answered, total };
  if (answered < total) {
    let inRow = 0;
    const rows = remainingRows(readVlmEvalTsv(file, { images: options.images, signal }), selection, samples);
    for await (const results of askAll(rows, options, settings)) {
      const given = results.filter((result): result is SampleRecord => !("error" in result));
      await journal.append(given);
      for (const result of results) {
        if ("error" in result) {
          const { index, error, ofQuestion = false } = result;
          yield { type: "unanswered", index, error, unanswered: ++unanswered };
          // What is wrong with questions themselves stays so: counting it would end every further run at the same place.
          if (!ofQuestion) inRow++;
        } else {
          yield { type: "answered", sample: result, answered: ++answered, total };
          inRow = 0;
        }
        if (inRow >= (options.stopAfter ?? 10))
          throw new ThinktabError(
            `${inRow} questions in a row stay unanswered, the last one for: ${"error" in result ? result.error : ""}. ` +
              "What was answered is kept: mend this and run it again",
          );
      }
    }
  }
  yield* scoreAndReport(benchmark, settings, store, options, signal);
}

async function* scan(options: RunBenchmarkOptions): AsyncGenerator<EvaluationEvent, Selection, void> {
  const { benchmark, file, split, limit, seed, signal } = options;
  const steps = selectRows(benchmark, file, { split, limit, seed, signal });
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
    yield { type: "scanning", rows: step.value };
  }
}

async function settingsOf(options: RunBenchmarkOptions, selection: Selection): Promise<EvaluationSettings> {
  const { benchmark, file, answerer, model = {}, split, limit, seed = 0 } = options;
  const { system = benchmark.systemPrompt ? REASONING_SYSTEM_PROMPT : null } = options;
  const sampling = { temperature: 0, topK: 0, topP: 1, maxTokens: 1024, seed: 0, ...options.sampling };
  checkSampling(sampling);
  return {
    version: 1,
    benchmark: benchmark.name,
    scoring: benchmark.scoring,
    promptVersion: PROMPT_VERSION,
    data: {
      file: file.path.split(/[\\/]/).at(-1) ?? file.path,
      rows: selection.rows,
      sha256: selection.sha256,
    },
    selection: {
      split: split ?? null,
      limit: limit ?? null,
      seed: limit === undefined ? 0 : seed,
      rows: selection.positions.size,
    },
    model: { name: answerer.name, ...model },
    system:
      system === null || system === "" ? null : { ...(await identifySystemPrompt(system)), text: system },
    sampling,
  };
}

/** @throws InvalidOptionError before the model is asked anything. */
function checkSampling({ temperature, topK, topP, maxTokens, seed }: AnswerSampling): void {
  const check = (name: string, value: number, holds: boolean, expected: string) => {
    if (!holds) throw new InvalidOptionError(`evaluation: ${name}`, value, expected);
  };
  check("temperature", temperature, temperature >= 0 && temperature <= 100, "a number from 0 to 100");
  check("topK", topK, Number.isInteger(topK) && topK >= 0, "an integer from 0");
  check("topP", topP, topP > 0 && topP <= 1, "a number above 0, at most 1");
  check("maxTokens", maxTokens, Number.isInteger(maxTokens) && maxTokens >= 1, "an integer from 1");
  check("seed", seed, Number.isSafeInteger(seed) && seed >= 0, "an integer from 0");
}

async function* remainingRows(
  rows: AsyncIterable<VlmEvalRow>,
  { positions }: Selection,
  answered: ReadonlyMap<string, SampleRecord>,
): AsyncGenerator<{ row: VlmEvalRow; position: number }> {
  for await (const row of rows) {
    const position = positions.get(row.index);
    if (position !== undefined && !answered.has(row.index)) yield { row, position };
  }
}

type Result = SampleRecord | { index: string; error: string; ofQuestion?: boolean };

/** Asks rows in batches, as many at a time as who answers takes; yields each batch when it is answered. */
async function* askAll(
  rows: AsyncGenerator<{ row: VlmEvalRow; position: number }>,
  options: RunBenchmarkOptions,
  settings: EvaluationSettings,
): AsyncGenerator<Result[]> {
  const { batch, concurrency } = options.answerer;
  const underWay = new Map<number, Promise<{ id: number; results: Result[] }>>();
  let id = 0;
  let ended = false;
  try {
    while (!ended || underWay.size > 0) {
      while (!ended && underWay.size < concurrency) {
        options.signal?.throwIfAborted();
        const chunk = await take(rows, batch);
        ended = chunk.length < batch;
        if (chunk.length === 0) break;
        const mine = id++;
        underWay.set(
          mine,
          askBatch(chunk, options, settings).then((results) => ({ id: mine, results })),
        );
      }
      if (underWay.size === 0) break;
      const done = await Promise.race(underWay.values());
      underWay.delete(done.id);
      yield done.results;
    }
  } finally {
    // A run that ends early leaves calls behind; what they throw then concerns nobody.
    for (const call of underWay.values()) call.catch(() => undefined);
    await rows.return(undefined);
  }
}

async function take<T>(items: AsyncGenerator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = await items.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

async function askBatch(
  chunk: readonly { row: VlmEvalRow; position: number }[],
  { benchmark, answerer, images: lookup, signal }: RunBenchmarkOptions,
  { sampling, system }: EvaluationSettings,
): Promise<Result[]> {
  const results: Result[] = chunk.map(({ row }) => ({ index: row.index, error: "not asked" }));
  const asked: { place: number; request: AnswerRequest; record: Omit<SampleRecord, "response"> }[] = [];
  for (const [place, { row, position }] of chunk.entries()) {
    const { index, columns } = row;
    try {
      const images = await row.images({ signal });
      const parts = buildPrompt(benchmark, row, images.length);
      const prompt = parts
        .map((part) => (part.type === "text" ? part.text : `<image ${part.index + 1}>`))
        .join("");
      const messages = messagesOf(parts, images, system?.text);
      const record = { position, index, columns, images: images.length, prompt };
      asked.push({ place, request: { messages, position }, record });
    } catch (error) {
      if (!isOwnFault(error)) throw error;
      // Without a place to look for them no image will be found.
      const ofQuestion = lookup !== undefined || !(error instanceof MissingFileError);
      results[place] = { index, error: error.message, ofQuestion };
    }
  }
  if (asked.length === 0) return results;
  const images = Math.max(...asked.map(({ record }) => record.images));
  if (images > 0 && !answerer.takesImages)
    throw new InvalidOptionError(`${answerer.name}: images`, images, "none: the model takes no images");
  const answers: GivenAnswer[] = await answerer.answer(
    asked.map(({ request }) => request),
    sampling,
    { signal },
  );
  for (const [i, { place, record }] of asked.entries()) {
    const answer = answers[i];
    if ("error" in answer) results[place] = { index: record.index, ...answer };
    else {
      const { text, tokens, finishReason } = answer;
      results[place] = {
        ...record,
        response: text,
        ...(tokens !== undefined && { tokens }),
        ...(finishReason !== undefined && { finishReason }),
      };
    }
  }
  return results;
}

function messagesOf(
  parts: readonly PromptPart[],
  images: readonly Uint8Array[],
  system: string | undefined,
): Message[] {
  const content = parts.map((part): ContentPart =>
    part.type === "text" ? part : { type: "image", image: images[part.index] },
  );
  const question: Message = { role: "user", content };
  return system === undefined ? [question] : [{ role: "system", content: system }, question];
}

/** Whether it is this row's fault: the others can still be asked. */
function isOwnFault(error: unknown): error is Error {
  if (error instanceof StorageError) return false;
  return (
    error instanceof MissingFileError ||
    error instanceof CorruptFileError ||
    error instanceof InvalidOptionError
  );
}
