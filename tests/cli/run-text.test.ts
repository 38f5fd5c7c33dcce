import { describe, expect, test } from "vitest";
import {
  describeChange,
  describeMemory,
  describeProgress,
  describeRecipe,
  describeStep,
  describeTerms,
  resultTable,
} from "../../src/cli/run-text.ts";
import { wilsonInterval } from "../../src/evaluation/accuracy.ts";
import type { EvaluatedExample, EvaluationSummary, Proportion } from "../../src/evaluation/accuracy.ts";
import { changedExamples } from "../../src/evaluation/changed-examples.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { shapesKinds } from "../../src/tasks/shapes.ts";
import { shippedRecipes } from "../../src/train/recipes.ts";
import { parseRunRecipe, trainingOf } from "../../src/train/run-recipe.ts";
import type { RunRecipe } from "../../src/train/run-recipe.ts";
import { tooWide } from "./recipe.ts";

const proportion = (right: number, count: number): Proportion => {
  return { accuracy: right / count, count, interval: wilsonInterval(right, count) };
};

function summary(right: number, parts: Record<string, number> = {}): EvaluationSummary {
  const byKind = Object.fromEntries(shapesKinds.map((kind, i) => [kind, proportion(right - i, 64)]));
  return { ...proportion(right * 8, 512), byKind, thinking: right / 64, meanLength: right / 3, parts };
}

describe("the plan", () => {
  const planOf = (name: string, recipe: RunRecipe) => {
    const text = describeTerms(describeRecipe(name, recipe, createTask(recipe.task)));
    expect(tooWide(text)).toEqual([]);
    return text.replaceAll(/\s+/g, " ");
  };

  test.each(Object.keys(shippedRecipes))("of %s says what counts, within 80 columns", (name) => {
    const recipe = parseRunRecipe(shippedRecipes[name]);
    const words = planOf(name, recipe);
    const { steps, learningRate } = trainingOf(recipe);
    expect(words).toContain(`learning rate ${learningRate},`);
    if ("sft" in recipe) {
      const { batchSize } = recipe.sft;
      expect(words).toContain(`${name}: ${steps} steps of ${batchSize} demonstrations that think first;`);
    } else {
      const { promptsPerStep, klCoef } = recipe.grpo;
      expect(words).toContain(`${name}: ${steps} steps of ${promptsPerStep} prompts`);
      expect(words).toContain(klCoef > 0 ? `${klCoef} × KL` : "KL measured only");
    }
    if (recipe.evaluation.scenes === 0) expect(words).toContain("--eval N");
  });

  test("names the algorithm where it is not the default", () => {
    const plan = (grpo: object) =>
      planOf("mine", parseRunRecipe({ model: "toy", task: { name: "shapes" }, grpo }));
    expect(plan({})).toContain("learning rate 0.0001, no KL, temperature 1, seed 1");
    expect(plan({ lossType: "gspo", advEstimator: "rloo", klCoef: 0.01, klPlacement: "reward" })).toContain(
      "0.01 × KL in the reward, loss gspo, advantages by rloo, temperature 1",
    );
    expect(plan({ klCoef: 0.01, klController: "adaptive" })).toContain("0.01 (towards a KL of 0.1) × KL,");
    expect(plan({ onlineFiltering: true, filterKey: "accuracy", maxTryMakeBatch: 5 })).toContain(
      "no KL, groups of a mean accuracy between 0.01 and 0.99 from up to 5 draws, temperature 1",
    );
  });

  test("of a set of one's own counts its examples, and does not print them", () => {
    const image = `data:image/png;base64,${"A".repeat(400)}`;
    const examples = ["a", "b", "c"].map((answer) => ({ image, question: `is it ${answer} ?`, answer }));
    const recipe = parseRunRecipe({ model: "toy", task: { name: "examples", examples }, sft: { mode: 0.5 } });
    const words = planOf("mine", recipe);
    expect(words).toContain("task examples. 3 examples of your own: 2 to train on, 1 held out.");
    expect(words).toContain("demonstrations of which 50% think first");
    expect(words).toContain("greedy answers to 1 held-out example (test)");
  });

  test("adds up what each program holds for itself, and keeps the total", () => {
    const mebibyte = 2 ** 20;
    const own = "inputs, outputs, parameters";
    const text = describeMemory([
      ["frozen weights", 3 * mebibyte],
      [`prefill: ${own}`, mebibyte],
      [`decode: ${own}`, mebibyte],
    ]);
    expect(text.split("\n").map((line) => line.replace(/ {2,}/, ": "))).toEqual([
      "frozen weights: 3.00 MiB",
      `2 programs: ${own}: 2.00 MiB`,
      "total: 5.00 MiB",
    ]);
  });
});

