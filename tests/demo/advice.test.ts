import { describe, expect, test } from "vitest";
import { adviceFor, isAbort } from "../../demo/components/advice.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import * as errors from "../../src/util/errors.ts";

const { MemoryBudgetError, NonFiniteError, StorageError } = errors;
const grpo = (options: object, rest: object = {}) =>
  parseRunRecipe({ model: "toy", task: { name: "shapes" }, grpo: options, ...rest });

describe("out of memory", () => {
  const update = new MemoryBudgetError("update 4x8: the device is out of memory\nactivations 1 GB");

  test("names the settings to lower with their values, what costs only time first", () => {
    const { steps } = adviceFor(
      update,
      grpo({ numGenerations: 8, maxCompletionLength: 64, promptsPerStep: 8 }),
    );
    expect(steps[0]).toContain("grpo.recompute");
    expect(steps[1]).toContain("grpo.tokensPerBatch to 1024");
    expect(steps).toContain("Lower grpo.numGenerations from 8 to 4.");
    expect(steps).toContain("Lower grpo.maxCompletionLength from 64 to 32.");
    expect(steps.at(-1)).toContain("format to q4");
  });

  test("does not name what is as low as it goes, or done already", () => {
    const recipe = grpo(
      { numGenerations: 2, promptsPerStep: 1, recompute: true, tokensPerBatch: 512 },
      { format: "q4" },
    );
    const text = adviceFor(update, recipe).steps.join(" ");
    expect(text).toContain("grpo.tokensPerBatch from 512 to 256");
    expect(text).not.toMatch(/recompute|numGenerations|promptsPerStep|q4/);
  });

  test("of a supervised run speaks of its batch", () => {
    const recipe = parseRunRecipe({ model: "toy", task: { name: "shapes" }, sft: { batchSize: 16 } });
    expect(adviceFor(update, recipe).steps).toContain("Lower sft.microBatchSize from 16 to 8.");
  });

  test("without a run speaks of the model", () => {
    expect(adviceFor(update).steps.join(" ")).toMatch(/smaller model/);
  });
});

test("storage: full, taken by another tab, refused", () => {
  const titles = [
    "saving a: the storage is full",
    "run page: it is going on in another tab, expected one tab at a time",
    "no private file system",
  ].map((message) => adviceFor(new StorageError(message)).title);
  expect(new Set(titles).size).toBe(3);
  expect(titles[0]).toContain("full");
  expect(titles[1]).toContain("Another tab");
});

test("a run that blew up names its learning rate", () => {
  expect(adviceFor(new NonFiniteError("step 3"), grpo({ learningRate: 0.25 })).steps[0]).toContain("0.25");
});

test("every error of the kit has words of its own", () => {
  const { title: general } = adviceFor(new Error("?"));
  const classes = Object.entries(errors).flatMap(([name, value]) =>
    name.endsWith("Error") && !["ThinktabError", "ShapeError", "reviveError"].includes(name) ? [value] : [],
  );
  expect(classes.length).toBeGreaterThan(12);
  for (const Class of classes as (new (...words: string[]) => Error)[]) {
    const error = new Class("what", "got", "expected");
    expect(adviceFor(error).title, error.name).not.toBe(general);
    expect(adviceFor(error).steps.length, error.name).toBeGreaterThan(0);
  }
});

test("what was asked to end is no problem", () => {
  expect(isAbort(new DOMException("enough", "AbortError"))).toBe(true);
  expect(isAbort(new Error("AbortError"))).toBe(false);
});
