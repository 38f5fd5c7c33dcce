import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const root = join(import.meta.dirname, "../..");

test("--help lists the commands", async () => {
  const { code, out, err } = await thinktab("--help");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  for (const command of [
    "doctor",
    "chat",
    "train",
    "sft",
    "toy",
    "replay",
    "parity",
    "score",
    "data",
    "synth",
    "eval",
    "handoff",
  ])
    expect(out).toMatch(new RegExp(`^ *${command} `, "m"));
  expect(tooWide(out.replaceAll(/ +$/gm, ""))).toEqual([]);
});

test("--version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(await thinktab("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
});

test.each(["doctor", "chat", "train", "sft", "toy", "replay", "parity", "data", "synth", "eval", "handoff"])(
  "%s --help shows its options",
  async (command) => {
    const { code, out, err } = await thinktab(command, "--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`USAGE thinktab ${command}`);
    expect(tooWide(out.replaceAll(/ +$/gm, ""))).toEqual([]);
    expect(out).toContain("--json");
  },
);

describe("a wrong command line ends with code 2 and says what is wrong", () => {
  test.each([
    [[], "no command given, expected one of doctor, chat, train, sft, toy, replay, parity"],
    [["docter"], "unknown command: docter, expected one of doctor, chat, train, sft, toy, replay, parity"],
    [["toString"], "unknown command: toString"],
    [["--verbose"], "unknown option: --verbose"],
    [["doctor", "--verbose"], "thinktab doctor: unknown option '--verbose'"],
    [["doctor", "now"], "unexpected argument: now"],
    [["chat", "--model", "tiny"], "missing argument: QUESTION"],
    [["chat", "--model", "tiny", "hello", "--image"], "'--image <value>' argument missing"],
    [["chat", "--model", "tiny", "hello", "--image", ""], "--image: got an empty value"],
    [
      ["chat", "--model", "tiny", "hello", "--format", "q5"],
      "--format: got q5, expected one of q8, q4, f16, f32",
    ],
    [["chat", "--model", "tiny", "hello", "--seed", "abc"], "--seed: got abc, expected a number"],
    [["train"], "missing argument: RECIPE"],
    [["train", "toy", "--steps", "many"], "--steps: got many, expected a number"],
    [["train", "toy", "--resume"], "--resume needs --out"],
    [["train", "toy", "--out", "package.json"], "--out: got the file package.json, expected a folder"],
    [["train", "toy", "--lr", "1"], "thinktab train: unknown option '--lr'"],
    [["toy", "now"], "thinktab toy: unexpected argument: now"],
    [["toy", "--recipe"], "'--recipe <value>' argument missing"],
    [["replay"], "missing argument: RECORD"],
    [["doctor", "--only", "no-such-kernel"], "--only: no kernel has no-such-kernel in its name"],
  ])("%j", async (args, message) => {
    const { code, out, err } = await thinktab(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("--help shows what there is");
    expect(err).not.toContain("    at ");
  });
});

test("an argument that begins with a dash is told from an option behind --", async () => {
  const { code, err } = await thinktab("chat", "--model", "/no/such/folder", "--", "--debug");
  expect(code).toBe(1);
  expect(err).toMatch(/^MissingFileError: \/no\/such\/folder: no such folder/m);
  expect(err).not.toContain("    at ");
});

test("--debug shows the stack of an error", async () => {
  const { code, err } = await thinktab("--debug", "chat", "--model", "/no/such/folder", "hello");
  expect(code).toBe(1);
  expect(err).toMatch(/MissingFileError: .*\n {4}at /);
});

test("the launcher passes arguments and exit code on", () => {
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "bin/thinktab.js"), ...args], {
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  expect(run("--version")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
  });
  expect(run("docter")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("unknown command: docter") as string,
  });
});
