import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fromShareGpt } from "../../src/data/formats/sharegpt.ts";
import { fromTrl } from "../../src/data/formats/trl.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { llamaFactoryHandoff } from "../../src/handoff/llamafactory.ts";
import { trlHandoff } from "../../src/handoff/trl.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import { contents, madeData, rows } from "./support.ts";

const toy = { model: "toy", task: { name: "shapes" } };

describe("TRL", () => {
  test("gets conversations with images, the packed answer, the reward and GRPOConfig's arguments", async () => {
    const recipe = parseRunRecipe({
      ...toy,
      grpo: {
        steps: 7,
        promptsPerStep: 4,
        numGenerations: 4,
        lossType: "cispo",
        clipRatioLow: 1,
        clipRatioHigh: 4,
        klCoef: 0.1,
        minP: 0.1,
      },
      lora: { rank: 4, alpha: 8 },
    });
    const files = await contents(await trlHandoff({ data: madeData(), recipe }));
    expect([...files.keys()]).toEqual([
      "README.md",
      "train.py",
      "reward.py",
      "data/train.jsonl",
      "data/val.jsonl",
      "images/0.png",
      "images/1.png",
      "images/2.png",
    ]);
    const [first] = rows(files.get("data/train.jsonl")!);
    expect(Object.keys(first)).toEqual(["prompt", "images", "ground_truth"]);
    expect(fromTrl({ ...first, solution: "B" })).toMatchObject({
      problem: "Question 0? <image> is a word.\nA. cat\nB. dog",
      system: REASONING_SYSTEM_PROMPT,
      images: ["0.png"],
    });
    expect(JSON.parse(first.ground_truth as string)).toMatchObject({
      v: 1,
      kind: "multiple-choice",
      gold: "B",
    });
    const script = files.get("train.py")!;
    for (const argument of [
      "max_steps=7",
      "num_generations=4",
      "gradient_accumulation_steps=16",
      'loss_type="cispo"',
      "epsilon_high=5",
      "beta=0.1",
      "min_p=0.1",
      "r=4",
      "lora_alpha=8",
    ])
      expect(script).toContain(`${argument},`);
    expect(files.get("reward.py")).toContain("def thinktab_reward(completions, ground_truth");
  });

  test.each([
    [{ clipRatioDual: 3 }, "clipRatioDual: got 3, expected null"],
    [{ advEstimator: "rloo" }, 'advEstimator: got "rloo", expected grpo'],
    [{ klCoef: 0.1, klType: "k1" }, 'klType: got "k1", expected k3'],
    [{ onlineFiltering: true }, "onlineFiltering: got true, expected false"],
    [{ lossType: "gspo_token" }, 'lossType: got "gspo_token"'],
    [{ lossType: "cispo" }, "clipRatioLow: got 0.2, expected 1 with cispo"],
    [{ objective: { module: "./own.js" } }, "expected null: a loss of your own does not travel"],
  ])("refuses what it has not: %j", async (grpo, message) => {
    const recipe = parseRunRecipe({ ...toy, grpo });
    await expect(trlHandoff({ data: madeData(), recipe })).rejects.toThrow(message);
  });

  test.each([
    [
      { lossType: "sapo", tauPositive: 1.5, tauNegative: 2 },
      ["sapo_temperature_pos=1.5", "sapo_temperature_neg=2"],
    ],
    [
      { lossType: "vespo", vespoKPositive: 1, vespoLambdaPositive: 4, vespoKNegative: 5, vespoLambdaNegative: 6 }, // prettier-ignore
      ["vespo_k_pos=1", "vespo_lambda_pos=4", "vespo_k_neg=5", "vespo_lambda_neg=6"],
    ],
  ])("gets the options of a loss: %j", async (grpo, expected) => {
    const recipe = parseRunRecipe({ ...toy, grpo });
    const script = (await contents(await trlHandoff({ data: madeData(), recipe }))).get("train.py")!;
    for (const argument of expected) expect(script).toContain(`    ${argument},\n`);
  });

  test("gets the recipe's model and the reward of its records; a module has no twin", async () => {
    const made = (reward: object) =>
      trlHandoff({
        data: madeData(),
        recipe: parseRunRecipe({ model: "/models/own", task: { name: "records", data: "r.jsonl", reward } }),
      });
    const files = await contents(await made({ format: "lenient" }));
    const [first] = rows(files.get("data/train.jsonl")!);
    expect(JSON.parse(first.ground_truth as string)).toMatchObject({ format: "lenient" });
    expect(files.get("train.py")).toContain('os.environ.get("MODEL_PATH", "/models/own")');
    await expect(made({ module: "./mine.js" })).rejects.toThrow("task.reward.module: got ./mine.js");
  });

  test.each(["a.b", "1st", "b=c"])("refuses what cannot be an argument's name: %s", async (key) => {
    await expect(trlHandoff({ data: madeData(), set: { [key]: 1 } })).rejects.toThrow(
      `${key}: got a key, expected the name of one of GRPOConfig's arguments`,
    );
  });

  test("refuses groups that do not fill a step, and too few rows", async () => {
    const data = madeData();
    await expect(trlHandoff({ data, set: { num_generations: 3 } })).rejects.toThrow(
      "gradient_accumulation_steps: got 5, expected completions of a step, 5, in groups of num_generations, 3",
    );
    await expect(trlHandoff({ data, set: { gradient_accumulation_steps: 500 } })).rejects.toThrow(
      "rows: got 38 to train on, expected at least the prompts of a step, 100",
    );
  });
});

