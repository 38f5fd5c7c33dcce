import { shareGptDatasetInfo, toShareGpt } from "../data/formats/sharegpt.ts";
import type { SftRunOptions } from "../train/run-recipe.ts";
import { InvalidOptionError, ThinktabError } from "../util/errors.ts";
import type { Handoff } from "./easyr1.ts";
import { modelOf, systemNotes, systemOf, type EasyR1Settings } from "./easyr1-config.ts";
import type { HandoffFile } from "./files.ts";
import { HandoffRows, type HandoffCounts, type HandoffData } from "./rows.ts";
import { toYaml, withValue, type ConfigTree } from "./yaml.ts";

/** A supervised run of LLaMA-Factory to make ready. */
export interface LlamaFactoryHandoffOptions extends Pick<
  EasyR1Settings,
  "recipe" | "model" | "system" | "full" | "set" | "name"
> {
  /** Every row needs its reasoning. */
  data: HandoffData;
}

/**
 * A folder that LLaMA-Factory trains from: ShareGPT rows with images, `dataset_info.json`, a configuration for LoRA or for
 * all weights, a script and a README.
 * @throws ThinktabError where no row is left, InvalidOptionError for a recipe of reinforcement learning.
 */
export async function llamaFactoryHandoff(options: LlamaFactoryHandoffOptions): Promise<Handoff> {
  const { recipe, set = {}, data } = options;
  if (recipe && !("sft" in recipe))
    throw new InvalidOptionError("hand-off to LLaMA-Factory: recipe", "a run of reinforcement learning", "a supervised run (sft)"); // prettier-ignore
  const rows = new HandoffRows(data, true);
  const counts = await rows.counts();
  if (counts.train === 0) throw new ThinktabError("hand-off: got no row to train on, expected at least one");
  const notes = systemNotes(options);
  const tree = Object.entries(set).reduce<ConfigTree>(
    (all, [path, value]) => withValue(all, path, value),
    configOf(options, counts, notes),
  );
  const system = systemOf(options);
  async function* files(): AsyncGenerator<HandoffFile> {
    const line = (sample: Parameters<typeof toShareGpt>[0]) => ({
      ...toShareGpt(sample, { system, extras: false }),
    });
    const info = { ...shareGptDatasetInfo("thinktab", "train.jsonl"), ...shareGptDatasetInfo("thinktab_val", "val.jsonl") }; // prettier-ignore
    yield { path: "README.md", content: readme(counts, notes) };
    yield { path: "sft.yaml", content: `${toYaml(tree)}\n` };
    yield { path: "train.sh", content: launch, executable: true };
    yield { path: "data/dataset_info.json", content: `${JSON.stringify(info, undefined, 2)}\n` };
    yield { path: "data/train.jsonl", content: rows.lines("train", line) };
    yield { path: "data/val.jsonl", content: rows.lines("validation", line) };
    yield* rows.images();
  }
  return { counts, notes, files };
}

function configOf(
  { recipe, model, full = false, name = "thinktab" }: LlamaFactoryHandoffOptions,
  counts: HandoffCounts,
  notes: string[],
): ConfigTree {
  const sft: SftRunOptions | undefined = recipe && "sft" in recipe ? recipe.sft : undefined;
  const lora = full || (recipe && "dense" in recipe && recipe.dense !== undefined) ? undefined : recipe?.lora;
  const isFull = full || (recipe !== undefined && lora === undefined);
  const vision = recipe && "dense" in recipe && recipe.dense === "all";
  if (sft && sft.mode !== "think") notes.push("Demonstrations think before they answer, each of them, whatever the recipe's mode."); // prettier-ignore
  return {
    model_name_or_path: modelOf({ model, recipe }, notes),
    trust_remote_code: false,
    image_max_pixels: 4194304,
    image_min_pixels: 784,
    stage: "sft",
    do_train: true,
    finetuning_type: isFull ? "full" : "lora",
    ...(isFull
      ? { freeze_vision_tower: !vision, freeze_multi_modal_projector: !vision }
      : {
          lora_rank: lora?.rank ?? 16,
          lora_alpha: lora?.alpha ?? 32,
          lora_target: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
        }),
    dataset_dir: "./data",
    media_dir: "./images",
    dataset: "thinktab",
    ...(counts.validation > 0 && { eval_dataset: "thinktab_val" }),
    template: "qwen2_vl",
    cutoff_len: 4096,
    preprocessing_num_workers: 8,
    output_dir: `./saves/${name}`,
    logging_steps: 10,
    save_steps: 500,
    plot_loss: true,
    report_to: "none",
    per_device_train_batch_size: 1,
    gradient_accumulation_steps: sft?.batchSize ?? 8,
    learning_rate: sft?.learningRate ?? (isFull ? 1e-5 : 1e-4),
    ...(sft ? { max_steps: sft.steps } : { num_train_epochs: 1 }),
    lr_scheduler_type: sft?.schedule ?? "cosine",
    warmup_steps: sft?.warmupSteps ?? 0,
    weight_decay: sft?.weightDecay ?? 0,
    // 0 is no clipping there, too.
    max_grad_norm: sft?.maxGradNorm ?? 1,
    seed: sft?.seed ?? 1,
    bf16: true,
    ...(counts.validation > 0 && { per_device_eval_batch_size: 1, eval_strategy: "steps", eval_steps: 500 }),
  };
}

const launch = `#!/usr/bin/env bash
# Starts LLaMA-Factory on this folder: ./train.sh [KEY=VALUE ...]
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
for file in sft.yaml data/dataset_info.json data/train.jsonl; do
  if [ ! -s "$file" ]; then echo "$file: it is missing or empty" >&2; exit 1; fi
done
exec llamafactory-cli train sft.yaml "$@"
`;

function readme(counts: HandoffCounts, notes: readonly string[]): string {
  return `# A supervised run for LLaMA-Factory

Written by Thinktab: ${counts.train} rows to train on, ${counts.validation} to validate on, ${counts.images} images; ${counts.rejected} rows were rejected.

Install LLaMA-Factory (https://github.com/hiyouga/LLaMA-Factory), then \`./train.sh\`. Options behind it go over those of \`sft.yaml\`: \`./train.sh gradient_accumulation_steps=4\`.

A row is a question with an \`<image>\` for each image, a response of a think block and an answer block, and the system prompt. Words that would be taken for markers are escaped.

The adapter in \`saves/\` is PEFT's: give that folder to \`thinktab chat --adapter\`.
${notes.length > 0 ? `\n## Notes\n\n${notes.map((note) => `- ${note}`).join("\n")}\n` : ""}`;
}
