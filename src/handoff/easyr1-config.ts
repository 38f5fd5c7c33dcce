import { lossForms } from "../rl/loss-types.ts";
import type { KlType } from "../rl/kl.ts";
import type { Recipe } from "../train/recipe.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import { recordsTaskName } from "../tasks/task.ts";
import { REASONING_SYSTEM_PROMPT } from "../data/system-prompt.ts";
import { chatTemplateText, formatPromptText } from "./chat-template-file.ts";
import type { HandoffCounts, HandoffProblem } from "./rows.ts";
import type { ConfigTree, ConfigValue } from "./yaml.ts";

/** The two forms of EasyR1's configuration: release v0.3.1 (June 2025), and main since November 2025. */
export const easyR1Targets = ["v0.3.1", "main"] as const;
/** A form of EasyR1's configuration. */
export type EasyR1Target = (typeof easyR1Targets)[number];

/** How a system prompt gets to a trainer that builds one message, the user's. */
export const promptPlaces = ["template", "user"] as const;

/** What of a hand-off the configuration depends on. */
export interface EasyR1Settings {
  /** A run's recipe. Left out: EasyR1's defaults, with five samples of a prompt as WeThink has them. */
  recipe?: RunRecipe;
  /** Hugging Face name or folder of the base model. Default: the recipe's, unless that is one of the kit's own. */
  model?: string;
  /** Default: the recipe's, else {@link REASONING_SYSTEM_PROMPT}. */
  system?: string;
  /** "template" (default): a chat template with the system turn; "user": behind the question, as EasyR1's examples do. */
  promptPlace?: (typeof promptPlaces)[number];
  /** Trains all weights, whatever the recipe's adapter. */
  full?: boolean;
  /** Values by their dotted names in EasyR1's configuration, over all else. */
  set?: Readonly<Record<string, ConfigValue>>;
  /** Of the run there. Default `thinktab`. */
  name?: string;
}

/** A configuration, and what is to be said of it. */
export interface EasyR1Config {
  tree: ConfigTree;
  /** Behind the values under dotted names. */
  remarks: Map<string, string>;
  /** What the target does otherwise than our run, in sentences. */
  notes: string[];
  problems: HandoffProblem[];
}

const unconfirmed = "EasyR1 default, not confirmed by WeThink";
/** A bound that nothing reaches: EasyR1 has no way of turning these off. */
const unbounded = 1e9;

const klPenalties: Readonly<Record<KlType, string>> = { k1: "kl", abs: "abs", k2: "mse", k3: "low_var_kl" };

const usualModel = "Qwen/Qwen2.5-VL-7B-Instruct";
/** Policies that ship with the kit: no other trainer starts from them. */
const ownPolicies = ["toy", "tiny"];

/** The base model of a hand-off. */
export function modelOf(
  { model, recipe }: Pick<EasyR1Settings, "model" | "recipe">,
  notes: string[],
): string {
  if (model !== undefined) return model;
  if (!recipe) return usualModel;
  if (!ownPolicies.includes(recipe.model)) return recipe.model;
  notes.push(`The recipe's model, ${recipe.model}, ships with the kit; the base model is ${usualModel}.`);
  return usualModel;
}

/** The system prompt of a hand-off. */
export function systemOf({ system, recipe }: Pick<EasyR1Settings, "system" | "recipe">): string {
  return system ?? ownSystem(recipe) ?? REASONING_SYSTEM_PROMPT;
}

/** What is to be said where a run was without a system prompt: the hand-off has one all the same. */
export function systemNotes({ system, recipe }: Pick<EasyR1Settings, "system" | "recipe">): string[] {
  const added = recipe !== undefined && system === undefined && ownSystem(recipe) === undefined;
  return added ? ["The recipe has no system prompt; the kit's own is used."] : [];
}

/** A recipe's, or that of its records: those without a word of it have the kit's own. */
function ownSystem(recipe: RunRecipe | undefined): string | undefined {
  if (!recipe) return undefined;
  const { system: ofTask } = recipe.task;
  if (typeof ofTask === "string") return ofTask;
  const own = "sft" in recipe ? recipe.sft.system : recipe.grpo.system;
  return (
    own ??
    (recipe.task.name === recordsTaskName && ofTask === undefined ? REASONING_SYSTEM_PROMPT : undefined)
  );
}

