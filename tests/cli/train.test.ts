import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { folderSource } from "../../src/storage/folder-source.ts";
import { readAdapter } from "../../src/storage/peft.ts";
import { parseRunRecord } from "../../src/train/run-record.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { Rng } from "../../src/util/rng.ts";
import { smallRecipe, tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";
import type { CliResult } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-train-"));
const recipe = smallRecipe(join(folder, "small.json"));
const out = (name: string) => join(folder, name);
const train = (name: string, ...more: string[]) => thinktab("train", recipe, "--out", out(name), ...more);
const record = (name: string): RunRecord =>
  parseRunRecord(JSON.parse(readFileSync(join(out(name), "run.json"), "utf8")));
const file = (name: string, key: string) => readFileSync(join(out(name), key), "utf8");

/** The run that others are compared with. */
let whole: CliResult;
beforeAll(async () => {
  whole = await train("whole");
}, 600_000);

describe("thinktab train", { timeout: 600_000 }, () => {
  test("prints plan, steps and results within 80 columns, and fills the folder", async () => {
    expect(whole.err).not.toContain("Error");
    expect(whole.code).toBe(0);
    expect(tooWide(whole.out)).toEqual([]);
    expect(whole.out).toMatch(/^task +letter-share, size 16\. /m);
    expect(whole.out.replaceAll(/\s+/g, " ")).toMatch(
      /recipe .*small\.json: 3 steps of 2 prompts × 4 responses/,
    );
    expect(whole.out).toMatch(/^frozen weights +\d+\.\d\d MiB[^]*^total /m);
    expect(whole.out.match(/^step \d\/3 {2}reward .* {2}length .* {2}KL .* tok\/s {2}/gm)).toHaveLength(3);
    expect(whole.out).toMatch(/^Expected: about .* more \(a step takes /m);
    expect(whole.out).toMatch(/^all +4 +\d+\.\d% +\d+–\d+ +\d+\.\d% +\d+–\d+ +\S+$/m);
    expect(whole.out).toContain(record("whole").weightsSha256);
    const files = readdirSync(out("whole"));
    for (const name of ["run.json", "curves.svg", "rollouts.jsonl", "adapter_model.safetensors"]) {
      expect(files).toContain(name);
      expect(whole.out).toContain(name);
    }
    expect(record("whole")).toMatchObject({ steps: 3, seed: 1, model: "tiny" });
    const adapter = await readAdapter(folderSource(out("whole")));
    expect(adapter).toMatchObject({ rank: 8, baseModel: "tiny" });
  });

  test("--json prints the record alone on standard output; options replace the recipe's", async () => {
    const { code, out, err } = await thinktab(
      ...["train", recipe, "--json", "--steps", "1", "--seed", "7", "--eval", "0"],
    );
    expect(code).toBe(0);
    const printed = parseRunRecord(JSON.parse(out));
    expect(printed).toMatchObject({ steps: 1, seed: 7, before: null, after: null });
    expect(printed.recipe.evaluation.scenes).toBe(0);
    expect(err).toMatch(/^step 1\/1 {2}reward /m);
    expect(tooWide(err.replaceAll(/^Warning: .*$/gm, ""))).toEqual([]);
  });

  test("`toy --recipe` is the same command, and --profile shows where the time goes", async () => {
    const { code, out } = await thinktab(
      ...["toy", "--recipe", recipe, "--steps", "1", "--eval", "0", "--profile"],
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^step 1\/1 /m);
    expect(out).toMatch(/^prefill +1 +\d+ /m);
    expect(out).toMatch(/^rollout +\d+ +\d+ +\d+% +\d+ +\d+%$/m);
    expect(tooWide(out)).toEqual([]);
  });

  test("a recipe of demonstrations: loss for each step, nothing of rewards, and a record that replays", async () => {
    const examples = ["red", "blue", "green"].map((answer, i) => ({ question: `colour ${i}?`, answer }));
    const demonstrations = join(folder, "demonstrations.json");
    const sft = { steps: 3, batchSize: 2, learningRate: 0.02, maxCompletionLength: 4 };
    writeFileSync(
      demonstrations,
      JSON.stringify({ model: "tiny", task: { name: "examples", examples }, sft }),
    );
    const { code, out: printed } = await thinktab("train", demonstrations, "--out", out("taught"));
    expect(code).toBe(0);
    expect(tooWide(printed)).toEqual([]);
    expect(printed.replaceAll(/\s+/g, " ")).toContain("3 examples of your own: 2 to train on, 1 held out.");
    expect(printed.match(/^step \d\/3 {2}loss \d\.\d{3} {2}\d+ tok\/s {2}\d+ ms$/gm)).toHaveLength(3);
    expect(printed).toMatch(/^Greedy answers to 1 held-out example, [^]*^all +1 +/m);
    expect(record("taught")).toMatchObject({ steps: 3, before: { count: 1 } });
    const replayed = await thinktab("replay", join(out("taught"), "run.json"));
    expect(replayed.out).toContain("The bits match: 3 steps, and the final adapter");
    const profiled = await thinktab("train", demonstrations, "--profile");
    expect(profiled.err).toContain("--profile: got a supervised recipe, expected one that trains by GRPO");
    expect(profiled.code).not.toBe(0);
  });

  test("a run made longer goes on to the bits of one that was long from the beginning", async () => {
    expect((await train("parts", "--steps", "2")).code).toBe(0);
    const rest = await train("parts", "--resume");
    expect(rest.out).toContain("Goes on after step 2.");
    expect(rest.out.match(/^step /gm)).toHaveLength(1);
    expect(record("parts").weightsSha256).toBe(record("whole").weightsSha256);
  });

  test("a torn checkpoint is passed over for the one before it, and told", async () => {
    cpSync(out("whole"), out("torn"), { recursive: true });
    truncateSync(join(out("torn"), "checkpoint-00000003.safetensors"), 5000);
    const { code, out: printed } = await train("torn", "--resume", "--steps", "4");
    expect(code).toBe(0);
    expect(printed).toContain("checkpoint-00000003.safetensors is torn: passed over");
    expect(printed).toMatch(/Goes on after step [12]\./);
    expect(
      record("torn")
        .metrics.slice(0, 3)
        .map(({ digest }) => digest),
    ).toEqual(record("whole").metrics.map(({ digest }) => digest));
  });

  test("nothing is written over, and only the same run is resumed", async () => {
    const before = file("whole", "run.json");
    const other = smallRecipe(join(folder, "other.json"), { learningRate: 0.01 });
    const cases: [string[], RegExp][] = [
      [[recipe, "--out", out("whole")], /whole: got a folder with a run of 3 steps, expected a new/],
      [[recipe, "--out", out("none"), "--resume"], /none: got a folder without a run, expected one to/],
      [[recipe, "--out", out("whole"), "--resume", "--seed", "2"], /another recipe: grpo\.seed: got 2/],
      [[other, "--out", out("whole"), "--resume"], /another recipe: grpo\.learningRate: got 0\.01, exp/],
      [[recipe, "--out", out("whole"), "--resume", "--steps", "2"], /has taken 3 steps already/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = await thinktab("train", ...args);
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(err).toMatch(/^CheckpointError: /m);
      expect(err).toMatch(message);
    }
    expect(file("whole", "run.json")).toBe(before);
  });

  test("a recipe that is none says what is wrong with it", async () => {
    const cases: [string, RegExp][] = [
      [smallRecipe(join(folder, "key.json"), { lr: 1 }), /InvalidOptionError: recipe: grpo\.lr: .*expected/],
      [smallRecipe(join(folder, "range.json"), { clipRatioLow: 2 }), /grpo\.clipRatioLow: got 2, expected/],
      [
        join(folder, "missing.json"),
        /MissingFileError: .*no such recipe, expected a JSON file or one of toy/,
      ],
    ];
    for (const [path, message] of cases) {
      const { code, out, err } = await thinktab("train", path);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(message);
      expect(err).not.toContain("    at ");
    }
  });
});

interface Child {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** Runs the launcher, and sends it a signal some ms after a line has appeared. */
function launch(
  args: string[],
  stop?: { after: RegExp; ms: number; signal: NodeJS.Signals },
): Promise<Child> {
  const child = spawn(process.execPath, ["bin/thinktab.js", ...args], {
    cwd: join(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const result: Child = { code: null, signal: null, out: "", err: "" };
  let waiting = stop;
  const look = () => {
    if (!waiting?.after.test(result.out)) return;
    const { ms, signal } = waiting;
    waiting = undefined;
    setTimeout(() => child.kill(signal), ms);
  };
  child.stdout.on("data", (piece: Buffer) => {
    result.out += String(piece);
    look();
  });
  child.stderr.on("data", (piece: Buffer) => (result.err += String(piece)));
  return new Promise((resolve) =>
    child.on("close", (code, signal) => {
      resolve({ ...result, code, signal });
    }),
  );
}

describe("a process that is stopped", { timeout: 900_000 }, () => {
  test("by SIGKILL, three times in the middle, and resumed ends in the same bits", async () => {
    const long = smallRecipe(join(folder, "long.json"), { steps: 10 });
    const args = ["train", long, "--eval", "2"];
    expect((await thinktab(...args, "--out", out("unbroken"))).code).toBe(0);
    const rng = new Rng(Date.now() % 2 ** 32, 0);
    const delays: number[] = [];
    for (let part = 0; part < 3; part++) {
      const ms = rng.below(400);
      delays.push(ms);
      const stop = { after: /^step +\d+\/10 .*\n(.*\n)*step/m, ms, signal: "SIGKILL" } as const;
      const killed = await launch([...args, "--out", out("killed"), ...(part > 0 ? ["--resume"] : [])], stop);
      expect(killed.err).not.toContain("Error");
      if (killed.code === 0) break; // it was done before the blow fell
      expect(killed.signal).toBe("SIGKILL");
    }
    const { code, err } = await launch([...args, "--out", out("killed"), "--resume"]);
    expect({ code, delays, err: err.includes("Error") }).toEqual({ code: 0, delays, err: false });
    const digests = ({ metrics }: RunRecord) => metrics.map(({ digest }) => digest);
    expect({ delays, digests: digests(record("killed")) }).toEqual({
      delays,
      digests: digests(record("unbroken")),
    });
    expect(record("killed").weightsSha256).toBe(record("unbroken").weightsSha256);
    expect(file("killed", "rollouts.jsonl")).toBe(file("unbroken", "rollouts.jsonl"));
  });

  test("by Ctrl-C saves what is done and says how to go on, with code 130", async () => {
    const args = ["train", recipe, "--steps", "100000", "--eval", "0", "--out", out("stopped")];
    const { code, out: printed, err } = await launch(args, { after: /^step +2\//m, ms: 0, signal: "SIGINT" });
    expect(code).toBe(130);
    expect(err).toMatch(/^interrupted$/m);
    expect(err).not.toContain("    at ");
    const steps = Number(/^Stopped after step (\d+)/m.exec(printed)?.[1]);
    expect(steps).toBeGreaterThanOrEqual(2);
    expect(printed).toMatch(
      /^ {2}npx thinktab train .*small\.json --steps 100000 --eval 0 --out .* --resume$/m,
    );
    const files = readdirSync(out("stopped"));
    expect(files).toContain(`checkpoint-${String(steps).padStart(8, "0")}.safetensors`);
    expect(files).toContain("adapter_model.safetensors");
    expect(file("stopped", "metrics.jsonl").trim().split("\n")).toHaveLength(steps);
  });
});
