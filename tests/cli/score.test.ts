import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const root = join(import.meta.dirname, "../..");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "thinktab-score-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(...lines: unknown[]): string {
  const path = join(folder, `${lines.length}-${JSON.stringify(lines).length}.jsonl`);
  writeFileSync(
    path,
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
  return path;
}

const parsed = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const tagged = (answer: string) => `<think>hm</think> <answer>${answer}</answer>`;

test("every kind is scored, a line each, in order", async () => {
  const cases = [
    { kind: "multiple-choice", answer: "B", response: tagged("dog"), options: ["cat", "dog"] },
    { kind: "multiple-choice", answer: "B", response: tagged("(A)"), problem: "?\nA. cat\nB. dog" },
    { kind: "fill-in-blank", answer: "red car", response: "The red car." },
    { kind: "number", answer: 1000, response: tagged("1,000") },
    { kind: "math", answer: "$12.5\\%$", response: tagged("\\frac{1}{8}") },
    { kind: "yes-no", answer: "Yes", response: tagged("No") },
    { kind: "iou", answer: "[0,0,10,10]", response: tagged("[0,0,10,9]") },
    { kind: "set", answer: "a, b", response: tagged("b and a") },
    { kind: "easyr1-r1v", answer: "2", response: "<think>a</think><answer>1</answer>" },
    { kind: "easyr1-math", answer: "2", response: "\\boxed{2}" },
    { reward: "sorcery", category: "MCQ", answer: "B", response: tagged("B") },
    { reward: "DES", answer: "a dog", response: tagged("a cat") },
  ];
  const { code, out, err } = await thinktab("score", file(...cases));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const line = (
    verifier: string,
    overall: unknown,
    accuracy: unknown,
    format: number,
    extracted: unknown,
  ) => ({
    overall,
    accuracy,
    format,
    verifier,
    extracted,
  });
  expect(parsed(out)).toEqual([
    line("multiple-choice", 1, 1, 1, "B"),
    line("multiple-choice", 0.3, 0, 1, "A"),
    line("fill-in-blank", 0.7, 1, 0, "The red car."),
    line("number", 1, 1, 1, "1,000"),
    line("math", 1, 1, 1, "\\frac{1}{8}"),
    line("yes-no", 0.3, 0, 1, "No"),
    line("iou", 1, 1, 1, "[0,0,10,9]"),
    line("set", 1, 1, 1, "b and a"),
    line("easyr1-r1v", 0.5, 0, 1, "1"),
    line("easyr1-math", 0.9, 1, 0, "2"),
    line("multiple-choice", 1, 1, 1, "B"),
    line("model-judge", null, null, 1, "a cat"),
  ]);
});

test("weights, the reading of the format, and reasons", async () => {
  const path = file({ kind: "number", answer: "7", response: `Well: ${tagged("7")}` });
  const { out } = await thinktab("score", path, "--format", "lenient", "--accuracy-weight", "1", "--format-weight", "0.5", "--why"); // prettier-ignore
  expect(parsed(out)).toEqual([
    {
      overall: 1.5,
      accuracy: 1,
      format: 1,
      verifier: "number",
      extracted: "7",
      why: expect.stringContaining("the answer block") as string,
    },
  ]);
});

test("bad lines are named and counted, the rest is scored, the exit code is 1", async () => {
  const good = { kind: "number", answer: "7", response: "7" };
  const path = file(
    good,
    "7",
    "{",
    "",
    { kind: "number", answer: "7" },
    { kind: "number", response: "7" },
    { kind: "nmber", answer: "7", response: "7" },
    { kind: "number", answer: ["7"], response: "7" },
    { kind: "multiple-choice", answer: "B", response: "B", options: [1] },
    good,
  );
  const { code, out, err } = await thinktab("score", path);
  expect(code).toBe(1);
  expect(parsed(out)).toHaveLength(2);
  expect(err.trim().split("\n")).toEqual([
    "line 2: got 7, expected an object",
    "line 3: it is not JSON: {",
    "line 5: response is missing",
    "line 6: answer is missing",
    expect.stringMatching(/^line 7: kind: got nmber, expected one of multiple-choice, .*easyr1-math$/),
    'line 8: answer: got ["7"], expected a text',
    "line 9: options: got [1], expected texts, in a list or by letter",
    "7 of 9 lines could not be read; the rest is scored",
  ]);
});

test("- is standard input; output is JSON lines and nothing else", () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "bin/thinktab.js"), "score", "-"],
    { input: `${JSON.stringify({ kind: "math", answer: "$4$", response: "4" })}\n`, encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(parsed(stdout)).toEqual([
    { overall: 0.7, accuracy: 1, format: 0, verifier: "math", extracted: "4" },
  ]);
});

test("Ctrl-C ends it while standard input is quiet, with code 130", async () => {
  const child = spawn(process.execPath, [join(root, "bin/thinktab.js"), "score", "-"]);
  let err = "";
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const exited = once(child, "exit");
  child.stdin.write(`${JSON.stringify({ kind: "number", answer: "4", response: "4" })}\n`);
  await once(child.stdout, "data"); // the case is scored: it waits for the next line
  child.kill("SIGINT");
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const [code] = (await exited) as [number | null];
  clearTimeout(late);
  expect({ code, err }).toEqual({ code: 130, err: "interrupted\n" });
});

test("a wrong command line, a missing file, help", async () => {
  expect(await thinktab("score")).toMatchObject({ code: 2, out: "" });
  expect((await thinktab("score", "cases.jsonl", "--format", "loose")).err).toContain("--format: got loose");
  expect((await thinktab("score", "cases.jsonl", "--format-weight", "-1")).code).toBe(2);
  const missing = await thinktab("score", "/no/such/file");
  expect(missing).toMatchObject({ code: 1, out: "" });
  expect(missing.err).toContain("no such file");
  const { code, out } = await thinktab("score", "--help");
  expect(code).toBe(0);
  expect(out).toContain("USAGE thinktab score");
  expect(tooWide(out.replaceAll(/ +$/gm, ""))).toEqual([]);
});
