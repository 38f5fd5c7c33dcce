import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRunRecipe } from "thinktab";
import { thinktab } from "../cli/run.ts";
import { readText } from "../support/tree.ts";
import { codeBlocks } from "./pages.ts";

const recipe = readText("docs/guide/examples/toy-records.json");
const commands = codeBlocks(readText("docs/guide/wethink.md"))
  .filter(({ language }) => language === "sh")
  .flatMap(({ text }) => text.trim().split("\n"))
  .map((line) => line.split(" ").slice(2)); // without npx thinktab
const named = (name: string) => commands.filter(([first]) => first === name);

/** A path of the page, in a folder that goes when the test ends. */
const folder = mkdtempSync(join(tmpdir(), "thinktab-wethink-"));
const isPath = (word: string) => /^(runs|bench)\/|\.jsonl?$|^\w[\w-]*-images$|^(bench|cluster)$/.test(word);
const run = (words: string[]) => thinktab(...words.map((word) => (isPath(word) ? join(folder, word) : word)));

beforeAll(() => writeFileSync(join(folder, "toy-records.json"), recipe));
afterAll(() => rmSync(folder, { recursive: true }));

test("the page has the whole walk", () => {
  expect(commands.map(([first]) => first)).toEqual(
    ["synth", "synth", "data", "train", "data", "eval", "eval", "eval", "handoff"], // prettier-ignore
  );
});

test("its recipe is one", () => {
  expect(parseRunRecipe(JSON.parse(recipe))).toMatchObject({ grpo: { steps: 24, numGenerations: 8 } });
});

test("what needs no GPU works as it stands there", async () => {
  for (const words of [...named("synth"), ...named("data"), ...named("handoff")]) {
    const { code, err } = await run(words);
    expect({ words, code, err: code === 0 ? "" : err }).toEqual({ words, code: 0, err: "" });
  }
  const held = readFileSync(join(folder, "bench/held-out.tsv"), "utf8").split("\n").length;
  expect(held).toBeGreaterThan(50);
  const scenes = (name: string) => readFileSync(join(folder, name), "utf8").match(/scene-\d+\.png/g) ?? [];
  const trained = new Set(scenes("toy.jsonl"));
  expect(scenes("held-out.jsonl").filter((scene) => trained.has(scene))).toEqual([]);
  expect(readFileSync(join(folder, "cluster/reward.py"), "utf8")).toContain("def ");
});
