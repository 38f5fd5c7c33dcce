import { toTrl } from "../data/formats/trl.ts";
import { lossForms } from "../rl/loss-types.ts";
import type { Recipe } from "../train/recipe.ts";
import { ThinktabError } from "../util/errors.ts";
import type { Handoff } from "./easyr1.ts";
import { modelOf, systemNotes, systemOf, type EasyR1Settings } from "./easyr1-config.ts";
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
import { trlReadme, trlScript } from "./trl-texts.ts";
import type { ConfigTree } from "./yaml.ts";

/** A run of TRL's GRPOTrainer to make ready. */
export interface TrlHandoffOptions extends Pick<
  EasyR1Settings,
  "recipe" | "model" | "system" | "full" | "set" | "name"
> {
  data: HandoffData;
  /** How our run rewards, as far as it differs from the hybrid reward's defaults. Default: as a recipe of records does. */
  reward?: HandoffReward;
}

/**
 * A folder that TRL trains from: rows and images, the reward as a Python file, the recipe as GRPOConfig's arguments, a
 * script and a README.
 * @throws ThinktabError naming every option that TRL has not.
 */
export async function trlHandoff(options: TrlHandoffOptions): Promise<Handoff> {
  const { recipe, data, set = {}, full = false } = options;
  const rows = new HandoffRows(data);
  const counts = await rows.counts();
  const notes = systemNotes(options);
  const model = modelOf(options, notes);
  const problems: HandoffProblem[] = [];
  const reward = rewardOf(options, problems);
  for (const key of Object.keys(set))
    if (!/^[A-Za-z_]\w*$/.test(key))
      problems.push({ option: key, got: "a key", expected: "the name of one of GRPOConfig's arguments" });
  if (recipe && !("grpo" in recipe))
    problems.push({
      option: "recipe",
      got: "a supervised run",
      expected: "a run of reinforcement learning (grpo)",
    });
  const grpo = recipe && "grpo" in recipe ? recipe.grpo : undefined;
  const config: ConfigTree = { ...argumentsOf(grpo, options, notes, problems), ...set };
  checkBatch(config, counts, problems);
  if (problems.length > 0) {
    const lines = problems.map(
      ({ option, got, expected }) => `  ${option}: got ${got}, expected ${expected}`,
    );
    throw new ThinktabError(`hand-off: TRL would not run\n${lines.join("\n")}`);
  }
  if (counts.verifiers["model-judge"])
    notes.push(`${counts.verifiers["model-judge"]} rows need a judge: name one by THINKTAB_JUDGE_BASE_URL and THINKTAB_JUDGE_MODEL.`); // prettier-ignore
  const system = systemOf(options);
  const lora =
    recipe && !full && !("dense" in recipe && recipe.dense !== undefined) ? recipe.lora : undefined;
  async function* files(): AsyncGenerator<HandoffFile> {
    const line = (sample: Parameters<typeof toTrl>[0]) => {
      const { prompt, images } = toTrl(sample, { system, extras: false });
      return { prompt, images, ground_truth: packedAnswer(sample, reward) };
    };
    yield { path: "README.md", content: trlReadme(counts, notes) };
    yield { path: "train.py", content: trlScript(model, config, lora) };
    // Loaded here, so that a page which hands nothing off does not carry it.
    const { pythonReward } = await import("./python-reward.ts");
    yield { path: "reward.py", content: pythonReward() };
    yield { path: "data/train.jsonl", content: rows.lines("train", line) };
    yield { path: "data/val.jsonl", content: rows.lines("validation", line) };
    yield* rows.images();
  }
  return { counts, notes, files };
}

