import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRunRecipe } from "thinktab";
import { startInNode } from "../../../docs/guide/examples/in-node.ts";
import { judge, judged, rewarded, taught, trainOnRecords } from "../../../docs/guide/examples/records.ts";
import { parseJudgeConfig } from "../../../src/language-models/judge-config.ts";
import { loadTask } from "../../../src/tasks/load.ts";
import { openDataFile, openImages } from "../../../src/cli/data-files.ts";
import { parseRunRecord } from "../../../src/train/run-record.ts";
import { thinktab } from "../../cli/run.ts";
import { writeRecords } from "../../support/records.ts";

const set = await writeRecords(12);
const colours = ["red", "green", "blue", "white"];
const picked = {
  records: new File([readFileSync(set.data)], "records.jsonl"),
  images: new Map(
    colours.map((name) => {
      const path = `pictures/${name}.png`;
      return [`images/${path}`, new Blob([readFileSync(join(set.images, path))])];
    }),
  ),
};

test("the page's recipes are recipes, their judge is one, and the task takes their options", async () => {
  expect(parseJudgeConfig(judge)).toMatchObject({ model: { kind: "openai" } });
  expect([rewarded, judged].map((recipe) => "grpo" in recipe)).toEqual([true, true]);
  expect("sft" in taught && taught.sft).toMatchObject({ tokensPerBatch: 4096, mode: "think" });
  for (const { task } of [rewarded, judged, taught]) {
    const spec = { ...task, data: set.data, images: set.images };
    const opened = await loadTask(spec, { records: { openData: openDataFile, openImages } });
    expect("report" in opened && opened.report).toMatchObject({ accepted: 12, rejected: { total: 5 } });
  }
});

test("picked records are shown to a policy", async () => {
  const recipe = parseRunRecipe({
    model: "tiny",
    task: { name: "records", test: 0.2 },
    lora: { rank: 4, alpha: 8 },
    sft: { steps: 4, batchSize: 4, tokensPerBatch: 1400, learningRate: 1e-2 },
    evaluation: { scenes: 0 },
  });
  const kit = await startInNode();
  try {
    const lines: string[] = [];
    const report = (line: string) => lines.push(line);
    const { adapter } = await trainOnRecords(kit, { kind: "tiny" }, picked, recipe, report);
    expect([...adapter.keys()].sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    const losses = lines.map((line) => Number(/^step \d: loss ([\d.]+)$/.exec(line)?.[1]));
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]);
  } finally {
    await kit.dispose();
  }
});

test("the page's rewarded recipe, small, runs from the command line by the hybrid reward", async () => {
  const recipe = {
    ...rewarded,
    model: "tiny",
    task: { ...rewarded.task, data: set.data, images: set.images },
    grpo: { steps: 1, promptsPerStep: 2, numGenerations: 2, maxCompletionLength: 8 },
    evaluation: { scenes: 2 },
  };
  const path = join(set.folder, "recipe.json");
  writeFileSync(path, JSON.stringify(recipe));
  const { code, out, err } = await thinktab("train", path, "--json");
  expect(err).not.toContain("Error");
  expect(code).toBe(0);
  const record = parseRunRecord(JSON.parse(out));
  expect(record).toMatchObject({ steps: 1, systemPrompt: { kind: "default" }, after: { count: 1 } });
  expect(record.metrics[0]).toMatchObject({ "rewards/accuracy/mean": 0, "rewards/format/mean": 0 });
  expect(record.after?.parts).toHaveProperty("format");
});
