import type { EasyR1Settings, EasyR1Target } from "./easyr1-config.ts";
import type { HandoffCounts } from "./rows.ts";

/** The script that starts a run. EasyR1 only prints that a file is missing, and trains without it: the script looks. */
export function easyR1Launch(
  targets: readonly EasyR1Target[],
  { promptPlace = "template" }: Pick<EasyR1Settings, "promptPlace">,
): string {
  const usual = targets.includes("main") ? "main" : targets[0];
  const prompt = promptPlace === "user" ? "format_prompt.jinja" : "chat_template.jinja";
  return `#!/usr/bin/env bash
# Starts EasyR1 on this folder: ./train.sh [${targets.join("|")}] [KEY=VALUE ...]
# MODEL_PATH names another copy of the base model. THINKTAB_JUDGE_* name a judge, see README.md.
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
target="${usual}"
case "\${1:-}" in ${targets.join(" | ")}) target="$1"; shift ;; esac
config="easyr1.$target.yaml"
for file in "$config" reward.py ${prompt} data/train.jsonl data/val.jsonl; do
  if [ ! -s "$file" ]; then echo "$file: it is missing or empty" >&2; exit 1; fi
done
case "$PWD" in *@*) echo "$PWD: EasyR1 takes what follows @ for a split's name; move this folder" >&2; exit 1 ;; esac
exec python3 -m verl.trainer.main "config=$config" \\
  "data.train_files=$PWD/data/train.jsonl" "data.val_files=$PWD/data/val.jsonl" \\
  \${MODEL_PATH:+"worker.actor.model.model_path=$MODEL_PATH"} "$@"
`;
}

/** What is in the folder, how it is run, and how the run comes back. */
export function easyR1Readme({
  targets,
  counts,
  notes,
  judged,
}: {
  targets: readonly EasyR1Target[];
  counts: HandoffCounts;
  notes: readonly string[];
  judged: number;
}): string {
  const kinds = Object.entries(counts.verifiers).map(([name, count]) => `${name} ${count}`);
  const yamls = targets.map((target) => `\`easyr1.${target}.yaml\``).join(", ");
  return `# A run for EasyR1

Written by Thinktab: ${counts.train} rows to train on, ${counts.validation} to validate on, ${counts.images} images; ${counts.rejected} rows were rejected.
Verified by: ${kinds.join(", ")}.

## Run it

Install EasyR1 (https://github.com/hiyouga/EasyR1), then:

\`\`\`sh
./train.sh ${targets.includes("main") ? "main" : targets[0]}
./train.sh ${targets[0]} trainer.n_gpus_per_node=4 worker.rollout.tensor_parallel_size=1
\`\`\`

${yamls}: the configuration for that version. \`v0.3.1\` is the release of June 2025, and goes for v0.3.2; \`main\` is the code since November 2025. They differ in keys that each other's schema refuses. Values marked "not confirmed by WeThink" are EasyR1's: WeThink published five samples of a prompt and GRPO, no more.

The question has an \`<image>\` where each image goes. \`answer\` is JSON with the gold answer, the verifier's kind, the question and the weights: EasyR1 hands nothing else to a reward.

## The reward

\`reward.py\` needs Python's library alone and gives what Thinktab's hybrid reward gives. ${judged > 0 ? `${judged} rows need a judge.` : "No row needs a judge."} A judge is any server of OpenAI's chat completions:

\`\`\`sh
export THINKTAB_JUDGE_BASE_URL=http://localhost:8000/v1 THINKTAB_JUDGE_MODEL=NAME THINKTAB_JUDGE_API_KEY=KEY
\`\`\`

EasyR1 cannot leave a sample out. One whose judge failed gets the mean of its prompt's other samples, so that its advantage is zero; \`reward/judge_failed\` and \`reward/no_verdict\` count them. In validation (\`n\` is 1) there are no others: such a sample counts as 0 there.

Filter by \`accuracy\`, not by \`overall\`: a group that is all wrong and well formatted has a mean of 0.3.

## Bring it back

\`main\` writes \`checkpoints/experiment_log.jsonl\` (v0.3.1 cannot: it logs to TensorBoard):

\`\`\`sh
thinktab handoff import checkpoints --out back
\`\`\`

An adapter is saved as \`checkpoints/global_step_N/actor/lora_adapter\`, which is PEFT's form: give that folder to \`thinktab chat --adapter\`. Without one the weights are in shards; EasyR1's \`scripts/model_merger.py --local_dir checkpoints/global_step_N/actor\` makes a Hugging Face model of them, which \`thinktab chat --model\` opens.
${notes.length > 0 ? `\n## Notes\n\n${notes.map((note) => `- ${note.replaceAll("\n", "\n  ")}`).join("\n")}\n` : ""}`;
}
