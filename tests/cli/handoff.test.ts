import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { writeOne } from "../../src/cli/handoff.ts";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-handoff-"));
const place = (...names: string[]) => join(folder, ...names);
const small =
  "data.rollout_batch_size=16,worker.actor.global_batch_size=8,worker.actor.optim.betas=[0.9,0.95]";

beforeAll(() => {
  mkdirSync(place("pictures"));
  writeFileSync(place("pictures", "a.png"), Uint8Array.of(137, 80));
  const rows = Array.from({ length: 40 }, (_, index) => ({
    problem: `What is ${index} + 1?`,
    answer: String(index + 1),
    category: "number",
    abilities: ["math"],
    refined_cot: "counting",
    image_path: "a.png",
    reward: index % 4 === 0 ? "model judge" : "number",
  }));
  writeFileSync(place("set.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});

describe("thinktab handoff easyr1", () => {
  test("writes the folder and says what is in it, within 80 columns", async () => {
    const out = place("easyr1");
    const { code, out: said } = await thinktab("handoff", "easyr1", place("set.jsonl"), "--images", place("pictures"), "--out", out, "--set", small); // prettier-ignore
    expect(code).toBe(0);
    expect(said).toContain("38 to train on, 2 to validate on");
    expect(said).toContain("10 rows need a judge");
    expect(tooWide(said.replaceAll(folder, ""))).toEqual([]);
    expect(readdirSync(out).sort()).toEqual(
      ["README.md", "chat_template.jinja", "data", "easyr1.main.yaml", "easyr1.v0.3.1.yaml", "images", "reward.py", "train.sh"].sort(), // prettier-ignore
    );
    expect(statSync(join(out, "train.sh")).mode & 0o111).not.toBe(0);
    expect(readFileSync(join(out, "images", "a.png"))).toEqual(Buffer.of(137, 80));
    const config = parse(readFileSync(join(out, "easyr1.main.yaml"), "utf8")) as Record<string, object>;
    expect(config.data).toMatchObject({ rollout_batch_size: 16 });
    expect(config.worker).toMatchObject({ actor: { optim: { betas: [0.9, 0.95] } } });
  });

  test("refuses what EasyR1 would stop at, and writes nothing", async () => {
    const { code, err } = await thinktab("handoff", "easyr1", place("set.jsonl"), "--images", place("pictures"), "--out", place("none")); // prettier-ignore
    expect(code).toBe(1);
    expect(err).toContain("rows: got 38 to train on, expected at least data.rollout_batch_size, 512");
    expect(readdirSync(folder)).not.toContain("none");
  });

  test("prints its report as JSON", async () => {
    const { out } = await thinktab("handoff", "trl", place("set.jsonl"), "--images", place("pictures"), "--out", place("trl"), "--json"); // prettier-ignore
    expect(JSON.parse(out)).toMatchObject({ counts: { train: 38 }, files: expect.arrayContaining(["train.py"]) as string[] }); // prettier-ignore
  });
});

test.skipIf(!existsSync("/dev/full"))("a full disk is an error, not a hang", async () => {
  async function* pieces() {
    // The disk fails while the next piece is being made.
    for (let piece = 0; piece < 3; piece++) {
      yield "x".repeat(20_000 * piece + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  for (const content of ["one", pieces()])
    await expect(writeOne({ path: "full", content }, "/dev/full")).rejects.toThrow("ENOSPC");
});

test.each([
  [["there", "x"], "unknown action: there, expected one of easyr1, llamafactory, trl, import"],
  [["easyr1", "x"], "missing option: --out DIR"],
  [["trl", "x", "--out", "y", "--target", "main"], "--target is no option of trl"],
  [["easyr1", "x", "--out", folder], "expected a folder that is new or empty"],
  [["import", "x", "--recipe", "toy"], "--recipe is no option of import"],
])("a wrong command line: %j", async (args, message) => {
  const { code, err } = await thinktab("handoff", ...args);
  expect({ code, err: err.includes(message) ? message : err }).toEqual({ code: 2, err: message });
});

describe("thinktab handoff import", () => {
  const step = (number: number) =>
    JSON.stringify({
      step: number,
      reward: { overall: number / 40, accuracy: number / 50 },
      actor: { kl_loss: 0.01 },
    });

  test("shows a log, and draws it", async () => {
    mkdirSync(place("run"));
    const lines = Array.from({ length: 30 }, (_, index) => step(index + 1));
    writeFileSync(place("run", "experiment_log.jsonl"), `${lines.join("\n")}\n{"step": 31, "rew`);
    const { code, out } = await thinktab("handoff", "import", place("run"), "--out", place("back"));
    expect(code).toBe(0);
    expect(out).toContain("steps 1 to 30");
    expect(out).toContain("Lines that could not be read: 31.");
    expect(tooWide(out.replaceAll(folder, ""))).toEqual([]);
    expect(readFileSync(place("back", "curves.svg"), "utf8")).toContain("<svg");
    expect(readFileSync(place("back", "metrics.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(30);
  });

  test("names a log that is missing or none", async () => {
    expect((await thinktab("handoff", "import", place("nowhere"))).err).toContain(
      "no such file, expected the log",
    );
    expect((await thinktab("handoff", "import", place("set.jsonl"))).err).toContain(
      "got 40 lines that are none",
    );
  });
});