/** EasyR1's configuration for a run: keys, types and defaults of the target, values of the recipe. */
export function easyR1Config(
  target: EasyR1Target,
  counts: Pick<HandoffCounts, "imagesPerRow">,
  settings: EasyR1Settings,
): EasyR1Config {
  const isMain = target === "main";
  const remarks = new Map<string, string>();
  const notes: string[] = [];
  const problems: HandoffProblem[] = [];
  const recipe = settings.recipe && "grpo" in settings.recipe ? settings.recipe.grpo : undefined;
  if (settings.recipe && !recipe)
    problems.push({
      option: "recipe",
      got: "a supervised run",
      expected: "a run of reinforcement learning (grpo)",
    });
  const training = recipe ? fromRecipe(target, recipe, notes, problems) : defaults(isMain, remarks);
  const lora = loraOf(target, settings, remarks, problems);
  const hasImages = counts.imagesPerRow > 0;
  const place = settings.promptPlace ?? "template";
  const system = systemOf(settings);
  // Up to v0.3.2 the option is the template itself, since then its file.
  const template = isMain ? "./chat_template.jinja" : chatTemplateText(system);
  if (place === "template" && !isMain && system.includes("${"))
    problems.push({ option: "system", got: "a text with ${ in it", expected: "none with the template in the configuration (EasyR1 v0.3.1), which would replace it: promptPlace user" }); // prettier-ignore
  if (place === "user" && formatPromptText(system).includes("<image>"))
    problems.push({ option: "system", got: "a text with <image> in it", expected: "none: EasyR1 would count it as an image" }); // prettier-ignore
  const tree: ConfigTree = {
    data: {
      train_files: "./data/train.jsonl",
      val_files: "./data/val.jsonl",
      prompt_key: "problem",
      answer_key: "answer",
      image_key: "images",
      image_dir: hasImages ? "./images" : null,
      max_prompt_length: 2048,
      max_response_length: training.maxResponseLength,
      rollout_batch_size: training.prompts,
      mini_rollout_batch_size: null,
      val_batch_size: 1024,
      format_prompt: place === "user" ? "./format_prompt.jinja" : null,
      override_chat_template: place === "template" ? template : null,
      shuffle: true,
      seed: recipe?.seed ?? 1,
      min_pixels: 262144,
      max_pixels: 4194304,
      filter_overlong_prompts: true,
    },
    algorithm: training.algorithm,
    worker: {
      actor: {
        global_batch_size: training.globalBatch,
        micro_batch_size_per_device_for_update: 1,
        micro_batch_size_per_device_for_experience: 2,
        ...training.actor,
        padding_free: true,
        ...(isMain && { dynamic_batching: true }),
        ulysses_size: 1,
        model: {
          model_path: modelOf(settings, notes),
          enable_gradient_checkpointing: true,
          trust_remote_code: false,
          freeze_vision_tower: recipe !== undefined,
          ...lora,
        },
        optim: training.optim,
        fsdp: { enable_full_shard: true, enable_cpu_offload: false, enable_rank0_init: true },
        offload: { offload_params: true, offload_optimizer: true },
      },
      rollout: {
        ...training.rollout,
        limit_images: counts.imagesPerRow,
        gpu_memory_utilization: 0.6,
        enforce_eager: false,
        enable_chunked_prefill: false,
        tensor_parallel_size: 2,
        max_num_batched_tokens: Math.max(8192, 2048 + training.maxResponseLength),
        val_override_config: { temperature: 0.6, top_p: 0.95, n: 1 },
      },
      ref: {
        fsdp: { enable_full_shard: true, enable_cpu_offload: true, enable_rank0_init: true },
        offload: { offload_params: false },
      },
      reward: {
        ...(!isMain && { reward_type: "batch" }),
        reward_function: "./reward.py:compute_score",
      },
    },
    trainer: {
      total_epochs: 15,
      max_steps: recipe?.steps ?? null,
      project_name: "thinktab",
      experiment_name: settings.name ?? "thinktab",
      // Only main writes the log that comes back.
      logger: isMain ? ["console", "file"] : ["console", "tensorboard"],
      nnodes: 1,
      n_gpus_per_node: 8,
      max_try_make_batch: recipe?.maxTryMakeBatch ?? 20,
      val_freq: 5,
      val_before_train: true,
      val_only: false,
      val_generations_to_log: 3,
      save_freq: 5,
      save_limit: 3,
      save_model_only: false,
      save_checkpoint_path: "./checkpoints",
      load_checkpoint_path: null,
      ...(isMain && { find_last_checkpoint: true }),
    },
  };
  if (!recipe) remarks.set("trainer.total_epochs", unconfirmed);
  remarks.set("data.min_pixels", "smaller images are enlarged to this; null: left as they are");
  return { tree, remarks, notes, problems };
}

