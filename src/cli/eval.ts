import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { defineCommand } from "citty";
import type { DataFile } from "../data/rows/rows.ts";
import { scoringKinds, type Benchmark } from "../evaluation/benchmarks/benchmark.ts";
import { ownBenchmark } from "../evaluation/benchmarks/own.ts";
import { benchmarks, findBenchmark } from "../evaluation/benchmarks/registry.ts";
import { policyAnswerer } from "../evaluation/policy-answerer.ts";
import { modelAnswerer, type Answerer, type AnswerSampling } from "../evaluation/runs/answerer.ts";
import { compareEvaluations } from "../evaluation/runs/compare.ts";
import type { EvaluationEvent } from "../evaluation/runs/events.ts";
import type { EvaluationJudge } from "../evaluation/runs/judge-replies.ts";
import type { EvaluationReport } from "../evaluation/runs/report.ts";
import { openEvaluation, recordedJudge, rescore } from "../evaluation/runs/rescore.ts";
import { runBenchmark, type RunBenchmarkOptions } from "../evaluation/runs/run-benchmark.ts";
import { detectBenchmark } from "../evaluation/runs/select.ts";
import {
  openLanguageModel,
  parseModelConfig,
  type LanguageModelConfig,
  type ModelHost,
} from "../language-models/open.ts";
import type { Policy } from "../rollout/policy.ts";
import { memoryStore, type BlobStore } from "../storage/blob-store.ts";
import { folderStore } from "../storage/folder-store.ts";
import { CorruptFileError, MissingFileError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { loadPolicy, weightFormats } from "./chat.ts";
import { openDataFile, openImages } from "./data-files.ts";
import { describeComparison, describeEvaluation } from "./eval-text.ts";
import { formatDuration, Progress } from "./format.ts";
import { describeTerms } from "./run-text.ts";
import { adapterSha256, interruptible, isAbort, openDevice, openFolder, toyModel } from "./session.ts";

const args = {
  table: { type: "positional", description: "Benchmark in VLMEvalKit's TSV; path or URL", required: false },
  benchmark: { type: "string", description: "Its name, or how to score", valueHint: "NAME" },
  model: { type: "string", description: "Hugging Face folder, toy or tiny", valueHint: "DIR" },
  adapter: { type: "string", description: "Folder of a PEFT LoRA adapter", valueHint: "DIR" },
  format: { type: "enum", description: "Weights on the GPU", options: weightFormats },
  endpoint: { type: "string", description: "Model by JSON, in place of --model", valueHint: "CONFIG" },
  "key-env": { type: "string", description: "Variable with the endpoint's key", valueHint: "VAR" },
  images: { type: "string", description: "Folder, zip, or part of a split zip", valueHint: "PATH" },
  out: { type: "string", description: "Folder of the run; goes on if it is there", valueHint: "DIR" },
  split: { type: "string", description: "Only rows of this split", valueHint: "NAME" },
  limit: { type: "string", description: "Draw N questions (default: all)", valueHint: "N" },
  seed: { type: "string", description: "Of draw and sampling (default 0)", valueHint: "N" },
  system: { type: "string", description: "System prompt: a text, @FILE or none", valueHint: "TEXT" },
  temperature: { type: "string", description: "Default 0: greedy", valueHint: "X" },
  "top-k": { type: "string", description: "Draw among k tokens; 0 is off", valueHint: "K" },
  "top-p": { type: "string", description: "Draw among this share; 1 is off", valueHint: "P" },
  "max-tokens": { type: "string", description: "Of an answer (default 1024)", valueHint: "N" },
  batch: { type: "string", description: "Questions at a time (default 8)", valueHint: "N" },
  "no-cut-tags": { type: "boolean", description: "Score with think and answer tags" },
  judge: { type: "string", description: "Judge by JSON; none for rules alone", valueHint: "CONFIG" },
  "judge-key-env": { type: "string", description: "Variable with the judge's key", valueHint: "VAR" },
  rescore: { type: "string", description: "Score the answers in DIR again", valueHint: "DIR" },
  compare: { type: "string", description: "Compare two runs: --compare A B", valueHint: "DIR" },
  json: { type: "boolean", description: "Print the report as JSON" },
} as const;

/** Options that a mode takes; `json` is of all. */
const rescoreOptions = ["rescore", "no-cut-tags", "judge", "judge-key-env"];
const compareOptions = ["compare", "seed"];

export const evalCommand = defineCommand({
  meta: { name: "eval", description: "Run a benchmark, score again, compare runs" },
  args,
  run({ args: given, rawArgs }) {
    const cutTags = !rawArgs.includes("--no-cut-tags");
    const json = given.json === true;
    if (given.compare !== undefined) {
      refuseOthers("compare", compareOptions, given);
      if (given.table === undefined) throw new UsageError("--compare needs two folders: --compare A B");
      return compare([given.compare, given.table], count("seed", given.seed), json);
    }
    if (given.rescore !== undefined) {
      refuseOthers("rescore", rescoreOptions, given);
      if (given.table !== undefined) throw new UsageError(`unexpected argument: ${given.table}`);
      const { rescore: folder, judge, "judge-key-env": keyEnv } = given;
      return scoreAgain(folder, { cutTags, judge, keyEnv }, json);
    }
    if (given.table === undefined) throw new UsageError("missing argument: TABLE");
    if (given.endpoint !== undefined)
      for (const option of ["model", "adapter", "format", "batch", "top-k", "top-p"] as const)
        if (given[option] !== undefined) throw new UsageError(`--${option} is not for --endpoint`);
    const sampling = definedOnly({
      temperature: numberOption("temperature", given.temperature),
      topK: count("top-k", given["top-k"]),
      topP: numberOption("top-p", given["top-p"]),
      maxTokens: count("max-tokens", given["max-tokens"]),
      seed: count("seed", given.seed),
    });
    return evaluate(
      {
        ...given,
        table: given.table,
        keyEnv: given["key-env"],
        judgeKeyEnv: given["judge-key-env"],
        batch: count("batch", given.batch),
        limit: count("limit", given.limit),
        seed: count("seed", given.seed),
        sampling,
        cutTags,
      },
      json,
    );
  },
});

interface EvaluateOptions {
  table: string;
  benchmark?: string;
  model?: string;
  adapter?: string;
  format?: (typeof weightFormats)[number];
  endpoint?: string;
  keyEnv?: string;
  images?: string;
  out?: string;
  split?: string;
  limit?: number;
  seed?: number;
  system?: string;
  batch?: number;
  sampling: Partial<AnswerSampling>;
  cutTags: boolean;
  judge?: string;
  judgeKeyEnv?: string;
}

async function evaluate(options: EvaluateOptions, json: boolean): Promise<number> {
  return interruptible(async (signal) => {
    const progress = new Progress();
    const file = await openDataFile(options.table);
    const benchmark = await chooseBenchmark(file, options.benchmark);
    const images = options.images === undefined ? undefined : await openImages(options.images, { signal });
    const store = await outStore(options.out);
    const system = await systemPrompt(options.system);
    const judgeConfig = await judgeOf(options.judge);
    const who = await openAnswerer(options, progress, signal);
    try {
      const judge = judgeConfig && (await openJudge(judgeConfig, options.judgeKeyEnv, who.policy));
      const { split, limit, seed, sampling, cutTags } = options;
      const run: RunBenchmarkOptions = {
        benchmark, file, images, store, answerer: who.answerer, model: who.model,
        ...(system !== undefined && { system }), split, limit, seed, sampling, cutTags, judge, signal,
      }; // prettier-ignore
      const report = await follow(runBenchmark(run), progress);
      print(report, options.out, json);
      if (report.counts.unanswered === 0) return 0;
      const again = options.out === undefined ? "--out DIR keeps answers, to ask" : "the same command asks";
      progress.line(`${report.counts.unanswered} questions have no answer: ${again} these alone`);
      return 1;
    } catch (error) {
      if (isAbort(error) && options.out !== undefined)
        progress.line(`what was answered is in ${options.out}: the same command goes on`);
      throw error;
    } finally {
      progress.clear();
      who.close();
    }
  });
}

/** Shows events as they come. @returns the report. */
async function follow(
  events: AsyncGenerator<EvaluationEvent, void, void>,
  progress: Progress,
): Promise<EvaluationReport> {
  let missing = 0;
  let begun = { at: performance.now(), answered: 0 };
  for await (const event of events) {
    switch (event.type) {
      case "scanning":
        progress.show("reading the table", `${event.rows} rows`);
        break;
      case "begun":
        if (event.answered > 0)
          progress.line(`going on: ${event.answered} of ${event.total} rows are answered already`);
        begun = { at: performance.now(), answered: event.answered };
        if (event.answered < event.total) progress.show("asking", `${event.answered}/${event.total}`);
        break;
      case "answered": {
        const { answered, total } = event;
        const each = (performance.now() - begun.at) / (answered - begun.answered);
        const left = `about ${formatDuration(each * (total - answered - missing))} left`;
        const open = missing > 0 ? `, ${missing} without an answer` : "";
        progress.show("asking", `${answered}/${total}${open}, ${left}`);
        break;
      }
      case "unanswered":
        missing = event.unanswered;
        progress.line(`row ${event.index} has no answer: ${event.error}`);
        break;
      case "scoring":
        progress.show("scoring", `${event.done}/${event.total}`);
        break;
      case "finished":
        progress.clear();
        return event.report;
    }
  }
  throw new Error("the run ended without a report");
}

function print(report: EvaluationReport, out: string | undefined, json: boolean): void {
  if (json) console.log(JSON.stringify(report, undefined, 2));
  else console.log(describeEvaluation(report));
  if (!json && out !== undefined)
    console.log(
      `\n${describeTerms([["wrote", `report.md, report.csv, report.json, scores.jsonl, samples.jsonl in ${out}`]])}`,
    );
}

async function scoreAgain(
  folder: string,
  { cutTags, judge: name, keyEnv }: { cutTags: boolean; judge?: string; keyEnv?: string },
  json: boolean,
): Promise<number> {
  return interruptible(async (signal) => {
    const store = folderStore(await existingFolder(folder));
    const config = await judgeOf(name);
    const judge = config
      ? await openJudge(config, keyEnv)
      : name === undefined
        ? await recordedJudge(store)
        : undefined;
    const progress = new Progress();
    try {
      print(await follow(rescore(store, { cutTags, judge }, signal), progress), folder, json);
    } finally {
      progress.clear();
    }
    return 0;
  });
}

async function compare(
  folders: readonly [string, string],
  seed: number | undefined,
  json: boolean,
): Promise<number> {
  const [a, b] = await Promise.all(
    folders.map(async (folder) => openEvaluation(folderStore(await existingFolder(folder)))),
  );
  const comparison = compareEvaluations(a, b, { seed });
  if (json) console.log(JSON.stringify(comparison, undefined, 2));
  else console.log(describeComparison(comparison, folders));
  return 0;
}

async function chooseBenchmark(file: DataFile, name: string | undefined): Promise<Benchmark> {
  const own = basename(file.path).replace(/\.tsv$/i, "");
  if (name === undefined) return findBenchmark(basename(file.path)) ?? detectBenchmark(file, own);
  const known = findBenchmark(name);
  if (known) return known;
  const kind = scoringKinds.find((each) => each === name);
  if (kind) return ownBenchmark(own, kind);
  throw new UsageError(
    `--benchmark: got ${name}, expected one of ${benchmarks.map((each) => each.name).join(", ")}; ` +
      `or a way to score: ${scoringKinds.join(", ")}`,
  );
}

/** Who answers, what of it answers depend on, and how it is closed. */
interface OpenAnswerer {
  answerer: Answerer;
  model: Record<string, string | number | boolean | null>;
  policy?: Policy;
  close(): void;
}

async function openAnswerer(
  { endpoint, keyEnv, model = toyModel, adapter, format, batch }: EvaluateOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<OpenAnswerer> {
  if (endpoint !== undefined) {
    const config = await readModelConfig("endpoint", endpoint);
    const languageModel = await openLanguageModel(config, { key: keyOf("key-env", keyEnv) });
    const concurrency = config.kind === "openai" ? config.concurrency : undefined;
    return {
      answerer: modelAnswerer(languageModel, { concurrency }),
      model: { endpoint: config.kind === "openai" ? config.baseUrl : config.kind },
      close: () => languageModel.dispose?.(),
    };
  }
  const device = await openDevice();
  try {
    const adapterHash = adapter === undefined ? null : await adapterSha256(adapter);
    const policy = await loadPolicy(device, model, { format, adapter }, progress, signal);
    return {
      answerer: policyAnswerer(policy, { name: model, batch }),
      model: { adapter: adapterHash, format: format ?? null },
      policy,
      close: () => {
        policy.destroy();
        device.destroy();
      },
    };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** Undefined: no judge. */
async function judgeOf(name: string | undefined): Promise<LanguageModelConfig | undefined> {
  return name === undefined || name === "none" ? undefined : readModelConfig("judge", name);
}

async function openJudge(
  config: LanguageModelConfig,
  keyEnv: string | undefined,
  policy?: ModelHost["policy"],
): Promise<EvaluationJudge> {
  return openLanguageModel(config, { key: keyOf("judge-key-env", keyEnv), policy });
}

/** A configuration of a model in a JSON file. @throws UsageError, MissingFileError, CorruptFileError, InvalidOptionError */
async function readModelConfig(option: string, path: string): Promise<LanguageModelConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new MissingFileError(
      `--${option}: ${path}: no such file, expected a model's configuration in JSON`,
      {
        cause,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`${path}: it is not JSON, expected a model's configuration`, { cause });
  }
  // A judge's configuration, as recipes hold it, has the model's inside.
  const config = parseModelConfig(isRecord(value) && isRecord(value.model) ? value.model : value);
  if (config.kind === "onnx")
    throw new UsageError(
      `--${option}: got a model of kind onnx, which scores pairs; expected one that answers prompts`,
    );
  return config;
}

/** The key in a variable of the environment; it is sent, and written nowhere. */
function keyOf(option: string, variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable];
  if (key === undefined || key === "")
    throw new UsageError(`--${option}: the variable ${variable} is empty, expected a key in it`);
  return key;
}

/** Undefined: as the benchmark has it. Null: none. */
async function systemPrompt(given: string | undefined): Promise<string | null | undefined> {
  if (given === undefined) return undefined;
  if (given === "none") return null;
  if (!given.startsWith("@")) return given;
  const text = await readFile(given.slice(1), "utf8").catch((cause: unknown) => {
    throw new MissingFileError(`--system: ${given.slice(1)}: no such file`, { cause });
  });
  return text.replace(/\r?\n$/, "");
}

async function outStore(folder: string | undefined): Promise<BlobStore> {
  if (folder === undefined) return memoryStore();
  if ((await stat(folder).catch(() => undefined))?.isFile())
    throw new UsageError(`--out: got the file ${folder}, expected a folder`);
  return folderStore(resolve(folder));
}

async function existingFolder(path: string): Promise<string> {
  await openFolder(path, "the folder of an evaluation");
  return path;
}

function count(name: string, text: string | undefined): number | undefined {
  const value = numberOption(name, text);
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
    throw new UsageError(`--${name}: got ${value}, expected a whole number from 0 on`);
  return value;
}

function definedOnly<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

function refuseOthers(mode: string, allowed: readonly string[], given: Record<string, unknown>): void {
  for (const option of Object.keys(args)) {
    if (option === "table" || option === "json" || allowed.includes(option)) continue;
    if (given[option] !== undefined && given[option] !== false)
      throw new UsageError(`--${option} is not an option of --${mode}`);
  }
}
