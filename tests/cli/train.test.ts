import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loraScale, readAdapter } from "../../src/storage/peft.ts";
import { folderSource } from "../../src/storage/folder-source.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-train-"));
const train = (name: string, ...more: string[]) =>
  thinktab("train", "--task", "letter-share", "--out", join(folder, name), ...more);
const weights = (name: string) => readFileSync(join(folder, name, "adapter_model.safetensors"));

describe("thinktab train", { timeout: 600_000 }, () => {
  test("prints plan and steps, saves the adapter, and resumes to the same bits", async () => {
    const json = join(folder, "run.json");
    const whole = await train("whole", "--steps", "3", "--json", json);
    expect(whole.err).not.toContain("Error");
    expect(whole.code).toBe(0);
    expect(whole.out).toMatch(/^Memory plan of 3 steps.*\n[^]*frozen weights +\d+\.\d\d MiB[^]*^total /m);
    expect(
      whole.out.match(/^step \d\/3 {2}reward .* {2}std .* {2}grad norm .* {2}tokens\/s \d+/gm),
    ).toHaveLength(3);
    const run = JSON.parse(readFileSync(json, "utf8")) as {
      recipe: object;
      steps: { step: number; metrics: object }[];
    };
    expect(run.recipe).toMatchObject({ steps: 3, seed: 1 });
    expect(run.steps.map(({ step }) => step)).toEqual([0, 1, 2]);
    expect(run.steps[2].metrics).toHaveProperty("reward_std");

    const adapter = await readAdapter(folderSource(join(folder, "whole")));
    expect(adapter).toMatchObject({ rank: 8, scale: loraScale(8, 16, false), baseModel: "tiny" });

    expect((await train("parts", "--steps", "2")).code).toBe(0);
    expect(weights("parts").equals(weights("whole"))).toBe(false);
    const rest = await train("parts", "--steps", "3", "--resume");
    expect(rest.err).toContain("resumed after step 2 from checkpoint-00000002.safetensors");
    expect(rest.out.match(/^step /gm)).toHaveLength(1);
    expect(weights("parts").equals(weights("whole"))).toBe(true);
  });

  test("resuming what is not there, or another run, is an error", async () => {
    const nothing = await train("empty", "--resume");
    expect(nothing).toMatchObject({ code: 1, out: "" });
    expect(nothing.err).toMatch(/^CheckpointError: .*empty: no checkpoint to resume from/m);
    const other = await train("whole", "--resume", "--seed", "2");
    expect(other).toMatchObject({ code: 1, out: "" });
    expect(other.err).toMatch(/^CheckpointError: the checkpoint is of another run/m);
  });

  test("Ctrl-C stops it with code 130, and the steps done are saved", async () => {
    const out = join(folder, "stopped");
    const args = ["bin/thinktab.js", "train", "--task", "letter-share", "--steps", "100000", "--out", out];
    const child = spawn(process.execPath, args, {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [printed, errors] = ["", ""];
    let interrupted = false;
    child.stdout.on("data", (piece: Buffer) => {
      printed += String(piece);
      if (!interrupted && /^step +2\//m.test(printed)) interrupted = child.kill("SIGINT");
    });
    child.stderr.on("data", (piece: Buffer) => (errors += String(piece)));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(errors).toMatch(/^interrupted$/m);
    expect(errors).not.toContain("    at ");
    expect(code).toBe(130);
    const files = readdirSync(out).sort();
    expect(files).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      expect.stringMatching(/^checkpoint-\d{8}\.safetensors$/),
    ]);
  });
});
