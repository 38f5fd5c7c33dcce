import { expect, test } from "vitest";
import { parseRunRecipe, trainingOf } from "thinktab";
import { quick, rewarded, shown } from "../../docs/guide/examples/recipe.ts";
import { readText } from "../support/tree.ts";

/** Options and defaults of the tables under a heading of the page. */
function listed(heading: string): Record<string, unknown> {
  const section =
    readText("docs/guide/recipe.md")
      .split(/^## /m)
      .find((text) => text.startsWith(heading)) ?? "";
  const rows = Array.from(section.matchAll(/^\| `([\w.]+)` \| ([^|]*) \|/gm));
  return Object.fromEntries(
    rows.flatMap(([, name, shown]) => {
      const value = shown.replaceAll("`", "").trim();
      return value === "" || name === "format" ? [] : [[name, JSON.parse(value) as unknown]];
    }),
  );
}

/** The same without those that the table gives no default. */
const named = (values: object, names: string[]) =>
  Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));

test.each([
  ["`grpo`", "grpo", { model: "toy", task: { name: "shapes" } }],
  ["`sft`", "sft", { model: "toy", task: { name: "shapes" }, sft: {} }],
])("the table of %s has every option with its default", (heading, _name, json) => {
  const defaults = trainingOf(parseRunRecipe(json));
  const table = listed(heading);
  expect(table).toEqual(named(defaults, Object.keys(table)));
  const page = readText("docs/guide/recipe.md");
  expect(Object.keys(defaults).filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  expect(Object.keys(table)).toEqual(expect.arrayContaining(Object.keys(defaults)));
});

test("the table of what every recipe has, has every option with its default", () => {
  const { lora, evaluation, ...rest } = parseRunRecipe({ model: "toy", task: { name: "shapes" } });
  const flat = {
    ...Object.fromEntries(Object.entries(lora).map(([name, value]) => [`lora.${name}`, value])),
    ...Object.fromEntries(Object.entries(evaluation).map(([name, value]) => [`evaluation.${name}`, value])),
  };
  expect(listed("What every recipe has")).toEqual(flat);
  expect(Object.keys(rest).sort()).toEqual(["grpo", "model", "task"]);
});

test("the page's recipes are recipes", () => {
  expect(trainingOf(parseRunRecipe(rewarded))).toMatchObject({ steps: 40, numGenerations: 8, logKl: true });
  expect(trainingOf(parseRunRecipe(shown))).toMatchObject({ steps: 20, batchSize: 16 });
  expect(quick).toMatchObject({ evaluation: { scenes: 64 }, grpo: { steps: 12, seed: 2 } });
});
