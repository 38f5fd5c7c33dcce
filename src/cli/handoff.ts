import { createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { defineCommand } from "citty";
import { easyR1Targets, promptPlaces } from "../handoff/easyr1-config.ts";
import { easyR1Handoff, type Handoff } from "../handoff/easyr1.ts";
import { metricsOfLog, readExperimentLog, type ExperimentLog } from "../handoff/experiment-log.ts";
import { fileBytes, type HandoffFile } from "../handoff/files.ts";
import { llamaFactoryHandoff } from "../handoff/llamafactory.ts";
import { trlHandoff } from "../handoff/trl.ts";
import type { ConfigValue } from "../handoff/yaml.ts";
import { sampleFormats } from "../data/formats/sample.ts";
import { curvesSvg, type CurveRun } from "../train/curves.ts";
import { parseRunRecord } from "../train/run-record.ts";
import { CorruptFileError, MissingFileError } from "../util/errors.ts";
import { UsageError } from "./arguments.ts";
import { openDataFile, openImages } from "./data-files.ts";
import { formatNumber, formatTable, Progress, wrapText } from "./format.ts";
import { readRecipe } from "./run-recipe-file.ts";
import { describeTerms } from "./run-text.ts";
import { interruptible, writeJson } from "./session.ts";

/** Who takes a run over; and the way back. */
const actions = ["easyr1", "llamafactory", "trl", "import"] as const;

const args = {
  action: { type: "positional", description: "easyr1, llamafactory, trl; or import", required: true },
  file: { type: "positional", description: "Data set; import: experiment_log.jsonl", required: true },
  out: { type: "string", description: "Folder for the result, new or empty", valueHint: "DIR" },
  images: { type: "string", description: "Folder, zip, or part of a split zip", valueHint: "PATH" },
  recipe: { type: "string", description: "A run's recipe (default: theirs)", valueHint: "NAME|FILE" },
  validation: { type: "string", description: "Data set (default: 1 row in 20)", valueHint: "FILE" },
  from: { type: "string", description: "Format of the rows (default: as columns tell)", valueHint: "FORMAT" },
  target: { type: "string", description: "easyr1: v0.3.1, main or both (default)", valueHint: "VERSION" },
  model: { type: "string", description: "Base model, by name or folder", valueHint: "MODEL" },
  system: { type: "string", description: "System prompt (default: ours)", valueHint: "TEXT" },
  prompt: { type: "string", description: "easyr1: it goes into template or user", valueHint: "PLACE" },
  full: { type: "boolean", description: "Train all weights, not an adapter" },
  set: { type: "string", description: "Their options: KEY=VALUE,KEY=VALUE", valueHint: "OPTIONS" },
  name: { type: "string", description: "Of the run there", valueHint: "NAME" },
  beside: { type: "string", description: "import: draw this run, too", valueHint: "RUN.JSON" },
  json: { type: "boolean", description: "Print the report as JSON" },
} as const;

export const handoffCommand = defineCommand({
  meta: { name: "handoff", description: "Hand a run to EasyR1, LLaMA-Factory or TRL" },
  args,
  run({ args: given }) {
    const action = actions.find((one) => one === given.action);
    if (!action)
      throw new UsageError(`unknown action: ${given.action}, expected one of ${actions.join(", ")}`);
    const json = given.json === true;
    if (action === "import")
      return interruptible(async () => {
        refuseOptions(given, action, ["images", "recipe", "validation", "from", "target", "model", "system", "prompt", "full", "set"]); // prettier-ignore
        const log = await readLog(given.file);
        const report = await bringBack(log, { ...given, name: given.name ?? "brought back" });
        if (json) console.log(JSON.stringify(report, undefined, 2));
        else console.log(describeLog(given.file, log, report.files));
        return 0;
      });
    refuseOptions(given, action, action === "easyr1" ? ["beside"] : ["beside", "target", "prompt"]);
    const { out } = given;
    if (out === undefined) throw new UsageError("missing option: --out DIR");
    return interruptible(async (signal) => {
      await expectEmpty(out);
      const progress = new Progress();
      try {
        progress.show(`reading ${given.file}`, "");
        const images = given.images === undefined ? undefined : await openImages(given.images, { signal });
        const validation = given.validation === undefined ? undefined : await openDataFile(given.validation);
        const file = await openDataFile(given.file);
        const common = {
          data: { file, images, validation, from: choice("from", given.from, sampleFormats), signal },
          recipe: given.recipe === undefined ? undefined : await readRecipe(given.recipe, {}),
          model: given.model,
          system: given.system,
          full: given.full === true,
          set: parseSet(given.set),
          name: given.name,
        };
        const handoff =
          action === "easyr1"
            ? await easyR1Handoff({
                ...common,
                target: choice("target", given.target, [...easyR1Targets, "both"]),
                promptPlace: choice("prompt", given.prompt, promptPlaces),
              })
            : await (action === "trl" ? trlHandoff : llamaFactoryHandoff)(common);
        const files = await writeHandoff(handoff, out, progress);
        progress.clear();
        const { counts, notes } = handoff;
        if (json) console.log(JSON.stringify({ out, files, counts, notes }, undefined, 2));
        else console.log(describeHandoff(out, files, handoff));
        return 0;
      } finally {
        progress.clear();
      }
    });
  },
});

type Given = Readonly<Record<string, unknown>>;

function refuseOptions(given: Given, action: string, options: readonly string[]): void {
  for (const option of options)
    if (given[option] !== undefined && given[option] !== false)
      throw new UsageError(`--${option} is no option of ${action}`);
}

function choice<T extends string>(
  name: string,
  text: string | undefined,
  known: readonly T[],
): T | undefined {
  const found = known.find((one) => one === text);
  if (text !== undefined && found === undefined)
    throw new UsageError(`--${name}: got ${text}, expected one of ${known.join(", ")}`);
  return found;
}

/** "a.b=1,c=x": values as JSON, else as texts. @throws UsageError */
function parseSet(text: string | undefined): Record<string, ConfigValue> {
  const set: Record<string, ConfigValue> = {};
  // A comma before something else than a key belongs to the value: [0.9,0.95].
  for (const pair of text === undefined ? [] : text.split(/,(?=[\w.]+=)/)) {
    const [, key, value] = /^([\w.]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined) throw new UsageError(`--set: got ${pair}, expected KEY=VALUE`);
    try {
      set[key] = JSON.parse(value) as ConfigValue;
    } catch {
      set[key] = value;
    }
  }
  return set;
}

/** @throws UsageError for a file, and for a folder with something in it: an old hand-off's files would stay in it. */
async function expectEmpty(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found && !found.isDirectory()) throw new UsageError(`--out: got the file ${out}, expected a folder`);
  const names = found ? await readdir(out) : [];
  if (names.length > 0)
    throw new UsageError(
      `--out: ${out} has files in it (${names[0]}), expected a folder that is new or empty`,
    );
}

