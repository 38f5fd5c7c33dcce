import { expect, test } from "vitest";
import { parseRunRecipe } from "thinktab";
import { parseRecipe } from "thinktab/engine";
import { evaluateObjective, lossTypes, policyObjective } from "thinktab/rl";
import { byOwnObjective, cispo, easyR1, gspo } from "../../docs/guide/examples/choose-an-algorithm.ts";
import whatWentWell from "../../docs/guide/examples/own-objective.js";
import { readText } from "../support/tree.ts";

const page = readText("docs/guide/choose-an-algorithm.md");

test("the page's recipes are recipes, and its table has every loss", () => {
  for (const grpo of [gspo, cispo, easyR1]) {
    expect(parseRecipe(grpo)).toMatchObject(grpo);
    expect(parseRunRecipe({ model: "toy", task: { name: "shapes" }, grpo })).toMatchObject({ grpo });
  }
  for (const type of lossTypes) expect(page).toContain(`| \`${type}\` |`);
});

test("the objective of the page is a policy gradient of what went well", async () => {
  const batch = {
    logp: Float32Array.of(-1, -2, -0.5),
    oldLogp: null,
    refLogp: null,
    samplerLogp: Float32Array.of(-1, -2, -0.5),
    advantages: Float32Array.of(2, 2, -1),
    weights: Float32Array.of(0.25, 0.25, 0.5),
    lengths: Uint32Array.of(2, 1),
    iteration: 0,
    klCoef: 0,
  };
  const result = await evaluateObjective(whatWentWell, batch, {});
  expect(result.loss).toBe(1.5);
  expect([...Array.from(result.dlogp)].map((slope) => slope + 0)).toEqual([-0.5, -0.5, 0]);
  expect(result.stats.used).toBeCloseTo(2 / 3, 9);
  // With all that went badly it is the kernel's, on-policy.
  const whole = await evaluateObjective(whatWentWell, batch, { keep: 1 });
  expect(Array.from(whole.dlogp)).toEqual([...policyObjective(batch).dlogp]);
});

test("a recipe names the module and what it is told", () => {
  const recipe = byOwnObjective("https://example.org/own-objective.js");
  expect(recipe).toMatchObject({
    grpo: { objective: { module: "https://example.org/own-objective.js", keep: 0.1 } },
  });
});
