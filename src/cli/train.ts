import { stat } from "node:fs/promises";
import { defineCommand } from "citty";
import { memoryStore } from "../storage/blob-store.ts";
import { folderStore } from "../storage/folder-store.ts";
import { createTask } from "../tasks/registry.ts";
import { RunFolder } from "../train/run-folder.ts";
import { modelOptions } from "../train/run-recipe.ts";
import { trainRun } from "../train/run.ts";
import type { RunEvent } from "../train/run.ts";
import { CheckpointError, StorageError } from "../util/errors.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { loadPolicy } from "./chat.ts";
import { Progress, wrapText } from "./format.ts";
import { describeProfile, profileStep } from "./profile.ts";
import { readRecipe } from "./run-recipe-file.ts";
import { describeRecipe, describeTerms } from "./run-text.ts";
import { RunView } from "./run-view.ts";
import { interruptible, openDevice, toyModel } from "./session.ts";
import { runVersions } from "./versions.ts";

const options = {
  steps: {
    type: "string",
    description: "Steps, an earlier part's included (default: the recipe's)",
    valueHint: "N",
  },
  seed: { type: "string", description: "Seed of examples and draws (default: the recipe's)", valueHint: "S" },
  out: {
    type: "string",
    description: "Folder for record, curves, adapter, rollouts, checkpoints",
    valueHint: "DIR",
  },
  resume: { type: "boolean", description: "Go on from the newest checkpoint in --out" },
  eval: {
    type: "string",
    description: "Held-out examples, 0 for none (default: the recipe's)",
    valueHint: "N",
  },
  json: { type: "boolean", description: "Print the run's record as JSON, the rest to stderr" },
  profile: { type: "boolean", description: "Show where a step's time goes, after the run" },
} as const;

interface GivenOptions {
  steps?: string;
  seed?: string;
  out?: string;
  resume?: boolean;
  eval?: string;
  json?: boolean;
  profile?: boolean;
}

export const trainCommand = defineCommand({
  meta: { name: "train", description: "Train a LoRA adapter as a recipe says" },
  args: {
    recipe: {
      type: "positional",
      description: "File of a recipe, or a shipped one's name, such as toy",
      required: true,
    },
    ...options,
  },
  run: ({ args }) => train(args.recipe, args, "train"),
});

export const toyCommand = defineCommand({
  meta: { name: "toy", description: "Train the toy policy by GRPO: `train toy`" },
  args: {
    recipe: { type: "string", description: "File of another recipe, or its name", valueHint: "FILE" },
    ...options,
  },
  run: ({ args }) => train(args.recipe ?? toyModel, args, "toy"),
});

async function train(recipeName: string, given: GivenOptions, command: "train" | "toy"): Promise<void> {
  const { out, resume = false, json = false } = given;
  if (resume && out === undefined) throw new UsageError("--resume needs --out, where the checkpoint is");
  const recipe = await readRecipe(recipeName, {
    steps: numberOption("steps", given.steps),
    seed: numberOption("seed", given.seed),
    scenes: numberOption("eval", given.eval),
  });
  if (given.profile && "sft" in recipe)
    throw new UsageError("--profile: got a supervised recipe, expected one that trains by GRPO");
  const task = createTask(recipe.task);
  if (out !== undefined && (await stat(out).catch(() => undefined))?.isDirectory() === false)
    throw new UsageError(`--out: got the file ${out}, expected a folder`);
  const folder = new RunFolder(out === undefined ? memoryStore() : folderStore(out));
  await checkFolder(folder, resume);

  const print = (text: string) => (json ? console.error(text) : console.log(text));
  const eachStep = !(json ? process.stderr : process.stdout).isTTY;
  const progress = new Progress();
  const view = new RunView({ recipe, task, print, eachStep, progress });
  await interruptible(async (signal) => {
    const device = await openDevice();
    try {
      const adapter = device.info.description || device.info.device;
      const terms = describeRecipe(recipeName, recipe, task);
      print(describeTerms([...terms, ["adapter", adapter], ["output", out ?? "none (--out DIR keeps it)"]]));
      const policy = await loadPolicy(device, recipe.model, modelOptions(recipe), progress, signal);
      const run = trainRun({ policy, task, recipe, folder, kit: runVersions(), resume, signal });
      let finished: Extract<RunEvent, { type: "finished" }> | undefined;
      try {
        for await (const event of run) {
          view.show(event);
          if (event.type === "finished") finished = event;
          if (event.type !== "done" || event.reason !== "stopped") continue;
          progress.clear();
          print(`Stopped after step ${event.step}. ${howToGoOn(recipeName, given, command)}`);
        }
      } catch (error) {
        // Once there is room again, nothing that was saved is lost.
        if (error instanceof StorageError) progress.line(howToGoOn(recipeName, given, command));
        throw error;
      }
      signal.throwIfAborted();
      if (finished) {
        await view.finish(finished);
        if (out !== undefined) print(await listFiles(folder, out));
        if (json) console.log(JSON.stringify(finished.record, undefined, 2));
      }
      if (given.profile && "grpo" in recipe) {
        progress.show("profiling a step");
        const profile = await profileStep(policy, task, recipe.grpo, signal);
        progress.clear();
        print(`\n${describeProfile(profile)}`);
      }
      policy.destroy();
    } finally {
      progress.clear();
      device.destroy();
    }
  });
}

/**
 * Before anything is loaded: a folder with a run in it is not written over, and one without is not gone on with.
 * @throws CheckpointError
 */
async function checkFolder(folder: RunFolder, resume: boolean): Promise<void> {
  const status = await folder.status();
  if (resume && !status) {
    throw new CheckpointError(
      `${folder.name}: got a folder without a run, expected one to resume; without --resume a new one begins`,
    );
  }
  if (!resume && status) {
    throw new CheckpointError(
      `${folder.name}: got a folder with a run of ${status.steps} steps, expected a new or empty one; --resume goes on ` +
        "with that run, another --out begins a new one",
    );
  }
}

function howToGoOn(recipe: string, given: GivenOptions, command: "train" | "toy"): string {
  const { out } = given;
  if (out === undefined) return "Without --out nothing was kept.";
  const which = command === "toy" ? (recipe === toyModel ? [] : ["--recipe", recipe]) : [recipe];
  const values = (["steps", "seed", "eval"] as const).flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const line = ["npx", "thinktab", command, ...which, ...values, "--out", out, "--resume"]
    .map(quoted)
    .join(" ");
  return `What was saved is in ${out}. Go on with\n  ${line}`;
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function listFiles(folder: RunFolder, out: string): Promise<string> {
  const files = await folder.store.list();
  return `\nIn ${out}:\n${wrapText(files.join(" "), { indent: "  " }).join("\n")}`;
}
