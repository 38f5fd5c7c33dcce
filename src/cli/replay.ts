import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import type { DeviceInfo } from "../gpu/device.ts";
import type { Policy } from "../rollout/policy.ts";
import { memoryStore } from "../storage/blob-store.ts";
import { RunFolder } from "../train/run-folder.ts";
import { modelOptions } from "../train/run-recipe.ts";
import { compareRuns, parseRunRecord, pinVariants, variantsOf } from "../train/run-record.ts";
import type { RunComparison, RunRecord } from "../train/run-record.ts";
import { trainRun } from "../train/run.ts";
import { CorruptFileError, MissingFileError } from "../util/errors.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { loadPolicy } from "./chat.ts";
import { formatBar, Progress, wrapText } from "./format.ts";
import { describeProgress, describeTerms } from "./run-text.ts";
import { judgeKeyOption } from "./reward-services.ts";
import { interruptible, openDevice } from "./session.ts";
import { openObjective, openTask, type OpenTask, type OpenTaskOptions } from "./task.ts";
import { runVersions } from "./versions.ts";

export const replayCommand = defineCommand({
  meta: { name: "replay", description: "Run a recorded run again, and compare the bits" },
  args: {
    record: { type: "positional", description: "The run's run.json", required: true },
    steps: { type: "string", description: "Only the first steps (default: all)", valueHint: "N" },
    model: {
      type: "string",
      description: "The policy's folder, if not where the record has it",
      valueHint: "DIR",
    },
    ...judgeKeyOption,
    json: { type: "boolean", description: "Print the comparison as JSON, the rest to stderr" },
  },
  async run({ args }) {
    const recorded = await readRecord(args.record);
    const steps = stepsToReplay(numberOption("steps", args.steps), recorded);
    const json = args.json === true;
    const print = (text: string) => (json ? console.error(text) : console.log(text));
    return interruptible(async (signal) => {
      const progress = new Progress();
      const device = await openDevice();
      try {
        print(describeTerms(introduce(args.record, recorded, steps, device.info)));
        // Variants tuned for another adapter may not run on this one.
        if (compareRuns(recorded, { ...recorded, adapter: { ...device.info } }).adapterMatches)
          pinVariants(device, recorded);
        const model = args.model ?? recorded.model;
        const policy = await loadPolicy(device, model, modelOptions(recorded.recipe), progress, signal);
        const host = { keyEnv: args["judge-key-env"], progress, signal };
        const replayed = await replay(policy, recorded, steps, host);
        const comparison = compareRuns(firstSteps(recorded, steps), replayed);
        progress.clear();
        print(`\n${describeComparison(comparison, recorded, replayed, steps)}`);
        if (json) console.log(JSON.stringify({ steps, ...comparison }, undefined, 2));
        policy.destroy();
        return comparison.same ? 0 : 1;
      } finally {
        progress.clear();
        device.destroy();
      }
    });
  },
});

/** @throws MissingFileError, CorruptFileError */
async function readRecord(path: string): Promise<RunRecord> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new MissingFileError(`${path}: no such file, expected the run.json of a run's folder`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`${path}: it is not JSON, expected a run's run.json`, { cause });
  }
  return parseRunRecord(json, path);
}

function stepsToReplay(given: number | undefined, { steps }: RunRecord): number {
  if (given === undefined) return steps;
  if (Number.isInteger(given) && given >= 1 && given <= steps) return given;
  throw new UsageError(`--steps: got ${given}, expected 1 to ${steps}, the steps of the record`);
}

function introduce(path: string, recorded: RunRecord, steps: number, here: DeviceInfo): [string, string][] {
  const { recipe, kit } = recorded;
  const there = nameOf(recorded.adapter);
  return [
    ["replays", `${path}: ${steps} of ${recorded.steps} steps of ${recipe.task.name}, seed ${recorded.seed}`],
    ["recorded", `on ${there}, with thinktab ${kit.version}`],
    ["here", `on ${nameOf({ ...here })}, with thinktab ${runVersions().version}`],
  ];
}

function nameOf({ description, device, vendor }: Readonly<Record<string, unknown>>): string {
  return [description, device, vendor].find((text) => typeof text === "string" && text !== "") as string;
}

