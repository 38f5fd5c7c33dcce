import { expect, test } from "vitest";
import { parseRunRecipe, parseRunRecord } from "thinktab";
import { policyFolder, startInNode } from "../../../docs/guide/examples/in-node.ts";
import { record, replay } from "../../../docs/guide/examples/reproduce.ts";

const recipe = (seed: number) => ({
  model: "toy",
  task: { name: "shapes" },
  grpo: { steps: 2, seed, promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 24, learningRate: 1e-3 },
  evaluation: { scenes: 0 },
});

test("a record that went through its file gives the same bits; another seed does not", async () => {
  const kit = await startInNode();
  try {
    const toy = await policyFolder();
    const recorded = parseRunRecord(JSON.parse(JSON.stringify(await record(kit, toy, recipe(1)))));
    const same = { same: true, firstDifferentStep: null, weightsMatch: true, adapterMatches: true };
    expect(await replay(kit, toy, recorded)).toMatchObject(same);
    const other = { ...recorded, recipe: parseRunRecipe(recipe(2)) };
    expect(await replay(kit, toy, other)).toMatchObject({ same: false, firstDifferentStep: 0 });
  } finally {
    await kit.dispose();
  }
});
