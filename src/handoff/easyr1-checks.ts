import type { EasyR1Target } from "./easyr1-config.ts";
import type { HandoffCounts, HandoffProblem } from "./rows.ts";
import { isTree, valueAt, type ConfigTree, type ConfigValue } from "./yaml.ts";

/** Every key of EasyR1's structured configuration: an unknown one ends its run. By section; at v0.3.1. */
const sections: Readonly<Record<string, string>> = {
  data:
    "train_files val_files prompt_key answer_key image_key image_dir max_prompt_length max_response_length " +
    "rollout_batch_size mini_rollout_batch_size val_batch_size format_prompt override_chat_template shuffle seed " +
    "min_pixels max_pixels filter_overlong_prompts",
  algorithm:
    "gamma lam adv_estimator disable_kl use_kl_loss kl_penalty kl_coef kl_type kl_horizon kl_target online_filtering " +
    "filter_key filter_low filter_high",
  "worker.actor":
    "strategy global_batch_size micro_batch_size_per_device_for_update micro_batch_size_per_device_for_experience " +
    "max_grad_norm clip_ratio_low clip_ratio_high clip_ratio_dual loss_avg_mode ppo_epochs padding_free ulysses_size " +
    "use_torch_compile",
  "worker.actor.model":
    "model_path tokenizer_path override_config enable_gradient_checkpointing trust_remote_code freeze_vision_tower",
  "worker.actor.optim": "lr betas weight_decay strategy lr_warmup_ratio lr_warmup_steps min_lr_ratio",
  "worker.actor.fsdp":
    "enable_full_shard enable_cpu_offload enable_rank0_init use_orig_params torch_dtype fsdp_size mp_param_dtype " +
    "mp_reduce_dtype mp_buffer_dtype",
  "worker.actor.offload": "offload_params offload_optimizer",
  "worker.ref": "strategy",
  "worker.ref.fsdp": "enable_full_shard enable_cpu_offload enable_rank0_init torch_dtype fsdp_size",
  "worker.ref.offload": "offload_params offload_optimizer",
  "worker.rollout":
    "name n temperature top_p top_k seed limit_images dtype gpu_memory_utilization ignore_eos enforce_eager " +
    "enable_chunked_prefill tensor_parallel_size max_model_len max_num_batched_tokens disable_log_stats " +
    "val_override_config",
  "worker.reward": "reward_function reward_function_kwargs skip_special_tokens num_cpus",
  trainer:
    "total_epochs max_steps project_name experiment_name logger nnodes n_gpus_per_node max_try_make_batch critic_warmup " +
    "val_freq val_before_train val_only val_generations_to_log save_freq save_limit save_model_only " +
    "save_checkpoint_path load_checkpoint_path",
};
/** Keys that only one of the targets has. */
const additions: Readonly<Record<EasyR1Target, Readonly<Record<string, string>>>> = {
  "v0.3.1": { "worker.reward": "reward_type", "worker.actor.optim": "warmup_style" },
  main: {
    data: "video_key video_fps filter_overlong_prompts_workers",
    "worker.actor": "loss_type dynamic_batching tau_positive tau_negative",
    "worker.actor.model.lora": "rank alpha target_modules exclude_modules",
    "worker.actor.optim": "lr_scheduler_type",
    "worker.rollout": "disable_tqdm",
    trainer: "ray_timeline find_last_checkpoint",
  },
};
/** Below these any key goes. */
const free = ["worker.rollout.val_override_config", "worker.reward.reward_function_kwargs", "worker.actor.model.override_config"]; // prettier-ignore

/** Dotted names of a configuration that the target does not know. */
export function unknownKeys(target: EasyR1Target, tree: ConfigTree): string[] {
  const known = new Set<string>();
  for (const keys of [sections, additions[target]])
    for (const [section, names] of Object.entries(keys)) for (const name of names.split(" ")) known.add(`${section}.${name}`); // prettier-ignore
  const visit = (value: ConfigValue, path: string): string[] => {
    if (known.has(path) || free.includes(path)) return [];
    const isSection = path === "" || [...known].some((name) => name.startsWith(`${path}.`));
    if (!isSection || !isTree(value)) return [path];
    return Object.entries(value).flatMap(([name, inner]) =>
      visit(inner, path === "" ? name : `${path}.${name}`),
    );
  };
  return visit(tree, "");
}