/** A record as it would be of its first steps alone; the final weights are those of all of them. */
function firstSteps(record: RunRecord, steps: number): RunRecord {
  return { ...record, metrics: record.metrics.slice(0, steps), steps };
}

/**
 * Runs the first steps again, in memory, up to the first that differs: all after it would differ too. The evaluations
 * are left out: they change no weight.
 * @returns the record of what was done; of a part of the run, with the recorded weights' hash, as it has none of its own.
 */
async function replay(
  policy: Policy,
  recorded: RunRecord,
  steps: number,
  host: OpenTaskOptions,
): Promise<RunRecord> {
  const recipe = { ...recorded.recipe, evaluation: { ...recorded.recipe.evaluation, scenes: 0 } };
  const opened = await openTask(recipe.task, host);
  try {
    return await replaySteps(policy, { ...recorded, recipe }, steps, opened, host);
  } finally {
    opened.dispose();
  }
}

async function replaySteps(
  policy: Policy,
  recorded: RunRecord,
  steps: number,
  { task, scorer, setPolicy }: OpenTask,
  { progress, signal }: OpenTaskOptions,
): Promise<RunRecord> {
  const { device } = policy;
  const { recipe } = recorded;
  const folder = new RunFolder(memoryStore());
  const enough = new AbortController();
  const kit = runVersions();
  setPolicy(policy);
  const objective = await openObjective(recipe);
  const started = performance.now();
  for await (const event of trainRun({
    policy,
    task,
    recipe,
    folder,
    scorer,
    objective,
    kit,
    signal: AbortSignal.any([signal, enough.signal]),
  })) {
    if (event.type === "finished") return event.record;
    if (event.type !== "step") continue;
    const done = event.step + 1;
    const left = ((performance.now() - started) / done) * (steps - done);
    const text = describeProgress(
      { step: event.step, steps, metrics: event.metrics },
      left,
      progress.columns,
    );
    if (process.stderr.isTTY) progress.glimpse(formatBar(done / steps, text, progress.columns));
    const digest = (await folder.steps()).at(-1)?.digest;
    const differs = digest !== recorded.metrics.at(event.step)?.digest;
    if (differs || (done === steps && steps < recorded.steps))
      enough.abort(new DOMException("enough steps", "AbortError"));
  }
  signal.throwIfAborted();
  const metrics = await folder.steps();
  return { ...recorded, kit, adapter: { ...device.info }, ...variantsOf(device), metrics, steps };
}

function describeComparison(
  comparison: RunComparison,
  recorded: RunRecord,
  replayed: RunRecord,
  steps: number,
): string {
  const { same, firstDifferentStep, adapterMatches, kitMatches, variantsMatch } = comparison;
  const whole = steps === recorded.steps;
  if (same) {
    return whole
      ? `The bits match: ${steps} steps, and the final adapter (sha256 ${recorded.weightsSha256.slice(0, 12)}…).`
      : `The bits match in the first ${steps} of ${recorded.steps} steps.`;
  }
  const what =
    firstDifferentStep === null
      ? `The steps match, the final adapter does not: got ${replayed.weightsSha256}, recorded ${recorded.weightsSha256}.`
      : `The bits differ from step ${firstDifferentStep + 1} of ${steps} on.`;
  const reasons: [string, string][] = [];
  if (!adapterMatches)
    reasons.push(["adapter", `recorded on ${nameOf(recorded.adapter)}, here ${nameOf(replayed.adapter)}`]);
  if (!kitMatches)
    reasons.push(["versions", `recorded ${versions(recorded.kit)}, here ${versions(replayed.kit)}`]);
  if (!variantsMatch)
    reasons.push(["kernels", "the record's were tuned to its adapter, here the default variants ran"]);
  const explained =
    reasons.length > 0
      ? describeTerms(reasons)
      : wrapText(
          "Adapter, versions and kernel variants are those of the record: it was changed, its policy was, or " +
            "something here does not repeat.",
        ).join("\n");
  return [...wrapText(what), explained].join("\n");
}

function versions(kit: Readonly<Record<string, string>>): string {
  return Object.entries(kit)
    .map(([name, version]) => `${name === "version" ? "thinktab" : name} ${version}`)
    .join(", ");
}
