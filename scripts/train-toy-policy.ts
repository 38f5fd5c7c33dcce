/**
 * Trains the policy that ships in policies/toy from random weights, by the kit's own supervised fine-tuning:
 *
 *   node scripts/run-ts.mjs scripts/train-toy-policy.ts --out DIR [--seed N] [--think-steps N] [--habit-steps N]
 *
 * Two stages. First the policy learns to read the scene and to derive the answer from what it read, nearly always
 * with its reasoning written out. Then a short stage in which most demonstrations answer at once gives it the habit of
 * not thinking: what it can do stays, what it does by itself changes. DIR keeps a checkpoint, from which a run that was
 * interrupted goes on, the log, and at the end the quantized policy in DIR/policy; see docs/guide/reproduce.md.
 */
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { dawnGpu } from "../src/gpu/dawn.ts";
import { Device } from "../src/gpu/device.ts";
import { evaluate } from "../src/evaluation/accuracy.ts";
import { exportWeights } from "../src/models/export-weights.ts";
import { quantizeTensors } from "../src/models/quantize-tensors.ts";
import { toyPolicyFiles, toyPolicySource, toyWeights } from "../src/models/toy-policy.ts";
import { Policy } from "../src/rollout/policy.ts";
import { loadLatestCheckpoint, listCheckpoints, saveCheckpoint } from "../src/storage/checkpoint.ts";
import { folderStore } from "../src/storage/folder-store.ts";
import { writeSafetensors } from "../src/storage/safetensors.ts";
import { memorySource } from "../src/storage/source.ts";
import { digitsWords } from "../src/tasks/digits.ts";
import { shapesTask, shapesWords } from "../src/tasks/shapes.ts";
import type { Split } from "../src/tasks/task.ts";
import { SftTrainer } from "../src/train/sft-trainer.ts";
import type { SftData } from "../src/train/sft-trainer.ts";
import type { SftRecipeOptions } from "../src/train/sft-recipe.ts";
import { readStateTensors, stateTensors } from "../src/train/trainer-checkpoint.ts";
import { Rng } from "../src/util/rng.ts";

interface Stage {
  name: string;
  /** Share of the demonstrations that think before they answer. */
  thinking: number;
  recipe: SftRecipeOptions & { steps: number; batchSize: number };
}

const adam = { adamBeta2: 0.98, weightDecay: 0.01 };

function stages(thinkSteps: number, habitSteps: number): Stage[] {
  return [
    {
      name: "think",
      thinking: 0.9,
      recipe: {
        ...adam,
        steps: thinkSteps,
        batchSize: 32,
        learningRate: 1.2e-3,
        schedule: "cosine",
        warmupSteps: 60,
        minRatio: 0.02,
      },
    },
    {
      name: "habit",
      thinking: 0.15,
      recipe: {
        ...adam,
        steps: habitSteps,
        batchSize: 64,
        learningRate: 3e-4,
        schedule: "constant",
        warmupSteps: 5,
      },
    },
  ];
}

const modes = [
  { name: "made to think", prefill: "<think>" },
  { name: "made to answer", prefill: "<answer>" },
  { name: "left free", prefill: undefined },
];
const checkpointEvery = 100;
const logEvery = 20;
const evaluateEvery = 200;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: "string" },
      seed: { type: "string", default: "1" },
      "think-steps": { type: "string", default: "1500" },
      "habit-steps": { type: "string", default: "60" },
    },
  });
  const { out } = values;
  if (out === undefined) throw new Error("--out DIR: where checkpoints, log and weights go");
  const seed = Number(values.seed);
  const device = await Device.create({ gpu: await dawnGpu() });
  await mkdir(out, { recursive: true });
  const run = new Training(out, seed, await freshPolicy(device, seed));
  await run.train(stages(Number(values["think-steps"]), Number(values["habit-steps"])));
  await run.ship(device);
  device.destroy();
}

/** Those of the other toy task too, so that a run on it needs no other tokenizer. */
const words = [...shapesWords(), ...digitsWords()];

async function freshPolicy(device: Device, seed: number): Promise<Policy> {
  return Policy.load(device, toyPolicySource(words, await toyWeights(words, seed)), {
    format: "f32",
    dense: "all",
  });
}

class Training {
  readonly #task = shapesTask();
  readonly #started = performance.now();

  constructor(
    private readonly out: string,
    private readonly seed: number,
    private readonly policy: Policy,
  ) {}

