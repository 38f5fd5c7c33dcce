import { Template } from "@huggingface/jinja";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { qwenTemplate } from "../../src/data/chat-template.ts";
import { fromEasyR1 } from "../../src/data/formats/easyr1.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { chatTemplateText, formatPromptText } from "../../src/handoff/chat-template-file.ts";
import { unknownKeys } from "../../src/handoff/easyr1-checks.ts";
import { easyR1Handoff, type EasyR1HandoffOptions } from "../../src/handoff/easyr1.ts";
import { trlHandoff } from "../../src/handoff/trl.ts";
import { memorySource } from "../../src/storage/source.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import type { ConfigTree } from "../../src/handoff/yaml.ts";
import { contents, madeData, rows } from "./support.ts";

const small = { "data.rollout_batch_size": 16, "worker.actor.global_batch_size": 8 };
const recipe = (grpo: object, more: object = {}) =>
  parseRunRecipe({ model: "toy", task: { name: "shapes" }, grpo, ...more });

function handoff(options: Partial<EasyR1HandoffOptions> = {}) {
  return easyR1Handoff({ data: madeData(), set: small, ...options });
}

async function yaml(target: string, options: Partial<EasyR1HandoffOptions> = {}): Promise<ConfigTree> {
  const files = await contents(await handoff(options));
  return parse(files.get(`easyr1.${target}.yaml`)!) as ConfigTree;
}

const at = (tree: ConfigTree, path: string): unknown =>
  path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], tree);