/** @returns the paths that were written, images aside. */
async function writeHandoff(handoff: Handoff, out: string, progress: Progress): Promise<string[]> {
  const written: string[] = [];
  let images = 0;
  for await (const file of handoff.files()) {
    await writeOne(file, join(out, file.path));
    if (!file.path.startsWith("images/")) written.push(file.path);
    else if (++images % 100 === 0) progress.show("copying images", `${images} of ${handoff.counts.images}`);
  }
  return written;
}

/** Writes a file of a hand-off, piece by piece. @throws as the disk does, such as one that is full. */
export async function writeOne(file: HandoffFile, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await pipeline(fileBytes(file), createWriteStream(path));
  if (file.executable) await chmod(path, 0o755);
}

function describeHandoff(out: string, files: readonly string[], { counts, notes }: Handoff): string {
  const verifiers = Object.entries(counts.verifiers).map(([name, count]) => `${name} ${count}`);
  const terms = describeTerms([
    ["rows", `${counts.train} to train on, ${counts.validation} to validate on`],
    ["rejected", `${counts.rejected}${counts.rejections.length > 0 ? `, such as row ${counts.rejections[0].number}: ${counts.rejections[0].detail}` : ""}`], // prettier-ignore
    ["images", `${counts.images}, at most ${counts.imagesPerRow} a row`],
    ["verifiers", verifiers.join(", ")],
    ["written", `${out}: ${files.join(", ")}${counts.images > 0 ? ", images" : ""}`],
  ]);
  const said = notes.flatMap((note) =>
    note.split("\n").flatMap((line, index) => wrapText(line.trim(), { indent: index === 0 ? "" : "  " })),
  );
  return [terms, ...(said.length > 0 ? ["", ...said] : [])].join("\n");
}

