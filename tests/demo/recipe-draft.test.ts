import { beforeEach, describe, expect, test, vi } from "vitest";
import { choices } from "../../demo/train/choices.ts";
import { ownImages } from "../../demo/train/own-images.ts";
import { draft } from "../../demo/train/recipe-draft.ts";
import { recipeFacts } from "../../demo/train/recipe-facts.ts";
import { parseRunRecipe } from "../../workers/client.ts";

beforeEach(() => {
  draft.choiceId.value = "toy-kl"; // another one first: choosing anew fills the form anew
  draft.choiceId.value = "toy";
  ownImages.rows.value = [];
});

test("every choice is a recipe, with a label and a sentence about it", () => {
  expect(new Set(choices.map(({ id }) => id)).size).toBe(choices.length);
  for (const { recipe, label, about, id } of choices) {
    expect(() => parseRunRecipe(recipe), id).not.toThrow();
    expect(label, id).not.toBe(id);
    expect(about, id).toMatch(/\.$/);
  }
  expect(choices[0].id).toBe("toy");
});

test("fields are part of the text, with the defaults that it leaves out", () => {
  expect(draft.number(["training", "steps"])).toBe(40);
  expect(draft.number(["training", "clipRatioLow"])).toBe(0.2); // a default
  draft.set(["training", "steps"], 7);
  draft.set(["evaluation", "scenes"], 0);
  expect(draft.text.value).toContain('"steps": 7');
  expect(draft.read("toy")).toMatchObject({ grpo: { steps: 7 }, evaluation: { scenes: 0 } });
  draft.choiceId.value = "toy-sft";
  expect(draft.isSft.value).toBe(true);
  draft.set(["training", "steps"], 9);
  const recipe = draft.read("toy");
  expect("sft" in recipe && recipe.sft.steps).toBe(9);
  expect(recipeFacts(recipe)).toMatchObject({ kind: "sft", steps: 9, samples: 1 });
});

test("the recipe is made for the policy in use", () => {
  expect(draft.read("my-model").model).toBe("my-model");
});

describe("what is not valid is refused in words", () => {
  test("text that is no JSON; fields then have no value", () => {
    draft.text.value = "{";
    expect(draft.json.value).toBeNull();
    expect(draft.number(["training", "steps"])).toBeNaN();
    draft.set(["training", "steps"], 3);
    expect(draft.text.value).toBe("{");
    expect(() => draft.read("toy")).toThrow("expected JSON");
  });

  test("an emptied field", () => {
    draft.set(["training", "steps"], NaN);
    expect(draft.number(["training", "steps"])).toBeNaN();
    expect(draft.valid.value).toBeNull();
    expect(() => draft.read("toy")).toThrow("recipe: grpo.steps");
  });
});

describe("own images", () => {
  const row = {
    id: 1,
    name: "a.png",
    image: "data:image/png;base64,AAAA",
    question: "a ?",
    answer: "b",
    reasoning: "",
  };

  test("go into the recipe's task, and not into the text", () => {
    draft.choiceId.value = "own";
    ownImages.rows.value = [row];
    expect(draft.read("toy").task).toMatchObject({
      name: "examples",
      examples: [{ image: row.image, question: "a ?", answer: "b" }],
    });
    expect(draft.text.value).not.toContain("base64");
  });

  test("of which there is one are not measured: none is held out", () => {
    draft.choiceId.value = "own";
    ownImages.rows.value = [row];
    expect(draft.read("toy").evaluation.scenes).toBe(0);
    ownImages.rows.value = [row, { ...row, id: 2, question: "c ?" }];
    expect(draft.read("toy").evaluation.scenes).toBe(64);
  });

  test("have ids of their own; that they cannot be kept is said until they are deleted", async () => {
    vi.stubGlobal("indexedDB", {
      open: () => {
        throw new Error("no room");
      },
    });
    const set = { examples: [1, 2, 3].map((n) => ({ question: `${n} ?`, answer: "b" })) };
    await ownImages.addFiles([new File([JSON.stringify(set)], "set.json")]);
    const ids = ownImages.rows.value.map(({ id }) => id);
    expect([...new Set(ids)].sort((a, b) => a - b)).toEqual(ids);
    expect(ids).toHaveLength(3);
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    await vi.waitFor(() => expect(ownImages.unkept.value).toMatchObject({ message: "no room" }));
    vi.unstubAllGlobals();
  });

  test("are complete, or refused with what is missing", () => {
    draft.choiceId.value = "own";
    expect(() => draft.read("toy")).toThrow("Add an image");
    ownImages.rows.value = [row, { ...row, id: 2, answer: "" }];
    expect(() => draft.read("toy")).toThrow("Still without answer: row 2");
  });
});