  async train(all: readonly Stage[]): Promise<void> {
    const store = folderStore(this.out);
    const latest = await loadLatestCheckpoint(store);
    // Checkpoints are numbered through both stages.
    let begin = 0;
    let resumed = latest?.state.step ?? -1;
    for (const [index, stage] of all.entries()) {
      const end = begin + stage.recipe.steps;
      if (latest && resumed >= end && index < all.length - 1) {
        begin = end;
        continue;
      }
      const trainer = new SftTrainer(this.policy, this.#data(stage, index), stage.recipe);
      if (latest && resumed >= begin) {
        const tensors = await readStateTensors(latest.tensors);
        const step = resumed - begin;
        if (step === 0) this.policy.model.parameters?.restore(tensors.param);
        else {
          const progress = { step, updates: step, numTokens: 0, policyVersion: step, capacity: null };
          trainer.restore({ ...progress, tensors });
        }
        resumed = -1;
      }
      for await (const event of trainer.run()) {
        if (event.type === "warning") await this.#log({ stage: stage.name, warning: event.message });
        if (event.type !== "step") continue;
        const step = event.step + 1;
        const last = step === stage.recipe.steps;
        if (step % logEvery === 0 || last) await this.#log({ stage: stage.name, step, ...event.metrics });
        if (step % checkpointEvery === 0 || last) {
          const { tensors } = await trainer.state();
          const config = { stages: all };
          await saveCheckpoint(store, {
            state: { step: begin + step, seed: this.seed, config, versions: {}, progress: null },
            tensors: stateTensors(tensors),
          });
          for (const key of (await listCheckpoints(store)).slice(0, -2)) await store.delete(key);
        }
        if (step % evaluateEvery === 0 || last) await this.#evaluate(stage.name, step, last ? 512 : 128);
      }
      trainer.destroy();
      begin = end;
    }
  }

  /** Example `index` of a stage: a scene of its own, thinking or not by a draw of its own. */
  #data(stage: Stage, stageIndex: number): SftData {
    return (index) => {
      const rng = new Rng(this.seed, 0x73_6674 + stageIndex, index);
      const example = this.#task.example(rng.uint32());
      const mode = rng.uniform() < stage.thinking ? "think" : "answer";
      return { messages: example.messages, response: this.#task.demonstration(example, mode) };
    };
  }

  async #evaluate(stage: string, step: number, count: number): Promise<void> {
    for (const mode of modes) {
      await this.#log({ stage, step, ...(await this.#accuracy(this.policy, mode, "validation", count)) });
    }
  }

  async #accuracy(policy: Policy, mode: (typeof modes)[number], split: Split, count: number) {
    const { prefill, name } = mode;
    const found = await evaluate(policy, this.#task, { split, count, prefill });
    const kinds = Object.fromEntries(
      Object.entries(found.byKind).map(([kind, { accuracy }]) => [kind, Number(accuracy.toFixed(3))]),
    );
    const { accuracy, thinking, parts } = found;
    return { mode: name, split, count, accuracy, thinking, misread: parts.misread, kinds };
  }

  /** Quantizes to 4 bits, or to 8 where that costs more than a point of validation accuracy, and writes the folder. */
  async ship(device: Device): Promise<void> {
    const [think] = modes;
    const full = await this.#accuracy(this.policy, think, "validation", 1024);
    await this.#log({ stage: "ship", format: "f32", ...full });
    const exported = await exportWeights(this.policy.model);
    for (const bits of [4, 8] as const) {
      const { tensors, quantization } = await quantizeTensors(device, exported, { bits });
      const files = toyPolicyFiles(words);
      const config = JSON.parse(new TextDecoder().decode(files["config.json"])) as object;
      files["config.json"] = new TextEncoder().encode(
        `${JSON.stringify({ ...config, quantization }, undefined, 2)}\n`,
      );
      files["model.safetensors"] = writeSafetensors(tensors, { format: "pt" });
      const policy = await Policy.load(device, memorySource(files, `toy policy of ${bits} bits`));
      const quantized = await this.#accuracy(policy, think, "validation", 1024);
      await this.#log({ stage: "ship", format: `q${bits}`, ...quantized });
      if (bits === 8 || quantized.accuracy > full.accuracy - 0.01) {
        for (const mode of modes)
          await this.#log({
            stage: "ship",
            format: `q${bits}`,
            ...(await this.#accuracy(policy, mode, "test", 2048)),
          });
        const folder = folderStore(join(this.out, "policy"));
        for (const [name, bytes] of Object.entries(files)) await folder.save(name, bytes);
        return;
      }
      policy.destroy();
    }
  }

  async #log(entry: Record<string, unknown>): Promise<void> {
    const minutes = Number(((performance.now() - this.#started) / 60_000).toFixed(2));
    const rounded = Object.entries({ minutes, ...entry }).map(([name, value]) => [
      name,
      typeof value === "number" ? Number(value.toPrecision(4)) : value,
    ]);
    const line = JSON.stringify(Object.fromEntries(rounded));
    console.log(line);
    await appendFile(join(this.out, "training-log.jsonl"), `${line}\n`);
  }
}
