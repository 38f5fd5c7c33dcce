import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { folderSource } from "../../src/storage/folder-source.ts";
import { readAdapter } from "../../src/storage/peft.ts";
import { parseRunRecord } from "../../src/train/run-record.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { sharedDevice } from "../support/device.ts";
import { writeRecords } from "../support/records.ts";
import type { RecordSet } from "../support/records.ts";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

let set: RecordSet;
beforeAll(async () => {
  set = await writeRecords(24);
});
const out = (name: string) => join(set.folder, name);
const record = (name: string): RunRecord =>
  parseRunRecord(JSON.parse(readFileSync(join(out(name), "run.json"), "utf8")));
const sft = (name: string, ...more: string[]) =>
  thinktab(
    ...["sft", set.data, "--images", set.images, "--model", "tiny", "--out", out(name)],
    ...["--batch", "4", "--tokens", "1400", "--learning-rate", "1e-2", ...more],
  );

describe("thinktab sft", { timeout: 600_000 }, () => {
  test("trains an adapter on records: the loss falls, rejected rows are told, and the run is resumed", async () => {
    const first = await sft("adapter", "--lora", "4", "--steps", "3", "--eval", "2", "--max-tokens", "4");
    expect(first.err).not.toContain("Error");
    expect(first.code).toBe(0);
    expect(tooWide(first.out.replaceAll(set.folder, ""))).toEqual([]);
    const text = first.out.replaceAll(/\s+/g, " ");
    expect(text).toContain("24 records of records.jsonl");
    expect(text).toContain("5 rejected");
    expect(text).toMatch(/5 rows were rejected, the first of them row 25: answer: is empty without its tags/);
    expect(text).toContain("LoRA of rank 4 (alpha 8)");
    expect(text).toMatch(/sft: 3 steps of 4 demonstrations that think first/);
    expect(first.out).toMatch(/^step 3\/3 {2}loss /m);
    const again = await sft(
      ...([
        "adapter",
        "--lora",
        "4",
        "--steps",
        "6",
        "--eval",
        "2",
        "--max-tokens",
        "4",
        "--resume",
      ] as const),
    );
    expect(again.out).toMatch(/^Goes on after step 3\.$/m);
    const { metrics, recipe, systemPrompt, after } = record("adapter");
    expect(metrics).toHaveLength(6);
    expect(Number(metrics[5].loss)).toBeLessThan(0.9 * Number(metrics[0].loss));
    expect(systemPrompt?.kind).toBe("default");
    expect(Object.keys(after?.byKind ?? {}).length).toBeGreaterThan(0);
    expect(recipe).toMatchObject({ task: { name: "records", data: set.data, requireReasoning: true } });

    const adapter = await readAdapter(folderSource(out("adapter")));
    expect(adapter).toMatchObject({ rank: 4, baseModel: "tiny" });
    expect(adapter.tensors.get("layers.0.mlp.up_proj")?.b.some((value) => value !== 0)).toBe(true);
  });

  test("--full writes a model's folder, which loads; --epochs counts the records; own prompts are told apart", async () => {
    const prompt = join(set.folder, "prompt.txt");
    writeFileSync(prompt, `${REASONING_SYSTEM_PROMPT} Be brief.`);
    const { code, err } = await sft(
      ...(["full", "--full", "--epochs", "0.5", "--mode", "answer", "--system", prompt, "--json"] as const),
    );
    expect(err).not.toContain("Error");
    expect(code).toBe(0);
    const { steps, recipe, systemPrompt } = record("full");
    expect([steps, systemPrompt?.kind]).toEqual([3, "custom"]);
    expect(recipe).toMatchObject({ dense: "all", sft: { mode: "answer" } });
    expect(readdirSync(out("full"))).toEqual(
      expect.arrayContaining(["model.safetensors", "config.json", "tokenizer.json"]),
    );
    const policy = await Policy.load(await sharedDevice(), folderSource(out("full")), { format: "f32" });
    const messages = [{ role: "user" as const, content: "hello" }];
    expect(await policy.generate(messages, { maxNewTokens: 2 })).toHaveLength(1);
    policy.destroy();
  });

  test("says what is wrong before anything is loaded", async () => {
    const wrong = async (...args: string[]) => {
      const { code, err } = await thinktab(
        "sft",
        set.data,
        "--images",
        set.images,
        "--model",
        "tiny",
        ...args,
      );
      return [code, err];
    };
    expect(await wrong("--full", "--lora", "4")).toEqual([2, expect.stringContaining("got both")]);
    expect(await wrong("--epochs", "1", "--steps", "4")).toEqual([2, expect.stringContaining("got both")]);
    expect(await wrong("--epochs", "0")).toEqual([2, expect.stringContaining("a number above 0")]);
    expect(await wrong("--batch", "0")).toEqual([1, expect.stringContaining("batchSize: got 0")]);
    expect(await wrong("--resume")).toEqual([2, expect.stringContaining("--resume needs --out")]);
    expect(await wrong("--system", "none.txt")).toEqual([
      1,
      expect.stringContaining("none.txt: no such file"),
    ]);
    const { err } = await thinktab("sft", join(set.folder, "nothing.jsonl"));
    expect(err).toContain("nothing.jsonl: no such file, expected a data set");
    const help = await thinktab("sft", "--help");
    expect(help.out).toContain("WeThink found RL without it better");
  });
});