interface Training {
  prompts: number;
  globalBatch: number;
  maxResponseLength: number;
  algorithm: ConfigTree;
  actor: ConfigTree;
  optim: ConfigTree;
  rollout: ConfigTree;
}

/** EasyR1's example of May 2025, on which WeThink is built; five samples of a prompt are WeThink's own. */
function defaults(isMain: boolean, remarks: Map<string, string>): Training {
  for (const name of [
    "data.max_prompt_length",
    "data.max_response_length",
    "data.rollout_batch_size",
    "algorithm.kl_penalty",
    "algorithm.kl_coef",
    "worker.actor.global_batch_size",
    "worker.actor.clip_ratio_low",
    "worker.actor.clip_ratio_high",
    "worker.actor.clip_ratio_dual",
    "worker.actor.max_grad_norm",
    "worker.actor.model.freeze_vision_tower",
    "worker.actor.optim.lr",
    "worker.actor.optim.weight_decay",
    "worker.rollout.temperature",
    "worker.rollout.top_p",
  ])
    remarks.set(name, unconfirmed);
  remarks.set("worker.rollout.n", "WeThink's");
  remarks.set("algorithm.adv_estimator", "WeThink's");
  return {
    prompts: 512,
    globalBatch: 128,
    maxResponseLength: 2048,
    algorithm: {
      adv_estimator: "grpo",
      disable_kl: false,
      use_kl_loss: true,
      kl_penalty: "low_var_kl",
      kl_coef: 0.01,
      online_filtering: false,
      filter_key: "accuracy",
      filter_low: 0.01,
      filter_high: 0.99,
    },
    actor: {
      max_grad_norm: 1,
      clip_ratio_low: 0.2,
      clip_ratio_high: 0.3,
      clip_ratio_dual: 3,
      ...(isMain && { loss_type: "default" }),
      loss_avg_mode: "token",
      ppo_epochs: 1,
    },
    optim: { lr: 1e-6, weight_decay: 0.01, strategy: "adamw", lr_warmup_ratio: 0 },
    rollout: { n: 5, temperature: 1, top_p: 0.99 },
  };
}