describe("the folder", () => {
  test("has rows with markers, packed answers and images; one row in twenty validates", async () => {
    const made = await handoff();
    expect(made.counts).toMatchObject({ train: 38, validation: 2, rejected: 0, images: 3, imagesPerRow: 1 });
    const files = await contents(made);
    expect([...files.keys()]).toEqual([
      "README.md",
      "easyr1.v0.3.1.yaml",
      "easyr1.main.yaml",
      "reward.py",
      "chat_template.jinja",
      "train.sh",
      "data/train.jsonl",
      "data/val.jsonl",
      "images/0.png",
      "images/1.png",
      "images/2.png",
    ]);
    const train = rows(files.get("data/train.jsonl")!);
    expect(train).toHaveLength(38);
    expect(rows(files.get("data/val.jsonl")!).map((row) => fromEasyR1(row).problem)).toEqual([
      "Question 19? <image> is a word.\nA. cat\nB. dog",
      "Question 39? <image> is a word.\nA. cat\nB. dog",
    ]);
    expect(Object.keys(train[0])).toEqual(["problem", "answer", "images"]);
    expect(train[0].images).toEqual(["0.png"]);
    // EasyR1 counts markers: the one that is a word must not be one.
    expect((train[0].problem as string).split("<image>")).toHaveLength(2);
    expect(JSON.parse(train[0].answer as string)).toEqual({
      v: 1,
      kind: "multiple-choice",
      gold: "B",
      question: "Question 0? <image> is a word.\nA. cat\nB. dog",
      images: ["0.png"],
      weights: [0.7, 0.3],
    });
    expect(made.notes).toEqual([expect.stringContaining("10 rows need a judge")]);
  });

  test("tells the reward what differs from its defaults", async () => {
    const reward = { weights: { accuracy: 0.9, format: 0.1 }, format: "lenient", prefill: "<think>", iou: { graded: true } } as const; // prettier-ignore
    const files = await contents(await handoff({ reward }));
    const [first] = rows(files.get("data/train.jsonl")!);
    expect(JSON.parse(first.answer as string)).toMatchObject({
      weights: [0.9, 0.1],
      format: "lenient",
      prefill: "<think>",
      iou: { graded: true },
    });
  });

  test("tells it what a recipe of records has, unless it is told otherwise", async () => {
    const reward = { weights: { accuracy: 0.6, format: 0.4 }, format: "lenient", prefill: "<think>", number: { relative: 0.01 }, iou: { threshold: 0.3 }, set: { score: "f1" }, judge: {} } as const; // prettier-ignore
    const task = { name: "records", data: "r.jsonl", reward };
    const records = recipe({}, { task });
    const packed = async (options: Partial<EasyR1HandoffOptions>) => {
      const files = await contents(await handoff({ target: "main", ...options }));
      return JSON.parse(rows(files.get("data/train.jsonl")!)[0].answer as string) as object;
    };
    const { number, iou, set } = reward;
    const own = { weights: [0.6, 0.4], format: "lenient", prefill: "<think>", number, iou, set };
    expect(await packed({ recipe: records })).toMatchObject(own);
    expect(await packed({ recipe: records, reward: {} })).toMatchObject({ weights: [0.7, 0.3] });
    const module = recipe({}, { task: { ...task, reward: { module: "./mine.js" } } });
    await expect(packed({ recipe: module })).rejects.toThrow(
      "task.reward.module: got ./mine.js, expected none: a reward of your own has no twin in Python",
    );
  });

  test("a validation file is in the format that it is in, and its own images have names of their own", async () => {
    const table = (...pixels: string[]) =>
      ["index\timage\tquestion\tanswer", ...pixels.map((pixel, row) => `${row + 1}\t${btoa(pixel.repeat(80))}\tWhat?\tA cat`), ""].join("\n"); // prettier-ignore
    const file = (path: string, text: string) => ({
      source: memorySource({ [path]: new TextEncoder().encode(text) }),
      path,
    });
    const validation = file("b.tsv", table("b"));
    const both = await trlHandoff({
      data: { file: file("a.tsv", table("a", "c")), validation },
      set: { num_generations: 2, gradient_accumulation_steps: 2 },
    });
    expect(both.counts).toMatchObject({ train: 2, validation: 1, images: 3 });
    const files = await contents(both);
    expect(rows(files.get("data/val.jsonl")!)[0].images).toEqual(["validation/1.png"]);
    expect(files.get("images/1.png")).not.toBe(files.get("images/validation/1.png"));
    const mixed = await handoff({ data: { ...madeData(), from: "sharegpt", validation } });
    expect(mixed.counts).toMatchObject({ train: 40, validation: 1, rejected: 0 });
  });

  test("of few rows the last one validates, and a set of its own takes that part", async () => {
    const few = await easyR1Handoff({ data: madeData({ count: 5 }), set: { ...small, "data.rollout_batch_size": 4, "worker.actor.global_batch_size": 4, "trainer.n_gpus_per_node": 4 } }); // prettier-ignore
    expect(few.counts).toMatchObject({ train: 4, validation: 1 });
    const files = await contents(few);
    expect(rows(files.get("data/val.jsonl")!)).toHaveLength(1);
    const own = await handoff({ data: { ...madeData(), validation: madeData({ count: 3 }).file } });
    expect(own.counts).toMatchObject({ train: 40, validation: 3 });
  });

  test("a set without images has no column of them", async () => {
    const files = await contents(await handoff({ data: madeData({ images: false }) }));
    const [first] = rows(files.get("data/train.jsonl")!);
    expect(Object.keys(first)).toEqual(["problem", "answer"]);
    expect(files.get("easyr1.main.yaml")).toContain("image_dir: null");
  });

  test("rows without an answer are rejected and counted", async () => {
    const made = await handoff({ data: madeData({ broken: 3 }) });
    expect(made.counts).toMatchObject({ rejected: 3, train: 38 });
    expect(made.counts.rejections[0].reason).toBe("empty-answer");
  });

  test("comes anew each time it is asked for", async () => {
    const made = await handoff();
    expect(await contents(made)).toEqual(await contents(made));
  });
});