describe("LLaMA-Factory", () => {
  test("gets ShareGPT rows with system prompt and reasoning, its index and a configuration", async () => {
    const recipe = parseRunRecipe({
      ...toy,
      sft: { steps: 9, batchSize: 6, learningRate: 1e-5 },
      lora: { rank: 4, alpha: 8 },
    });
    const files = await contents(await llamaFactoryHandoff({ data: madeData(), recipe }));
    expect(JSON.parse(files.get("data/dataset_info.json")!)).toMatchObject({
      thinktab: { file_name: "train.jsonl", formatting: "sharegpt" },
      thinktab_val: { file_name: "val.jsonl" },
    });
    const [first] = rows(files.get("data/train.jsonl")!);
    expect(fromShareGpt(first)).toEqual({
      problem: "Question 0? <image> is a word.\nA. cat\nB. dog",
      answer: "B",
      refined_cot: "because",
      images: ["0.png"],
      system: REASONING_SYSTEM_PROMPT,
    });
    expect(parse(files.get("sft.yaml")!)).toMatchObject({
      stage: "sft",
      finetuning_type: "lora",
      lora_rank: 4,
      dataset: "thinktab",
      media_dir: "./images",
      max_steps: 9,
      gradient_accumulation_steps: 6,
      learning_rate: 1e-5,
    });
  });

  test("full training freezes the vision tower, unless the recipe trains all", async () => {
    const config = async (options: object) =>
      parse(
        (await contents(await llamaFactoryHandoff({ data: madeData(), ...options }))).get("sft.yaml")!,
      ) as object;
    expect(await config({ full: true })).toMatchObject({
      finetuning_type: "full",
      freeze_vision_tower: true,
    });
    const recipe = parseRunRecipe({ ...toy, sft: {}, dense: "all" });
    expect(await config({ recipe })).toMatchObject({ finetuning_type: "full", freeze_vision_tower: false });
  });

  test("refuses a recipe of reinforcement learning", async () => {
    const recipe = parseRunRecipe({ ...toy, grpo: {} });
    await expect(llamaFactoryHandoff({ data: madeData(), recipe })).rejects.toThrow(
      "expected a supervised run (sft)",
    );
  });
});