function fromRecipe(
  target: EasyR1Target,
  recipe: Recipe,
  notes: string[],
  problems: HandoffProblem[],
): Training {
  const isMain = target === "main";
  const refuse = (option: keyof Recipe, expected: string) => {
    problems.push({
      option,
      got: JSON.stringify(recipe[option]),
      expected: `${expected} (EasyR1 ${target})`,
    });
  };
  if (recipe.objective !== null) refuse("objective", "null: a loss of your own does not travel");
  const loss = lossOf(target, recipe, refuse);
  if (!isMain && recipe.advEstimator === "grpo_passk")
    refuse("advEstimator", "grpo, rloo or reinforce_plus_plus");
  if (recipe.scaleRewards !== "group") refuse("scaleRewards", "group");
  if (recipe.minP !== 0) refuse("minP", "0: it has no such option");
  if (recipe.schedule === "linear") refuse("schedule", "constant or cosine");
  if (recipe.delta !== null) refuse("delta", "null: it has no such option");
  if (recipe.useBiasCorrectionKl) refuse("useBiasCorrectionKl", "false: it has no such option");
  if (recipe.onlineFiltering && !["overall", "accuracy", "format"].includes(recipe.filterKey))
    refuse("filterKey", "overall, accuracy or format: the exported reward has no other part");
  if (recipe.advEstimator.startsWith("grpo") && recipe.advantageEps !== 1e-6)
    notes.push(`EasyR1 adds 1e-6 to the standard deviation of a group, this recipe ${recipe.advantageEps}.`);
  if (recipe.adamEps !== 1e-8)
    notes.push(`EasyR1's AdamW has an epsilon of 1e-8, this recipe ${recipe.adamEps}.`);
  if (recipe.klCoef > 0 && recipe.klType === "k3" && !recipe.klClamp)
    notes.push("EasyR1 clamps low_var_kl (log-ratio to 20, value to 10), this recipe does not.");
  if (recipe.onlineFiltering)
    notes.push("EasyR1 stops when a round of rollouts keeps no group, where our trainer draws again.");
  const usesKl = recipe.klCoef > 0;
  return {
    prompts: recipe.promptsPerStep,
    globalBatch: recipe.promptsPerStep,
    maxResponseLength: recipe.maxCompletionLength,
    algorithm: {
      gamma: recipe.gamma,
      adv_estimator: recipe.advEstimator,
      disable_kl: !usesKl,
      use_kl_loss: usesKl && recipe.klPlacement === "loss",
      kl_penalty: klPenalties[recipe.klType],
      kl_coef: recipe.klCoef,
      kl_type: recipe.klController,
      kl_target: recipe.klTarget,
      kl_horizon: recipe.klHorizon,
      online_filtering: recipe.onlineFiltering,
      filter_key: recipe.filterKey,
      filter_low: recipe.filterLow,
      filter_high: recipe.filterHigh,
    },
    actor: {
      max_grad_norm: recipe.maxGradNorm || unbounded,
      clip_ratio_low: recipe.clipRatioLow,
      clip_ratio_high: recipe.clipRatioHigh,
      clip_ratio_dual: recipe.clipRatioDual ?? unbounded,
      ...loss,
      ppo_epochs: recipe.numIterations,
    },
    optim: {
      lr: recipe.learningRate,
      betas: [recipe.adamBeta1, recipe.adamBeta2],
      weight_decay: recipe.weightDecay,
      strategy: "adamw",
      lr_warmup_steps: recipe.warmupSteps,
      [isMain ? "lr_scheduler_type" : "warmup_style"]: recipe.schedule,
    },
    rollout: {
      n: recipe.numGenerations,
      temperature: recipe.temperature,
      top_p: recipe.topP,
      top_k: recipe.topK || -1,
      seed: recipe.seed,
    },
  };
}

/** Our loss by EasyR1's names. */
function lossOf(
  target: EasyR1Target,
  recipe: Recipe,
  refuse: (option: keyof Recipe, expected: string) => void,
): ConfigTree {
  const form = lossForms[recipe.lossType];
  const level = recipe.importanceSamplingLevel ?? form.level;
  const average = recipe.lossAverage ?? form.average;
  const isAverage = average === "token" || average === "seq";
  const clipped = { token: "default", sequence: "gspo", sequence_token: "gspo_token" }[level];
  const type = form.surrogate === "clip" ? clipped : form.surrogate;
  if (!isAverage || type === "vespo" || (form.surrogate !== "clip" && level !== "token"))
    refuse(
      "lossType",
      "default, grpo, dapo, gspo, gspo_token, cispo or sapo, with ratios of tokens in the last two",
    );
  if (target === "v0.3.1" && type !== "default")
    refuse("lossType", "default, grpo or dapo with ratios of tokens: it knows no other loss");
  const mode = { loss_avg_mode: average };
  if (target === "v0.3.1") return mode;
  const taus: ConfigTree =
    type === "sapo" ? { tau_positive: recipe.tauPositive, tau_negative: recipe.tauNegative } : {};
  return { loss_type: type, ...mode, ...taus };
}

function loraOf(
  target: EasyR1Target,
  { recipe, full = false }: EasyR1Settings,
  remarks: Map<string, string>,
  problems: HandoffProblem[],
): ConfigTree {
  const wanted =
    recipe && !full && !("dense" in recipe && recipe.dense !== undefined) ? recipe.lora : undefined;
  if (target === "v0.3.1") {
    if (wanted)
      problems.push({ option: "lora", got: `rank ${wanted.rank}`, expected: "none: EasyR1 v0.3.1 trains all weights (full)" }); // prettier-ignore
    return {};
  }
  remarks.set("worker.actor.model.lora.rank", "0: all weights are trained");
  // vLLM applies no adapter to the vision tower.
  return {
    lora: {
      rank: wanted?.rank ?? 0,
      alpha: wanted?.alpha ?? 64,
      target_modules: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
      exclude_modules: ".*visual.*",
    },
  };
}