async function readLog(path: string): Promise<ExperimentLog> {
  const found = await stat(path).catch(() => undefined);
  const file = found?.isDirectory() ? join(path, "experiment_log.jsonl") : path;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new MissingFileError(
      `${file}: no such file, expected the log that EasyR1 writes beside its checkpoints (trainer.logger: file)`,
      { cause },
    );
  }
  const log = readExperimentLog(text);
  if (log.steps.length === 0) {
    const broken = log.broken.length > 0 ? `${log.broken.length} lines that are none` : "an empty file";
    throw new CorruptFileError(`${file}: got ${broken}, expected steps of EasyR1's log`);
  }
  return log;
}

interface BroughtBack {
  steps: number;
  restarts: number;
  broken: number[];
  metrics: Record<string, number>[];
  files: string[];
}

/** The log as one of our runs: metrics.jsonl and curves.svg in a folder, where one is named. */
async function bringBack(
  log: ExperimentLog,
  { name, out, beside }: { name: string; out?: string; beside?: string },
): Promise<BroughtBack> {
  const metrics = metricsOfLog(log);
  const files: string[] = [];
  if (beside !== undefined && out === undefined) throw new UsageError("--beside needs --out");
  if (out !== undefined) {
    await expectEmpty(out);
    await mkdir(out, { recursive: true });
    const runs: CurveRun[] = [{ label: name, metrics }];
    if (beside !== undefined) runs.unshift(await readRun(beside));
    await writeFile(join(out, "metrics.jsonl"), metrics.map((step) => `${JSON.stringify(step)}\n`).join(""));
    await writeFile(join(out, "curves.svg"), curvesSvg(runs, { title: name }));
    await writeJson(join(out, "experiment.json"), log);
    files.push(...["metrics.jsonl", "curves.svg", "experiment.json"].map((file) => join(out, file)));
  }
  return { steps: log.steps.length, restarts: log.restarts, broken: log.broken, metrics, files };
}

/** A run of ours, from its folder or record. */
async function readRun(path: string): Promise<CurveRun> {
  const file = (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, "run.json") : path;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new MissingFileError(`${file}: no such file, expected the run.json of a run`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`${file}: it is not JSON`, { cause });
  }
  const { metrics, before, after } = parseRunRecord(json, file);
  return { label: basename(dirname(file)) || "ours", metrics, before, after };
}

/** What a table has of a log: EasyR1's names, and how they are headed. */
const columns = [
  ["reward/overall", "reward"],
  ["reward/accuracy", "accuracy"],
  ["reward/format", "format"],
  ["response_length/mean", "length"],
  ["actor/kl_loss", "KL"],
  ["actor/grad_norm", "grad norm"],
  ["val/reward_score", "val"],
] as const;
const tableRows = 12;

function describeLog(path: string, log: ExperimentLog, files: readonly string[]): string {
  const shown = columns.filter(([name]) => log.steps.some(({ metrics }) => Object.hasOwn(metrics, name)));
  const every = Math.max(1, Math.ceil(log.steps.length / tableRows));
  const picked = log.steps.filter((_, index) => index % every === 0 || index === log.steps.length - 1);
  const table = formatTable(
    [
      ["step", ...shown.map(([, title]) => title)],
      ...picked.map(({ step, metrics }) => [
        String(step),
        ...shown.map(([name]) => (Object.hasOwn(metrics, name) ? formatNumber(metrics[name]) : "")),
      ]),
    ],
    [0, ...shown.map((_, index) => index + 1)],
  );
  const remarks = [
    ...(log.restarts > 0 ? [`The run went back ${log.restarts} times; what it then did anew counts.`] : []),
    ...(log.broken.length > 0 ? [`Lines that could not be read: ${log.broken.join(", ")}.`] : []),
    ...(files.length > 0 ? [`Written: ${files.join(", ")}`] : []),
  ];
  const [first] = log.steps;
  const last = log.steps[log.steps.length - 1];
  const title = `${path}: steps ${first.step} to ${last.step}`;
  return [
    title,
    "",
    table,
    ...(remarks.length > 0 ? ["", ...remarks.flatMap((line) => wrapText(line))] : []),
  ].join("\n");
}
