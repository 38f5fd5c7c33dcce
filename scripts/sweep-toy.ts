/**
 * The sweep that chose the recipe of recipes/toy.json, and the seeds of the picture in docs/guide/reproduce.md:
 *
 *   node scripts/run-ts.mjs scripts/sweep-toy.ts --out DIR [--only "NAME;NAME"] [--picture FILE]
 *
 * Each run is the toy recipe with some options replaced. What is in DIR already is not run again. Prints a table, and
 * draws the three seeds together.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import toy from "../recipes/toy.json";
import { dawnGpu } from "../src/gpu/dawn.ts";
import { Device } from "../src/gpu/device.ts";
import { Policy } from "../src/rollout/policy.ts";
import { folderSource } from "../src/storage/folder-source.ts";
import { folderStore } from "../src/storage/folder-store.ts";
import { createTask } from "../src/tasks/registry.ts";
import type { RecipeOptions } from "../src/train/recipe.ts";
import { curvesSvg } from "../src/train/curves.ts";
import { trainRun } from "../src/train/run.ts";
import { RunFolder } from "../src/train/run-folder.ts";
import { modelOptions, parseRunRecipe } from "../src/train/run-recipe.ts";
import { metricsOf } from "../src/train/run-record.ts";
import type { RunRecord } from "../src/train/run-record.ts";
import { kitVersion } from "../src/cli/versions.ts";

interface Try {
  grpo?: RecipeOptions;
  reward?: string;
  lora?: { rank: number; alpha: number };
}

const tries: Record<string, Try> = {
  "seed 1": {},
  "seed 2": { grpo: { seed: 2 } },
  "seed 3": { grpo: { seed: 3 } },
  "learning rate 5e-3": { grpo: { learningRate: 5e-3 } },
  "learning rate 5e-3, KL 0.03": { grpo: { learningRate: 5e-3, klCoef: 0.03 } },
  "learning rate 5e-3, KL 0.1": { grpo: { learningRate: 5e-3, klCoef: 0.1 } },
  "learning rate 5e-3, KL 0.1 by k2": { grpo: { learningRate: 5e-3, klCoef: 0.1, klType: "k2" } },
  "learning rate 5e-3, KL 0.3 by k2": { grpo: { learningRate: 5e-3, klCoef: 0.3, klType: "k2" } },
  "learning rate 5e-3, KL 1 by k2": { grpo: { learningRate: 5e-3, klCoef: 1, klType: "k2" } },
  "learning rate 3e-3, KL 0.1": { grpo: { learningRate: 3e-3, klCoef: 0.1 } },
  "learning rate 5e-3, KL 0.3": { grpo: { learningRate: 5e-3, klCoef: 0.3 } },
  "learning rate 3e-4": { grpo: { learningRate: 3e-4 } },
  "learning rate 3e-3": { grpo: { learningRate: 3e-3 } },
  "hybrid reward": { reward: "hybrid" },
  "loss grpo": { grpo: { lossType: "grpo" } },
  "16 groups of 4": { grpo: { numGenerations: 4, promptsPerStep: 16 } },
  "advantages not scaled": { grpo: { scaleRewards: "none" } },
  "rank 2": { lora: { rank: 2, alpha: 4 } },
};

const options = { out: { type: "string" }, only: { type: "string" }, picture: { type: "string" } } as const;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  if (values.out === undefined) throw new Error("--out DIR: where the runs go");
  const names = values.only?.split(";") ?? Object.keys(tries);
  console.log("| run | before | after | thinking at 0, 10, 20, 30 | length | KL | misread | s a step |");
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  const seeds: RunRecord[] = [];
  for (const name of names) {
    if (!(name in tries))
      throw new Error(`--only: got ${name}, expected of ${Object.keys(tries).join(", ")}`);
    const record = await run(join(values.out, name.replaceAll(/[^\w.-]+/g, "-")), tries[name]);
    console.log(describe(name, record));
    if (name.startsWith("seed")) seeds.push(record);
  }
  if (values.picture !== undefined)
    await writeFile(
      values.picture,
      curvesSvg(seeds, { title: "The toy recipe: mean and range of three seeds" }),
    );
}

async function run(path: string, { grpo, reward, lora }: Try): Promise<RunRecord> {
  await mkdir(path, { recursive: true });
  const folder = new RunFolder(folderStore(path));
  const known = await folder.record();
  if (known) return known;
  const recipe = parseRunRecipe({
    ...toy,
    task: { ...toy.task, ...(reward === undefined ? {} : { reward }) },
    grpo: { ...toy.grpo, ...grpo },
    lora: { ...toy.lora, ...lora },
  });
  const device = await Device.create({ gpu: await dawnGpu() });
  const source = folderSource(resolve(import.meta.dirname, "../policies/toy"));
  const policy = await Policy.load(device, source, modelOptions(recipe));
  const kit = { version: kitVersion() };
  let record: RunRecord | undefined;
  for await (const event of trainRun({
    policy,
    task: createTask(recipe.task),
    recipe,
    folder,
    kit,
    resume: true,
  })) {
    if (event.type === "finished") record = event.record;
  }
  policy.destroy();
  device.destroy();
  if (!record) throw new Error(`${path}: the run ended without a record`);
  return record;
}

function describe(name: string, { before, after, metrics: recorded }: RunRecord): string {
  const metrics = recorded.map(metricsOf);
  const percent = (share: number | undefined) => (share === undefined ? "" : `${(share * 100).toFixed(1)}%`);
  const thinking = [0, 10, 20, 30]
    .filter((step) => step < metrics.length)
    .map((step) => ((metrics[step]["rewards/thinking/mean"] ?? 0) * 100).toFixed(0));
  const last = metrics[metrics.length - 1];
  const seconds = metrics.map((step) => step.step_time).sort((a, b) => a - b)[metrics.length >> 1];
  const length = `${metrics[0]["completions/mean_length"].toFixed(1)} → ${last["completions/mean_length"].toFixed(1)}`;
  const cells = [
    name,
    percent(before?.accuracy),
    percent(after?.accuracy),
    thinking.join(", "),
    length,
    last.kl === undefined ? "" : last.kl.toPrecision(2),
    percent(after?.parts.misread),
    seconds.toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}
