/** What every command that trains does with a recipe: shows the plan, trains, keeps the folder, tells how to go on. */
import { stat } from "node:fs/promises";
import type { Device } from "../gpu/device.ts";
import { memoryStore } from "../storage/blob-store.ts";
import { folderStore } from "../storage/folder-store.ts";
import { RunFolder } from "../train/run-folder.ts";
import { denseOf, modelOptions } from "../train/run-recipe.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import { trainRun } from "../train/run.ts";
import type { RunEvent } from "../train/run.ts";
import { CheckpointError, StorageError } from "../util/errors.ts";
import { UsageError } from "./arguments.ts";
import { loadPolicy } from "./chat.ts";
import { saveModelFiles } from "./model-files.ts";
import { Progress, wrapText } from "./format.ts";
import { describeProfile, profileStep } from "./profile.ts";
import { describeRecipe, describeTerms } from "./run-text.ts";
import { RunView } from "./run-view.ts";
import { interruptible, openDevice } from "./session.ts";
import { openObjective } from "./task.ts";
import type { OpenTask } from "./task.ts";
import { runVersions } from "./versions.ts";

/** Options of every command that trains. */
export const runOptions = {
  out: {
    type: "string",
    description: "Folder for record, adapter, rollouts, checkpoints",
    valueHint: "DIR",
  },
  resume: { type: "boolean", description: "Go on from the newest checkpoint in --out" },
  json: { type: "boolean", description: "Print the run's record as JSON, the rest to stderr" },
} as const;

export interface RunRequest {
  out?: string;
  resume?: boolean;
  json?: boolean;
  /** Shows where a step's time goes, after the run. */
  profile?: boolean;
  /** The command line without --out and --resume, in words, to go on by. */
  command: readonly string[];
  /** The recipe, its name for people, and its task: made when the folder has been looked at. Given back at the end. */
  prepare(progress: Progress, signal: AbortSignal): Promise<PreparedRun>;
}

export interface PreparedRun {
  name: string;
  recipe: RunRecipe;
  opened: OpenTask;
}

export async function runTraining({
  out,
  resume = false,
  json = false,
  ...request
}: RunRequest): Promise<void> {
  if (resume && out === undefined) throw new UsageError("--resume needs --out, where the checkpoint is");
  if (out !== undefined && (await stat(out).catch(() => undefined))?.isDirectory() === false)
    throw new UsageError(`--out: got the file ${out}, expected a folder`);
  const folder = new RunFolder(out === undefined ? memoryStore() : folderStore(out));
  await checkFolder(folder, resume);

  const print = (text: string) => (json ? console.error(text) : console.log(text));
  const eachStep = !(json ? process.stderr : process.stdout).isTTY;
  const progress = new Progress();
  await interruptible(async (signal) => {
    const { name, recipe, opened } = await request.prepare(progress, signal);
    const { task, scorer } = opened;
    const view = new RunView({ recipe, task, print, eachStep, progress });
    let device: Device | undefined;
    try {
      const objective = await openObjective(recipe);
      device = await openDevice();
      const adapter = device.info.description || device.info.device;
      const terms = describeRecipe(name, recipe, task);
      print(describeTerms([...terms, ["adapter", adapter], ["output", out ?? "none (--out DIR keeps it)"]]));
      for (const note of opened.notes) print(`\n${wrapText(note).join("\n")}`);
      const policy = await loadPolicy(device, recipe.model, modelOptions(recipe), progress, signal);
      opened.setPolicy(policy);
      const run = trainRun({
        policy,
        task,
        recipe,
        folder,
        kit: runVersions(),
        resume,
        scorer,
        objective,
        signal,
      });
      const warnOfRewards = (step: number) => {
        const message = opened.takeFailures();
        if (message !== null) view.show({ type: "warning", step, code: "reward-failed", message });
      };
      let finished: Extract<RunEvent, { type: "finished" }> | undefined;
      try {
        for await (const event of run) {
          view.show(event);
          if (event.type === "step") warnOfRewards(event.step);
          if (event.type === "finished") finished = event;
          if (event.type !== "done" || event.reason !== "stopped") continue;
          progress.clear();
          print(`Stopped after step ${event.step}. ${howToGoOn(request.command, out)}`);
        }
      } catch (error) {
        // Once there is room again, nothing that was saved is lost.
        if (error instanceof StorageError) progress.line(howToGoOn(request.command, out));
        throw error;
      }
      signal.throwIfAborted();
      if (finished) {
        await view.finish(finished);
        if (out !== undefined && denseOf(recipe)) await saveModelFiles(recipe.model, out);
        if (out !== undefined) print(await listFiles(folder, out));
        if (json) console.log(JSON.stringify(finished.record, undefined, 2));
      }
      if (request.profile === true && "grpo" in recipe) {
        progress.show("profiling a step");
        const profile = await profileStep(policy, task, recipe.grpo, signal);
        progress.clear();
        print(`\n${describeProfile(profile)}`);
      }
      policy.destroy();
    } finally {
      progress.clear();
      opened.dispose();
      device?.destroy();
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

function howToGoOn(command: readonly string[], out: string | undefined): string {
  if (out === undefined) return "Without --out nothing was kept.";
  const line = ["npx", "thinktab", ...command, "--out", out, "--resume"].map(quoted).join(" ");
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