describe("the system prompt", () => {
  const image = { type: "image", image: "a.png" } as const;
  const text = "It's a \\ test:\nwith 'quotes' and {{ braces }}.";

  test.each([REASONING_SYSTEM_PROMPT, text])("is a turn of the chat template: %j", (system) => {
    const user = { role: "user" as const, content: [image, { type: "text" as const, text: "What?" }] };
    const template = new Template(chatTemplateText(system));
    const rendered = (messages: object[], more = {}) => template.render({ messages, ...more });
    const expected = qwenTemplate.render([{ role: "system", content: system }, user]);
    expect(rendered([user], { add_generation_prompt: true })).toBe(expected);
    const answered = [{ role: "system", content: "own" }, user, { role: "assistant", content: "A cat." }];
    expect(rendered(answered)).toBe(
      qwenTemplate.render(answered as Parameters<typeof qwenTemplate.render>[0], {
        addGenerationPrompt: false,
      }),
    );
  });

  test("is that of the recipe's records, unless another is asked for", async () => {
    const task = { name: "records", data: "records.jsonl", system: text };
    const recipe = parseRunRecipe({ model: "toy", task, grpo: {} });
    const template = async (options: Partial<EasyR1HandoffOptions>) =>
      (await contents(await handoff({ recipe, target: "main", ...options }))).get("chat_template.jinja");
    expect(await template({})).toBe(chatTemplateText(text));
    expect(await template({ system: "Be brief." })).toBe(chatTemplateText("Be brief."));
  });

  test("is told of where the run was without one", async () => {
    const said = "The recipe has no system prompt; the kit's own is used.";
    const notes = async (task: object) =>
      (
        await handoff({
          recipe: parseRunRecipe({
            model: "toy",
            task: { name: "records", data: "r.jsonl", ...task },
            grpo: {},
          }),
          target: "main",
        })
      ).notes;
    expect(await notes({ system: null })).toContain(said);
    expect(await notes({})).not.toContain(said);
    expect(await notes({ system: text })).not.toContain(said);
  });

  test("or stands behind the question", async () => {
    expect(new Template(formatPromptText(text)).render({ content: " What? " })).toBe(`What?\n\n${text}`);
    const files = await contents(await handoff({ promptPlace: "user", system: text }));
    expect(files.get("format_prompt.jinja")).toBe(formatPromptText(text));
    expect(files.has("chat_template.jinja")).toBe(false);
    expect(files.get("easyr1.main.yaml")).toContain('format_prompt: "./format_prompt.jinja"');
    expect(files.get("train.sh")).toContain("format_prompt.jinja");
  });

  test("with what v0.3.1 would replace in its configuration is left to main, or to the user's turn", async () => {
    const system = "Cost: ${price}.";
    const made = await handoff({ system });
    expect(made.notes.join("\n")).toContain("system: got a text with ${ in it");
    const files = await contents(made);
    expect([files.has("easyr1.v0.3.1.yaml"), files.has("easyr1.main.yaml")]).toEqual([false, true]);
    const user = await contents(await handoff({ system, promptPlace: "user" }));
    expect(user.has("easyr1.v0.3.1.yaml")).toBe(true);
  });

  test("main takes the template's file, v0.3.1 the template itself", async () => {
    expect(at(await yaml("main"), "data.override_chat_template")).toBe("./chat_template.jinja");
    expect(at(await yaml("v0.3.1"), "data.override_chat_template")).toBe(
      chatTemplateText(REASONING_SYSTEM_PROMPT),
    );
  });
});

