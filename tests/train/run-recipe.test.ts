import { describe, expect, it } from "vitest";
import { modelOptions, parseRecipeText, parseRunRecipe, trainingOf } from "../../src/train/run-recipe.ts";
import { shippedRecipes } from "../../src/train/recipes.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { isTaught } from "../../src/tasks/task.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { grpoRecipe } from "../support/grpo-recipe.ts";

const least = { model: "toy", task: { name: "shapes", reward: "answer" } };

describe("parseRunRecipe", () => {
  it("fills in every default, those of the trainer too", () => {
    const recipe = grpoRecipe(least);
    expect(recipe).toMatchObject({
      ...least,
      lora: { rank: 8, alpha: 16, seed: 0 },
      evaluation: { scenes: 512, split: "test" },
    });
    expect(recipe.grpo.numGenerations).toBe(8);
    expect(parseRunRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    expect(modelOptions(recipe)).toEqual({ format: undefined, lora: { rank: 8, alpha: 16, seed: 0 } });
  });

  it("puts overrides in the place of what the file says, and checks them alike", () => {
    const json = { ...least, grpo: { steps: 5, learningRate: 1e-3 } };
    const recipe = grpoRecipe(json, { steps: 9, seed: 3, scenes: 16 });
    expect(recipe.grpo).toMatchObject({ steps: 9, seed: 3, learningRate: 1e-3 });
    expect(recipe.evaluation).toEqual({ scenes: 16, split: "test" });
    expect(grpoRecipe(json, { seed: undefined }).grpo.steps).toBe(5);
    expect(json.grpo.steps).toBe(5);
    expect(() => parseRunRecipe(json, { steps: 0 })).toThrow("recipe: grpo.steps: got 0, expected >=1");
    expect(() => parseRunRecipe({ ...least, grpo: 3 }, { steps: 2 })).toThrow("recipe: grpo: got 3");
  });

  it.each<[object | null, RegExp]>([
    [{ modle: "toy" }, /recipe: modle: got "modle", expected one of the options model, format, task, lora/],
    [{ grpo: { stepz: 3 } }, /recipe: grpo\.stepz: .*expected one of the options steps, seed, prompts/],
    [{ lora: { r: 8 } }, /recipe: lora\.r: .*expected one of the options rank, alpha, seed/],
    [{ grpo: { numGenerations: 1 } }, /recipe: grpo\.numGenerations: got 1, expected >=2/],
    [{ grpo: { learningRate: "3e-4" } }, /recipe: grpo\.learningRate: got "3e-4", expected number/],
    [{ grpo: { advEstimator: "gae" } }, /recipe: grpo\.advEstimator: got "gae", expected .*"reinforce_plus/],
    [
      { grpo: { advEstimator: "rloo", scaleRewards: "batch" } },
      /grpo\.scaleRewards: got "batch", expected left out with rloo/,
    ],
    [{ grpo: { gamma: 0.9 } }, /recipe: grpo\.gamma: got 0\.9, expected 1 with grpo/],
    [
      { grpo: { klController: "adaptive" } },
      /grpo\.klCoef: got 0, expected a number above 0 with an adaptive/,
    ],
    [
      { grpo: { klPlacement: "reward" } },
      /grpo\.klPlacement: got "reward", expected "loss", or a klCoef above 0/,
    ],
    [{ grpo: { klTarget: 0 } }, /recipe: grpo\.klTarget: got 0, expected >0/],
    [{ grpo: { klPlacement: "both" } }, /recipe: grpo\.klPlacement: got "both", expected .*"reward"/],
    [{ grpo: { filterLow: 1 } }, /grpo\.filterHigh: got 0\.99, expected a number above filterLow, 1/],
    [{ grpo: { maxTryMakeBatch: 0 } }, /recipe: grpo\.maxTryMakeBatch: got 0, expected >=1/],
    [{ lora: { alpha: -1 } }, /recipe: lora\.alpha: got -1, expected >0/],
    [{ evaluation: { split: "dev" } }, /recipe: evaluation\.split: got "dev", expected .*"validation"/],
    [{ format: "int8" }, /recipe: format: got "int8", expected .*"q8"/],
    [{ model: undefined }, /recipe: model: got undefined, expected/],
    [{ task: {} }, /recipe: task\.name: got undefined, expected a value/],
    [{ task: "shapes" }, /recipe: task: got "shapes", expected Object/],
  ])("refuses %j", (change, message) => {
    const parse = () => parseRunRecipe({ ...least, ...change });
    expect(parse).toThrow(InvalidOptionError);
    expect(parse).toThrow(message);
  });

  it("reads a supervised recipe: one of the two kinds, told apart by its key", () => {
    const recipe = parseRunRecipe({ ...least, sft: { steps: 5, mode: 0.25 } }, { seed: 3, scenes: 8 });
    if (!("sft" in recipe)) throw new Error("expected a supervised recipe");
    expect(recipe).not.toHaveProperty("grpo");
    expect(recipe.sft).toMatchObject({ steps: 5, seed: 3, mode: 0.25, batchSize: 16, schedule: "cosine" });
    expect(recipe.evaluation.scenes).toBe(8);
    expect(trainingOf(recipe)).toBe(recipe.sft);
    expect(parseRunRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    expect(parseRunRecipe({ ...least, sft: {} })).toMatchObject({ sft: { mode: "think", system: null } });
  });

  it.each<[object, RegExp]>([
    [{ sft: {}, grpo: {} }, /recipe: got both grpo and sft, expected one of them/],
    [{ sft: { stepz: 3 } }, /recipe: sft\.stepz: .*expected one of the options steps, batchSize/],
    [{ sft: { numGenerations: 8 } }, /recipe: sft\.numGenerations: .*expected one of the options/],
    [{ sft: { mode: "thinks" } }, /recipe: sft\.mode: got "thinks", expected .*"think"/],
    [{ sft: { mode: 1.5 } }, /recipe: sft\.mode: got 1\.5, expected <=1/],
    [{ sft: null }, /recipe: sft: got null, expected Object/],
  ])("refuses the supervised %j", (change, message) => {
    const parse = () => parseRunRecipe({ ...least, ...change });
    expect(parse).toThrow(InvalidOptionError);
    expect(parse).toThrow(message);
  });

  it("refuses what is no object, no JSON, or lacks the model", () => {
    for (const json of [null, [], "toy", 3]) expect(() => parseRunRecipe(json)).toThrow(InvalidOptionError);
    expect(() => parseRunRecipe({ task: { name: "shapes" } })).toThrow(
      /recipe: model: got undefined, expected a value/,
    );
    expect(() => parseRecipeText("{,}", "mine.json")).toThrow(
      /recipe mine\.json: got SyntaxError.*expected JSON/,
    );
    expect(trainingOf(parseRecipeText(JSON.stringify(least), "mine.json", { seed: 7 })).seed).toBe(7);
  });
});

describe("the shipped recipes", () => {
  it.each(Object.keys(shippedRecipes))("%s is whole, and its task exists", (name) => {
    const recipe = parseRunRecipe(shippedRecipes[name]);
    expect(recipe.model).toBe(name.startsWith("toy") ? "toy" : "tiny");
    if ("grpo" in recipe) expect(recipe.grpo.logKl || recipe.grpo.klCoef > 0).toBe(true);
    else expect(isTaught(createTask(recipe.task))).toBe(true);
    expect(createTask(recipe.task).name).toBe(recipe.task.name);
  });

  it("differ from the default in what they are about alone", () => {
    const toy = grpoRecipe(shippedRecipes.toy);
    const { grpo } = grpoRecipe(shippedRecipes["toy-collapse"]);
    expect({ ...grpo, learningRate: toy.grpo.learningRate }).toEqual(toy.grpo);
    expect(grpo.learningRate).toBeGreaterThan(toy.grpo.learningRate);
    const kl = grpoRecipe(shippedRecipes["toy-kl"]);
    expect({ ...kl.grpo, klCoef: 0, klType: grpo.klType }).toEqual(grpo);
    expect(kl.grpo.klCoef).toBeGreaterThan(0);
    const hybrid = parseRunRecipe(shippedRecipes["toy-hybrid"]);
    expect(hybrid).toEqual({ ...toy, task: { ...toy.task, reward: "hybrid" } });
  });
});