describe("a step", () => {
  const metrics = {
    reward: 0.5625,
    "rewards/thinking/mean": 0.15625,
    "completions/mean_length": 9.14,
    kl: 0.01234,
    tokens_per_second: 312.4,
  };

  test("is a line that says how the run goes", () => {
    expect(describeStep({ step: 11, steps: 50, metrics }, 4123)).toBe(
      "step 12/50  reward 0.56  thinks 16%  length 9.1  KL 0.012  312 tok/s  4.1 s",
    );
    expect(describeStep({ step: 0, steps: 50, metrics: { reward: 1 } }, 61_000)).toBe(
      "step  1/50  reward 1.00  1 min 1 s",
    );
  });

  test("says how many groups online filtering kept", () => {
    const filter = { rounds: 3, kept: 5, dropped_low: 9, dropped_high: 4, dropped_none: 0, excess: 6 };
    const counts = Object.fromEntries(Object.entries(filter).map(([name, n]) => [`filter/${name}`, n]));
    expect(describeStep({ step: 11, steps: 50, metrics: { ...metrics, ...counts } }, 4123)).toBe(
      "step 12/50  reward 0.56  kept 5 of 24  thinks 16%  length 9.1  KL 0.012  4.1 s",
    );
  });

  test("leaves the least out where it does not fit", () => {
    const large = { ...metrics, reward: -123456, kl: 12345, "completions/mean_length": 12345 };
    for (const steps of [9, 50, 100_000]) {
      const line = describeStep({ step: steps - 1, steps, metrics: large }, 3.6e6);
      expect(tooWide(line)).toEqual([]);
      expect(line).toMatch(/reward -123456 .*1 h 0 min$/);
    }
    for (const columns of [40, 60, 80]) {
      const line = describeProgress({ step: 11, steps: 50, metrics }, 221_000, columns);
      expect(line.length).toBeLessThanOrEqual(columns - 8);
      expect(line).toMatch(/^12\/50 reward 0\.56 .*3:41$/);
    }
  });
});

describe("the results", () => {
  const before = summary(40, { accuracy: 0.6, thinking: 0.1, format: 0.1, misread: 0.02 });
  const after = summary(58, { accuracy: 0.9, thinking: 0.9, format: 1, misread: 0.04 });

  test("have a row for each kind, one for all, and how the answers were given", () => {
    const text = resultTable(before, after);
    expect(tooWide(text)).toEqual([]);
    for (const kind of shapesKinds) expect(text).toMatch(new RegExp(`^${kind} +64 `, "m"));
    expect(text).toMatch(/^all +512 +62\.5% +58–67 +90\.6% +88–93 +\+28\.1$/m);
    expect(text).toMatch(/^misread +2\.0% +4\.0% +\+2\.0$/m);
    expect(text).toMatch(/^tokens +13\.3 +19\.3 +\+6\.0$/m);
    expect(text).not.toMatch(/^accuracy/m);
  });

  test("say a fall and no change as such", () => {
    expect(resultTable(after, before)).toMatch(/^all .* -28\.1$/m);
    expect(resultTable(after, after)).toMatch(/^all .* {2}0\.0$/m);
  });
});

describe("examples that changed", () => {
  const example = (id: string, kind: string | null, correct: boolean, text = id): EvaluatedExample => {
    return { id, kind, correct, text, prompt: "", answer: "yes", thinking: false, length: 3 };
  };
  const old = [
    example("a", "x", false),
    example("b", "x", false),
    example("c", "y", false),
    example("d", "z", true),
    example("e", "z", false),
  ];

  test("are of different kinds where there are several, and counted both ways", () => {
    const now = old.map(({ id, kind }) => example(id, kind, id !== "d" && id !== "e"));
    const { improved, worsened, shown } = changedExamples(old, now);
    expect({ improved, worsened, shown: shown.map(({ after }) => after.id) }).toEqual({
      improved: 3,
      worsened: 1,
      shown: ["a", "c", "b"],
    });
    expect(changedExamples(old, now, 1).shown).toHaveLength(1);
    expect(changedExamples(old, old)).toEqual({ improved: 0, worsened: 0, shown: [] });
  });

  test("are shown within 80 columns, without what a terminal would obey", () => {
    const long = `\u001b[2J<think> ${"red circle . ".repeat(20)}</think>${"x".repeat(200)}`;
    const text = describeChange(
      { before: example("a", "x", false, " "), after: example("a", "x", true, long) },
      "how many circles and squares are there , as far as you can see from where you are ?",
    );
    expect(tooWide(text)).toEqual([]);
    expect(text).toMatch(/^a\n {2}question {2}how many/);
    expect(text).toMatch(/^ {2}before {4}\(nothing\)$/m);
    expect(text).toMatch(/^ {2}after {5}·\[2J<think> red circle/m);
    expect(text.match(/x/g)).toHaveLength(200);
  });
});