describe("the configuration", () => {
  test("without a recipe is EasyR1's, and says that WeThink has not confirmed it", async () => {
    const files = await contents(await handoff());
    const text = files.get("easyr1.main.yaml")!;
    expect(text).toContain("kl_coef: 0.01  # EasyR1 default, not confirmed by WeThink");
    expect(text).toContain("n: 5  # WeThink's");
    // What the user set is the user's.
    expect(text).toContain("rollout_batch_size: 16\n");
    const tree = parse(text) as ConfigTree;
    expect(at(tree, "worker.actor.optim.lr")).toBe(1e-6);
    expect(at(tree, "worker.actor.clip_ratio_high")).toBe(0.3);
  });

  test("has keys that its target knows alone, and differs where the targets do", async () => {
    const [old, main] = [await yaml("v0.3.1"), await yaml("main")];
    expect(unknownKeys("v0.3.1", old)).toEqual([]);
    expect(unknownKeys("main", main)).toEqual([]);
    expect(unknownKeys("main", old)).toEqual(["worker.reward.reward_type"]);
    expect(unknownKeys("v0.3.1", main)).toEqual([
      "worker.actor.loss_type",
      "worker.actor.dynamic_batching",
      "worker.actor.model.lora",
      "trainer.find_last_checkpoint",
    ]);
    expect(at(old, "trainer.logger")).toEqual(["console", "tensorboard"]);
    expect(at(main, "trainer.logger")).toEqual(["console", "file"]);
  });

  test("carries a recipe over", async () => {
    const tree = await yaml("main", {
      set: {},
      recipe: recipe(
        {
          steps: 30,
          promptsPerStep: 8,
          numGenerations: 4,
          maxCompletionLength: 96,
          temperature: 0.8,
          topK: 20,
          lossType: "gspo",
          lossAverage: "seq",
          clipRatioLow: 3e-4,
          clipRatioHigh: 4e-4,
          klCoef: 0.05,
          klType: "k3",
          klPlacement: "reward",
          advEstimator: "rloo",
          learningRate: 2e-5,
          schedule: "cosine",
          warmupSteps: 3,
          maxGradNorm: 0,
          numIterations: 2,
          onlineFiltering: true,
          filterKey: "accuracy",
        },
        { lora: { rank: 16, alpha: 32 } },
      ),
    });
    const expected: Record<string, unknown> = {
      "trainer.max_steps": 30,
      "data.rollout_batch_size": 8,
      "worker.actor.global_batch_size": 8,
      "worker.rollout.n": 4,
      "data.max_response_length": 96,
      "worker.rollout.temperature": 0.8,
      "worker.rollout.top_k": 20,
      "worker.actor.loss_type": "gspo",
      "worker.actor.loss_avg_mode": "seq",
      "worker.actor.clip_ratio_low": 3e-4,
      "worker.actor.clip_ratio_dual": 1e9,
      "algorithm.disable_kl": false,
      "algorithm.use_kl_loss": false,
      "algorithm.kl_penalty": "low_var_kl",
      "algorithm.kl_coef": 0.05,
      "algorithm.adv_estimator": "rloo",
      "algorithm.online_filtering": true,
      "algorithm.filter_key": "accuracy",
      "worker.actor.optim.lr": 2e-5,
      "worker.actor.optim.lr_scheduler_type": "cosine",
      "worker.actor.optim.lr_warmup_steps": 3,
      "worker.actor.max_grad_norm": 1e9,
      "worker.actor.ppo_epochs": 2,
      "worker.actor.model.lora.rank": 16,
      "worker.actor.model.lora.alpha": 32,
    };
    expect(Object.fromEntries(Object.keys(expected).map((path) => [path, at(tree, path)]))).toEqual(expected);
  });

  test.each([
    ["dapo", "default", "token"],
    ["grpo", "default", "seq"],
    ["default", "default", "token"],
    ["gspo_token", "gspo_token", "token"],
    ["cispo", "cispo", "token"],
    ["sapo", "sapo", "seq"],
  ])("our %s is its %s, averaged by %s", async (lossType, type, mode) => {
    const tree = await yaml("main", { set: {}, recipe: recipe({ lossType }) });
    expect([at(tree, "worker.actor.loss_type"), at(tree, "worker.actor.loss_avg_mode")]).toEqual([
      type,
      mode,
    ]);
  });

  test("starts from the recipe's model, unless that ships with the kit or another is named", async () => {
    const base = async (own: string, model?: string) => {
      const made = await handoff({ set: {}, target: "main", recipe: recipe({}, { model: own }), model });
      const tree = parse((await contents(made)).get("easyr1.main.yaml")!) as ConfigTree;
      return [at(tree, "worker.actor.model.model_path"), made.notes.filter((note) => note.includes("model"))];
    };
    expect(await base("/models/own")).toEqual(["/models/own", []]);
    expect(await base("toy", "Qwen/Qwen2.5-VL-3B-Instruct")).toEqual(["Qwen/Qwen2.5-VL-3B-Instruct", []]);
    expect(await base("toy")).toEqual([
      "Qwen/Qwen2.5-VL-7B-Instruct",
      ["The recipe's model, toy, ships with the kit; the base model is Qwen/Qwen2.5-VL-7B-Instruct."],
    ]);
  });

  test("v0.3.1 trains all weights, so that an adapter's recipe is left to main, or trained fully", async () => {
    const made = await handoff({ set: {}, recipe: recipe({}) });
    const files = await contents(made);
    expect(files.has("easyr1.v0.3.1.yaml")).toBe(false);
    expect(made.notes.join("\n")).toContain(
      "lora: got rank 8, expected none: EasyR1 v0.3.1 trains all weights",
    );
    const full = await contents(await handoff({ set: {}, recipe: recipe({}), full: true }));
    expect(full.has("easyr1.v0.3.1.yaml")).toBe(true);
  });
});