/** GRPOConfig's arguments (TRL 1.10), those that a recipe or its absence decides. */
function argumentsOf(
  recipe: Recipe | undefined,
  { name = "thinktab" }: Pick<TrlHandoffOptions, "name">,
  notes: string[],
  problems: HandoffProblem[],
): ConfigTree {
  const common: ConfigTree = {
    output_dir: `checkpoints/${name}`,
    bf16: true,
    gradient_checkpointing: true,
    logging_steps: 1,
    save_steps: 50,
    report_to: "none",
    log_completions: false,
    per_device_train_batch_size: 1,
  };
  if (!recipe)
    return { ...common, num_generations: 5, gradient_accumulation_steps: 5, max_completion_length: 2048, num_train_epochs: 1 }; // prettier-ignore
  const refuse = (option: keyof Recipe, expected: string) => {
    problems.push({ option, got: JSON.stringify(recipe[option]), expected: `${expected} (TRL)` });
  };
  if (recipe.objective !== null) refuse("objective", "null: a loss of your own does not travel");
  const names = { default: "dapo", gspo: "dapo", gspo_token: "dapo" } as const;
  const loss = recipe.lossType in names ? names[recipe.lossType as keyof typeof names] : recipe.lossType;
  const level = recipe.importanceSamplingLevel ?? lossForms[recipe.lossType].level;
  if (level === "sequence_token")
    refuse("lossType", "another: ratios of sequence_token are in trl.experimental alone");
  if (recipe.lossAverage !== null && recipe.lossAverage !== lossForms[loss].average)
    refuse("lossAverage", `null, or ${lossForms[loss].average} with ${loss}`);
  if (recipe.advEstimator !== "grpo") refuse("advEstimator", "grpo");
  if (recipe.clipRatioDual !== null) refuse("clipRatioDual", "null: it has no such option");
  if (
    recipe.klCoef > 0 &&
    (recipe.klType !== "k3" || recipe.klPlacement !== "loss" || recipe.klController !== "fixed")
  )
    refuse("klType", "k3 in the loss, with a fixed coefficient");
  if (recipe.lossType === "cispo" && recipe.clipRatioLow !== 1)
    refuse("clipRatioLow", "1 with cispo, which has no lower bound there");
  if (recipe.onlineFiltering) refuse("onlineFiltering", "false: it has no such option");
  if (recipe.advantageEps !== 1e-4)
    notes.push(`TRL adds 1e-4 to the standard deviation of a group, this recipe ${recipe.advantageEps}.`);
  if (recipe.klClamp) notes.push("TRL does not clamp its KL, this recipe does.");
  // TRL's bound of cispo is the cap itself, not what is added to 1.
  const cap = recipe.lossType === "cispo" ? 1 + recipe.clipRatioHigh : recipe.clipRatioHigh;
  return {
    ...common,
    max_steps: recipe.steps,
    seed: recipe.seed,
    num_generations: recipe.numGenerations,
    gradient_accumulation_steps: recipe.promptsPerStep * recipe.numGenerations,
    max_completion_length: recipe.maxCompletionLength,
    temperature: recipe.temperature,
    top_k: recipe.topK,
    top_p: recipe.topP,
    ...(recipe.minP > 0 && { min_p: recipe.minP }),
    loss_type: loss,
    scale_rewards: recipe.scaleRewards,
    importance_sampling_level: level,
    epsilon: recipe.clipRatioLow,
    epsilon_high: cap,
    ...(loss === "sapo" && {
      sapo_temperature_pos: recipe.tauPositive,
      sapo_temperature_neg: recipe.tauNegative,
    }),
    ...(loss === "vespo" && {
      vespo_k_pos: recipe.vespoKPositive,
      vespo_lambda_pos: recipe.vespoLambdaPositive,
      vespo_k_neg: recipe.vespoKNegative,
      vespo_lambda_neg: recipe.vespoLambdaNegative,
    }),
    ...(recipe.delta !== null && { delta: recipe.delta }),
    beta: recipe.klCoef,
    ...(recipe.useBiasCorrectionKl && { use_bias_correction_kl: true }),
    num_iterations: recipe.numIterations,
    learning_rate: recipe.learningRate,
    lr_scheduler_type: recipe.schedule,
    warmup_steps: recipe.warmupSteps,
    adam_beta1: recipe.adamBeta1,
    adam_beta2: recipe.adamBeta2,
    adam_epsilon: recipe.adamEps,
    weight_decay: recipe.weightDecay,
    max_grad_norm: recipe.maxGradNorm,
  };
}

/** TRL takes a step's completions in whole groups. */
function checkBatch(config: ConfigTree, counts: HandoffCounts, problems: HandoffProblem[]): void {
  const number = (name: string) => (typeof config[name] === "number" ? config[name] : NaN);
  const batch = number("per_device_train_batch_size") * number("gradient_accumulation_steps");
  const n = number("num_generations");
  if (!(n >= 2)) problems.push({ option: "num_generations", got: String(n), expected: "at least 2" });
  else if (batch % n !== 0)
    problems.push({ option: "gradient_accumulation_steps", got: String(number("gradient_accumulation_steps")), expected: `completions of a step, ${batch}, in groups of num_generations, ${n}` }); // prettier-ignore
  if (counts.train < batch / n)
    problems.push({ option: "rows", got: `${counts.train} to train on`, expected: `at least the prompts of a step, ${batch / n}` }); // prettier-ignore
}
