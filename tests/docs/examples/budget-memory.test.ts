import { expect, test } from "vitest";
import { createThinktab, MemoryBudgetError, parseRunRecipe, shippedRecipes } from "thinktab";
import { Device } from "thinktab/engine";
import { dawnGpu } from "thinktab/node";
import { fit, measures, totalBytes } from "../../../docs/guide/examples/budget-memory.ts";
import { policyFolder } from "../../../docs/guide/examples/in-node.ts";
import { readText } from "../../support/tree.ts";
import { withToy } from "./support.ts";

const toy = shippedRecipes.toy as { grpo: object; [key: string]: unknown };
const lora = { rank: 8, alpha: 16 };

/** Runs `fit` where the kit may take so much and no more. */
async function fitInto(memoryBudgetBytes: number) {
  const { handle: device } = await Device.create({ gpu: await dawnGpu() });
  const kit = await createThinktab({ device, storage: "memory", memoryBudgetBytes });
  try {
    const policy = await kit.loadPolicy(await policyFolder(), { lora });
    return await fit(policy, toy);
  } finally {
    await kit.dispose();
    device.destroy();
  }
}

test("the page's table has what the plans say", async () => {
  const rows = readText("docs/guide/budget-memory.md").matchAll(/^\| (.+?) \|.*\| ([\d.]+) MB \|$/gm);
  const claimed = new Map(Array.from(rows, ([, what, megabytes]) => [what, Number(megabytes)]));
  expect([...claimed.keys()]).toEqual(measures.map(({ what }) => what));
  const planned = new Map<string, number>();
  let grpo = toy.grpo;
  for (const { what, change } of measures) {
    grpo = { ...grpo, ...change };
    const recipe = parseRunRecipe({ ...toy, grpo });
    const plan = await withToy((policy) => policy.plan(recipe), { lora });
    planned.set(what, Math.round(totalBytes(plan) / 1e5) / 10);
  }
  const wrong = [...planned].filter(([what, megabytes]) => {
    const claim = claimed.get(what) ?? NaN;
    return !(Math.abs(megabytes - claim) < 0.1 * claim); // adapters differ in the variants of kernels they run
  });
  expect(wrong).toEqual([]);
});

test("a run is changed until it fits", async () => {
  const { what, plan } = await fitInto(100e6);
  expect(what).toBe("in parts of 1024 tokens");
  expect(totalBytes(plan)).toBeLessThan(100e6);
});

test("what cannot fit is refused with a table, before anything is trained", async () => {
  const refused = fitInto(8e6);
  await expect(refused).rejects.toThrow(MemoryBudgetError);
  await expect(refused).rejects.toThrow(/total +[\d.]+ MiB/);
});
