import type { HandoffCounts } from "./rows.ts";
import { isTree, type ConfigTree, type ConfigValue } from "./yaml.ts";

/** The program that trains: data, reward, GRPOConfig and the adapter. */
export function trlScript(
  model: string,
  config: ConfigTree,
  lora: { rank: number; alpha: number } | undefined,
): string {
  const named = Object.entries(config).map(([name, value]) => `    ${name}=${python(value)},`);
  const peft = lora
    ? `LoraConfig(
        r=${lora.rank},
        lora_alpha=${lora.alpha},
        task_type="CAUSAL_LM",
        target_modules=r".*language_model.*\\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
    )`
    : "None";
  return `"""Trains by TRL's GRPOTrainer what Thinktab handed off: python train.py, or accelerate launch train.py."""

import os

from datasets import load_dataset
from PIL import Image
${lora ? "from peft import LoraConfig\n" : ""}from trl import GRPOConfig, GRPOTrainer

from reward import thinktab_reward

HERE = os.path.dirname(os.path.abspath(__file__))


def with_images(batch):
    """Opens images as rows are asked for, so that the data set holds paths alone."""
    opened = []
    for paths in batch["images"]:
        opened.append([Image.open(os.path.join(HERE, "images", path)).convert("RGB") for path in paths])
    return {**batch, "images": opened}


def rows(name):
    data = load_dataset("json", data_files=os.path.join(HERE, "data", name), split="train")
    if not any(len(paths) > 0 for paths in data["images"]):
        return data.remove_columns("images")
    return data.with_transform(with_images)


config = GRPOConfig(
${named.join("\n")}
)
trainer = GRPOTrainer(
    model=os.environ.get("MODEL_PATH", ${python(model)}),
    reward_funcs=thinktab_reward,
    args=config,
    train_dataset=rows("train.jsonl"),
    eval_dataset=rows("val.jsonl") if os.path.getsize(os.path.join(HERE, "data", "val.jsonl")) > 0 else None,
    peft_config=${peft},
)

if __name__ == "__main__":
    trainer.train()
    trainer.save_model()
`;
}

/** A value as Python writes it. */
function python(value: ConfigValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (isTree(value)) return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`; // prettier-ignore
  if (Array.isArray(value)) return `[${(value as readonly ConfigValue[]).map(python).join(", ")}]`;
  return JSON.stringify(value);
}

/** What is in the folder and how it is run. */
export function trlReadme(counts: HandoffCounts, notes: readonly string[]): string {
  return `# A run for TRL

Written by Thinktab: ${counts.train} rows to train on, ${counts.validation} to validate on, ${counts.images} images; ${counts.rejected} rows were rejected.

Install TRL 1.10 or newer (\`pip install "trl[peft]" pillow datasets\`), then \`python train.py\`, or \`accelerate launch train.py\` on several GPUs: divide \`gradient_accumulation_steps\` by their number.

\`ground_truth\` is JSON with the gold answer, the verifier's kind, the question and the weights. \`reward.py\` gives what Thinktab's hybrid reward gives, and None where there is no verdict: TRL then leaves the sample out. A judge for descriptions is any server of OpenAI's chat completions, named by THINKTAB_JUDGE_BASE_URL, THINKTAB_JUDGE_MODEL and THINKTAB_JUDGE_API_KEY.

The adapter in \`checkpoints/\` is PEFT's: give its folder to \`thinktab chat --adapter\`.
${notes.length > 0 ? `\n## Notes\n\n${notes.map((note) => `- ${note}`).join("\n")}\n` : ""}`;
}
