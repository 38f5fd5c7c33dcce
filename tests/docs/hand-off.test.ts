import { expect, test } from "vitest";
import { parseRunRecipe } from "thinktab";
import { forEasyR1, rewardsOf } from "../../docs/guide/examples/hand-off.ts";
import { zipImages } from "../../src/data/images/zip-images.ts";
import { memorySource } from "../../src/storage/source.ts";

test("picked files become an archive that EasyR1 trains from", async () => {
  const record = { problem: "2 + 2?", answer: "4", category: "number", abilities: [], refined_cot: "counting", image_path: "a.png", reward: "number" }; // prettier-ignore
  const lines = Array.from({ length: 20 }, (_, index) =>
    JSON.stringify({ ...record, problem: `2 + ${index}?` }),
  );
  const picked = new Map([
    ["records.jsonl", new Blob([lines.join("\n")])],
    ["a.png", new Blob([Uint8Array.of(137, 80)])],
  ]);
  const recipe = parseRunRecipe({ model: "toy", task: { name: "shapes" }, grpo: {} });
  const archive = new Uint8Array(await (await forEasyR1(picked, recipe)).arrayBuffer());
  const zip = await zipImages({ source: memorySource({ "a.zip": archive }), path: "a.zip" });
  for (const path of ["easyr1.main.yaml", "reward.py", "train.sh", "data/val.jsonl", "images/a.png"])
    expect(await zip.has(path), path).toBe(true);
});

test("a log comes back under our names", () => {
  const log = '{"step": 1, "reward": {"overall": 0.3}}\n{"step": 2, "reward": {"overall": 0.5}}\n';
  expect(rewardsOf(log)).toEqual([0.3, 0.5]);
});