describe("what EasyR1 would stop at is refused, by name", () => {
  const cases: [string, Partial<EasyR1HandoffOptions>, string][] = [
    ["too few rows", { set: {} }, "rows: got 38 to train on, expected at least data.rollout_batch_size, 512"],
    ["a batch that does not divide", { set: { ...small, "worker.actor.global_batch_size": 7 } }, "data.rollout_batch_size: got 16, expected a multiple of worker.actor.global_batch_size, 7"], // prettier-ignore
    ["micro-batches of experience", { set: { ...small, "worker.actor.micro_batch_size_per_device_for_experience": 3 } }, "micro_batch_size_per_device_for_experience: got 3, expected a divisor of rollout_batch_size times n, 80"], // prettier-ignore
    ["micro-batches of updates", { set: { ...small, "worker.actor.micro_batch_size_per_device_for_update": 2 } }, "expected a multiple of micro_batch_size_per_device_for_update, 2, on each GPU"], // prettier-ignore
    ["tokens of a batch", { set: { ...small, "worker.rollout.max_num_batched_tokens": 4000 } }, "max_num_batched_tokens: got 4000, expected at least max_prompt_length and max_response_length, 4096"], // prettier-ignore
    ["GPUs of a rollout", { set: { ...small, "worker.rollout.tensor_parallel_size": 3 } }, "tensor_parallel_size: got 3, expected a divisor of the number of GPUs, 8"], // prettier-ignore
    ["one sample", { set: { ...small, "worker.rollout.n": 1 } }, "worker.rollout.n: got 1, expected at least 2 with grpo"], // prettier-ignore
    [
      "split sequences",
      { set: { ...small, "worker.actor.ulysses_size": 2 } },
      "ulysses_size: got 2, expected 1",
    ],
    ["images of a row", { data: madeData({ perRow: 3 }), set: { ...small, "worker.rollout.limit_images": 2 } }, "limit_images: got 2, expected 0, or at least the most images of a row, 3"], // prettier-ignore
    ["remax on main", { target: "main", set: { ...small, "algorithm.adv_estimator": "remax" } }, "adv_estimator: got remax, expected one of grpo, rloo, reinforce_plus_plus, grpo_passk: remax raises an error on main"], // prettier-ignore
    ["gae on main", { target: "main", set: { ...small, "algorithm.adv_estimator": "gae" } }, "gae raises an error on main"], // prettier-ignore
    ["grpo_passk at v0.3.1", { target: "v0.3.1", set: { ...small, "algorithm.adv_estimator": "grpo_passk" } }, "got grpo_passk, expected one of grpo, rloo, reinforce_plus_plus, remax, gae"], // prettier-ignore
    ["gspo at v0.3.1", { target: "v0.3.1", set: {}, full: true, recipe: recipe({ lossType: "gspo" }) }, "lossType: got \"gspo\", expected default, grpo or dapo"], // prettier-ignore
    ["a key it does not know", { set: { ...small, "data.max_promt_length": 1 } }, "data.max_promt_length: got a key, expected one that EasyR1"], // prettier-ignore
    ["a filter without its part", { set: { ...small, "algorithm.online_filtering": true, "algorithm.filter_key": "acc" } }, "filter_key: got acc, expected one of overall, accuracy"], // prettier-ignore
    ["a path with @", { set: { ...small, "data.train_files": "a@b.jsonl" } }, "expected a path without @"],
    ["another loss of TRL's", { set: {}, recipe: recipe({ lossType: "vespo" }) }, "lossType: got \"vespo\", expected default, grpo, dapo"], // prettier-ignore
    ["a loss of one's own", { set: {}, recipe: recipe({ objective: { module: "./own.js" } }) }, "objective: got {\"module\":\"./own.js\"}, expected null: a loss of your own does not travel"], // prettier-ignore
    ["min-p", { set: {}, recipe: recipe({ minP: 0.1 }) }, "minP: got 0.1, expected 0"],
    ["a scale of rewards", { set: {}, recipe: recipe({ scaleRewards: "batch" }) }, "scaleRewards: got \"batch\", expected group"], // prettier-ignore
    ["a supervised run", { set: {}, recipe: parseRunRecipe({ model: "toy", task: { name: "shapes" }, sft: {} }) }, "recipe: got a supervised run"], // prettier-ignore
  ];
  test.each(cases)("%s", async (_, options, message) => {
    await expect(handoff(options)).rejects.toThrow(message);
  });

  test("remax and gae work at v0.3.1, and every problem is named at once", async () => {
    const files = await contents(await handoff({ set: { ...small, "algorithm.adv_estimator": "remax" } }));
    expect(files.has("easyr1.v0.3.1.yaml")).toBe(true);
    expect(files.has("easyr1.main.yaml")).toBe(false);
    const failure = handoff({ set: { "worker.rollout.n": 1, "worker.actor.ulysses_size": 2 } });
    await expect(failure).rejects.toThrow(/rows: [^]*worker\.rollout\.n: /);
  });
});