/** What EasyR1's trainer would stop at, or silently go on without: before a cluster is rented. */
export function checkEasyR1(target: EasyR1Target, tree: ConfigTree, counts: HandoffCounts): HandoffProblem[] {
  const problems: HandoffProblem[] = [];
  const problem = (option: string, got: unknown, expected: string) => {
    problems.push({ option, got: typeof got === "string" ? got : JSON.stringify(got), expected });
  };
  const text = (path: string) => {
    const value = valueAt(tree, path);
    return typeof value === "string" ? value : JSON.stringify(value ?? null);
  };
  const number = (path: string, least = 1): number => {
    const value = valueAt(tree, path);
    if (typeof value === "number" && value >= least) return value;
    problem(path, value ?? "nothing", `a number from ${least}`);
    return NaN;
  };
  for (const key of unknownKeys(target, tree)) problem(key, "a key", `one that EasyR1 ${target} knows`);

  const rollout = number("data.rollout_batch_size");
  const mini = valueAt(tree, "data.mini_rollout_batch_size");
  const batch = typeof mini === "number" ? mini : rollout;
  const from = typeof mini === "number" ? "mini_rollout_batch_size" : "rollout_batch_size";
  if (counts.train < batch)
    problem("rows", `${counts.train} to train on`, `at least data.${from}, ${batch}: its loader drops an incomplete batch`); // prettier-ignore
  if (counts.validation === 0) problem("rows", "none to validate on", "at least one: EasyR1 needs val_files");
  const valBatch = valueAt(tree, "data.val_batch_size");
  if (valBatch !== -1 && !(typeof valBatch === "number" && valBatch >= 1))
    problem("data.val_batch_size", valBatch, "-1 or a number from 1");

  const n = number("worker.rollout.n");
  const global = number("worker.actor.global_batch_size");
  if (rollout % global !== 0)
    problem("data.rollout_batch_size", rollout, `a multiple of worker.actor.global_batch_size, ${global}`);
  const experience = number("worker.actor.micro_batch_size_per_device_for_experience");
  if ((rollout * n) % experience !== 0)
    problem("worker.actor.micro_batch_size_per_device_for_experience", experience, `a divisor of rollout_batch_size times n, ${rollout * n}`); // prettier-ignore
  const ulysses = number("worker.actor.ulysses_size");
  if (ulysses !== 1)
    problem("worker.actor.ulysses_size", ulysses, "1: EasyR1 does not split sequences of images");
  const world = number("trainer.nnodes") * number("trainer.n_gpus_per_node");
  const perDevice = (global * n * ulysses) / world;
  const update = number("worker.actor.micro_batch_size_per_device_for_update");
  if (!Number.isInteger(perDevice) || perDevice % update !== 0)
    problem("worker.actor.global_batch_size", `${global}, times n ${n} on ${world} GPUs: ${perDevice} each`, `a multiple of micro_batch_size_per_device_for_update, ${update}, on each GPU`); // prettier-ignore
  const parallel = number("worker.rollout.tensor_parallel_size");
  if (world % parallel !== 0)
    problem("worker.rollout.tensor_parallel_size", parallel, `a divisor of the number of GPUs, ${world}`);
  const length = number("data.max_prompt_length") + number("data.max_response_length");
  const tokens = number("worker.rollout.max_num_batched_tokens");
  if (tokens < length)
    problem("worker.rollout.max_num_batched_tokens", tokens, `at least max_prompt_length and max_response_length, ${length}`); // prettier-ignore
  const images = number("worker.rollout.limit_images", 0);
  if (images !== 0 && images < counts.imagesPerRow)
    problem(
      "worker.rollout.limit_images",
      images,
      `0, or at least the most images of a row, ${counts.imagesPerRow}`,
    );

  const estimator = text("algorithm.adv_estimator");
  const estimators = estimatorsOf(target);
  if (!estimators.includes(estimator)) {
    const broken = target === "main" && (estimator === "remax" || estimator === "gae");
    problem("algorithm.adv_estimator", estimator, `one of ${estimators.join(", ")}${broken ? `: ${estimator} raises an error on main since October 2025` : ""}`); // prettier-ignore
  }
  if (/^(?:grpo|grpo_passk|rloo)$/.test(estimator) && n < 2) problem("worker.rollout.n", n, `at least 2 with ${estimator}`); // prettier-ignore
  const loss = valueAt(tree, "worker.actor.loss_type");
  const losses = ["default", "gspo", "gspo_token", "cispo", "sapo"];
  if (target === "main" && loss !== undefined && !losses.includes(loss as string))
    problem("worker.actor.loss_type", loss, `one of ${losses.join(", ")}`);
  const average = text("worker.actor.loss_avg_mode");
  if (average !== "token" && average !== "seq")
    problem("worker.actor.loss_avg_mode", average, "token or seq");
  const filters = ["overall", "accuracy", "format", "judge_failed", "no_verdict"];
  const filter = text("algorithm.filter_key");
  if (valueAt(tree, "algorithm.online_filtering") === true && !filters.includes(filter))
    problem("algorithm.filter_key", filter, `one of ${filters.join(", ")}`);
  for (const path of ["data.train_files", "data.val_files"])
    if (text(path).includes("@"))
      problem(path, text(path), "a path without @, which EasyR1 takes for a split's name");
  return problems;
}

function estimatorsOf(target: EasyR1Target): string[] {
  const both = ["grpo", "rloo", "reinforce_plus_plus"];
  return target === "main" ? [...both, "grpo_passk"] : [...both, "remax", "gae"];
}
