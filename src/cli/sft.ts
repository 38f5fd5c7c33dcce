import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import type { SftRunOptions } from "../train/run-recipe.ts";
import { parseRunRecipe } from "../train/run-recipe.ts";
import type { TaskSpec } from "../tasks/registry.ts";
import { recordsTaskName } from "../tasks/task.ts";
import { MissingFileError } from "../util/errors.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { judgeKeyOption } from "./reward-services.ts";
import { runOptions, runTraining } from "./run-recipe.ts";
import { toyModel } from "./session.ts";
import { openTask } from "./task.ts";

const number = (description: string, valueHint: string) =>
  ({ type: "string", description, valueHint }) as const;

const args = {
  data: {
    type: "positional",
    description: "Records: JSONL, JSON or Parquet, a file or an address",
    required: true,
  },
  images: {
    type: "string",
    description: "Their images: folder, zip, or a part of a split zip",
    valueHint: "PATH",
  },
  model: {
    type: "string",
    description: "Model's folder, toy or tiny",
    valueHint: "DIR",
    default: toyModel,
  },
  out: { ...runOptions.out, description: "Folder for record, curves, weights, checkpoints" },
  resume: runOptions.resume,
  lora: number("Rank of the LoRA adapter (default 8)", "RANK"),
  full: { type: "boolean", description: "Train every weight, in f32, and no adapter" },
  epochs: number("Passes over the records (default 1)", "N"),
  steps: number("Steps, in place of --epochs", "N"),
  batch: number("Records of a step (default 16)", "N"),
  tokens: number("Tokens packed at a time (default 4096)", "N"),
  "learning-rate": number("Default 1e-4, and 1e-5 with --full", "X"),
  mode: {
    type: "enum",
    description: "Whether to think first",
    options: ["think", "answer"] as string[],
    default: "think",
  },
  system: {
    type: "string",
    description: "Other system prompt; none for no prompt",
    valueHint: "FILE",
  },
  seed: number("Of the records' order (default 1)", "S"),
  eval: number("Held-out records asked before and after (default 0)", "N"),
  "max-tokens": number("Most tokens of such an answer (default 1000)", "N"),
  ...judgeKeyOption,
  judge: { type: "string", description: "JSON file: the judge of such answers", valueHint: "FILE" },
  json: runOptions.json,
} as const;

type Given = Partial<Record<Exclude<keyof typeof args, "full" | "json" | "resume">, string>> & {
  data: string;
  model: string;
  full?: boolean;
  json?: boolean;
  resume?: boolean;
};

export const sftCommand = defineCommand({
  meta: {
    name: "sft",
    description: "Learn from records. WeThink found RL without it better",
  },
  args,
  run: ({ args: given }) => sft(given),
});

async function sft(given: Given): Promise<void> {
  if (given.full === true && given.lora !== undefined)
    throw new UsageError("--full and --lora: got both, expected one of them");
  if (given.epochs !== undefined && given.steps !== undefined)
    throw new UsageError("--epochs and --steps: got both, expected one of them");
  const epochs = numberOption("epochs", given.epochs) ?? 1;
  if (epochs <= 0) throw new UsageError(`--epochs: got ${given.epochs}, expected a number above 0`);
  const { out, resume, json } = given;
  const task = await taskOf(given);
  const steps = numberOption("steps", given.steps);
  recipeOf(given, task, steps ?? 1); // what is wrong with the options need not wait for the records
  await runTraining({
    out,
    resume,
    json,
    command: ["sft", given.data, ...again(given)],
    prepare: async (progress, signal) => {
      const opened = await openTask(task, { keyEnv: given["judge-key-env"], progress, signal });
      const records = opened.task.sizes?.train ?? 0;
      const batch = numberOption("batch", given.batch) ?? 16;
      const recipe = recipeOf(given, task, steps ?? Math.max(1, Math.round((epochs * records) / batch)));
      return { name: "sft", recipe, opened };
    },
  });
}

/** @throws InvalidOptionError for a value that is none */
function recipeOf(given: Given, task: TaskSpec, steps: number) {
  const rank = numberOption("lora", given.lora) ?? 8;
  const sft: Partial<SftRunOptions> = {
    steps,
    batchSize: numberOption("batch", given.batch) ?? 16,
    tokensPerBatch: numberOption("tokens", given.tokens) ?? 4096,
    learningRate:
      numberOption("learning-rate", given["learning-rate"]) ?? (given.full === true ? 1e-5 : 1e-4),
    mode: given.mode === "answer" ? "answer" : "think",
    seed: numberOption("seed", given.seed) ?? 1,
    maxCompletionLength: numberOption("max-tokens", given["max-tokens"]) ?? 1000,
  };
  return parseRunRecipe({
    model: given.model,
    task,
    ...(given.full === true ? { dense: "all" } : { lora: { rank, alpha: 2 * rank } }),
    sft,
    evaluation: { scenes: numberOption("eval", given.eval) ?? 0 },
  });
}

async function taskOf({ data, images, mode, system, judge }: Given): Promise<TaskSpec> {
  return {
    name: recordsTaskName,
    data,
    ...(images !== undefined && { images }),
    requireReasoning: mode !== "answer",
    ...(system !== undefined && { system: system === "none" ? null : await readText("system", system) }),
    ...(judge !== undefined && { reward: { judge: await readJson("judge", judge) } }),
  };
}

async function readText(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new MissingFileError(`--${option}: ${path}: no such file, expected a text`, { cause });
  }
}

async function readJson(option: string, path: string): Promise<unknown> {
  const text = await readText(option, path);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UsageError(`--${option}: ${path} is not JSON`, { cause });
  }
}

/** The command's own options, to go on by. */
function again(given: Given): string[] {
  return Object.keys(args).flatMap((name) => {
    if (["data", "out", "resume", "json"].includes(name)) return [];
    const value = given[name as keyof Given];
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, value];
  });
}
