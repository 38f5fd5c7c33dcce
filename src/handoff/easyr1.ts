import { toEasyR1 } from "../data/formats/easyr1.ts";
import { ThinktabError } from "../util/errors.ts";
import { chatTemplateText, formatPromptText } from "./chat-template-file.ts";
import { checkEasyR1 } from "./easyr1-checks.ts";
import {
  easyR1Config,
  easyR1Targets,
  systemNotes,
  systemOf,
  type EasyR1Config,
  type EasyR1Settings,
  type EasyR1Target,
} from "./easyr1-config.ts";
import { easyR1Launch, easyR1Readme } from "./easyr1-texts.ts";
import type { HandoffFile } from "./files.ts";
import {
  HandoffRows,
  packedAnswer,
  rewardOf,
  type HandoffCounts,
  type HandoffData,
  type HandoffProblem,
  type HandoffReward,
} from "./rows.ts";
import { toYaml, withValue, type ConfigTree } from "./yaml.ts";

/** A run of EasyR1 to make ready. */
export interface EasyR1HandoffOptions extends EasyR1Settings {
  data: HandoffData;
  /** How our run rewards, as far as it differs from the hybrid reward's defaults. Default: as a recipe of records does. */
  reward?: HandoffReward;
  /** Which forms of the configuration: both when left out, or the one of them that can hold the recipe. */
  target?: EasyR1Target | "both";
}

/** A hand-off that passed its checks. */
export interface Handoff {
  counts: HandoffCounts;
  /** What is to be said beside the files, in sentences. */
  notes: string[];
  /** Everything, images last. Each file's content can be read once. */
  files(): AsyncGenerator<HandoffFile>;
}

/**
 * A folder that EasyR1 trains from: rows and images, its configuration, the reward as a Python file, the system prompt's
 * template, a script that starts it and a README. The data set is read, and everything checked that the trainer would
 * stop at or silently go on without, before the first file comes.
 * @throws ThinktabError naming every problem; as `readSamples` does for data that cannot be read.
 */
export async function easyR1Handoff(options: EasyR1HandoffOptions): Promise<Handoff> {
  const { data, target = "both", set = {} } = options;
  const rows = new HandoffRows(data);
  const counts = await rows.counts();
  const configs = new Map<EasyR1Target, EasyR1Config>();
  const notes = systemNotes(options);
  const failed: string[] = [];
  const rewardProblems: HandoffProblem[] = [];
  const reward = rewardOf(options, rewardProblems);
  for (const one of target === "both" ? easyR1Targets : [target]) {
    const config = easyR1Config(one, counts, options);
    const tree = Object.entries(set).reduce<ConfigTree>((all, [path, value]) => withValue(all, path, value), config.tree); // prettier-ignore
    const problems = [...rewardProblems, ...config.problems, ...checkEasyR1(one, tree, counts)];
    for (const path of Object.keys(set)) config.remarks.delete(path);
    if (problems.length === 0) configs.set(one, { ...config, tree });
    else failed.push(`EasyR1 ${one}:\n${problems.map(described).join("\n")}`);
  }
  if (configs.size === 0) throw new ThinktabError(`hand-off: EasyR1 would not run\n${failed.join("\n")}`);
  for (const text of failed) notes.push(`Left out, as it would not run: ${text}`);
  for (const config of configs.values())
    for (const note of config.notes) if (!notes.includes(note)) notes.push(note);
  if (counts.verifiers["model-judge"])
    notes.push(`${counts.verifiers["model-judge"]} rows need a judge: name one by THINKTAB_JUDGE_BASE_URL and THINKTAB_JUDGE_MODEL.`); // prettier-ignore
  const targets = [...configs.keys()];
  async function* files(): AsyncGenerator<HandoffFile> {
    const system = systemOf(options);
    const hasImages = counts.imagesPerRow > 0;
    const line = (sample: Parameters<typeof toEasyR1>[0]): Record<string, unknown> => {
      const { images, ...row } = toEasyR1(sample, { answer: (one) => packedAnswer(one, reward) });
      // Without any image there is no processor that an empty list could go to.
      return hasImages ? { ...row, images } : row;
    };
    yield {
      path: "README.md",
      content: easyR1Readme({ targets, counts, notes, judged: counts.verifiers["model-judge"] ?? 0 }),
    };
    for (const [one, { tree, remarks }] of configs)
      yield { path: `easyr1.${one}.yaml`, content: `${toYaml(tree, remarks)}\n` };
    // Loaded here, so that a page which hands nothing off does not carry it.
    const { pythonReward } = await import("./python-reward.ts");
    yield { path: "reward.py", content: pythonReward() };
    if (options.promptPlace === "user")
      yield { path: "format_prompt.jinja", content: formatPromptText(system) };
    else yield { path: "chat_template.jinja", content: chatTemplateText(system) };
    yield { path: "train.sh", content: easyR1Launch(targets, options), executable: true };
    yield { path: "data/train.jsonl", content: rows.lines("train", line) };
    yield { path: "data/val.jsonl", content: rows.lines("validation", line) };
    yield* rows.images();
  }
  return { counts, notes, files };
}

function described({ option, got, expected }: HandoffProblem): string {
  return `  ${option}: got ${got}, expected ${expected}`;
}
