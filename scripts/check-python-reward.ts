/**
 * Holds the exported Python reward to Thinktab's own, on made-up rollouts of every kind of verifier:
 *
 *   node scripts/run-ts.mjs scripts/check-python-reward.ts [--cases 300] [--seed 1] [--file CASES.jsonl]
 *
 * Needs `python3`, or the program that PYTHON names. A file has a case a line: kind, gold, response, optional question,
 * options, weights, format. Ends with code 1 where a number differs.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pythonReward } from "../src/handoff/python-reward.ts";
import { hybridReward, type FormatReading } from "../src/rl/hybrid-reward.ts";
import { loadMathEngine } from "../src/rl/verifiers/math-engine.ts";
import { rewardCases, type RewardCase } from "./reward-cases.ts";

/** A case of which the two rewards make different numbers. */
export interface RewardDifference {
  case: RewardCase;
  ours: RewardNumbers;
  python: RewardNumbers;
}

interface RewardNumbers {
  overall: number | null;
  accuracy: number | null;
  format: number;
}

/** The differences; empty where the two are equal. @throws Error where Python is not at hand, or fails. */
export async function comparePythonReward(cases: readonly RewardCase[]): Promise<RewardDifference[]> {
  const python = await scoreByPython(cases);
  const differences: RewardDifference[] = [];
  for (const [index, one] of cases.entries()) {
    const ours = await scoreHere(one);
    const theirs = python[index];
    const equal = (["overall", "accuracy", "format"] as const).every((name) => ours[name] === theirs[name]);
    if (!equal) differences.push({ case: one, ours, python: theirs });
  }
  return differences;
}

async function scoreHere(one: RewardCase): Promise<RewardNumbers> {
  const { kind, gold, response, question, options, weights, format, number, iou, set } = one;
  const reward = hybridReward({
    math: loadMathEngine,
    ...(weights && { weights: { accuracy: weights[0], format: weights[1] } }),
    ...(format && { format: format as FormatReading }),
    number,
    iou,
    set,
  });
  const example = { reward: kind, answer: gold, problem: question, options };
  const result = await reward({ text: response, tokens: [], finishReason: "stop" }, example);
  return { overall: result.overall, accuracy: result.accuracy, format: result.format };
}

async function scoreByPython(cases: readonly RewardCase[]): Promise<RewardNumbers[]> {
  const lines = cases.map(({ response, ...row }) =>
    JSON.stringify({ response, ground_truth: JSON.stringify({ v: 1, ...row }) }),
  );
  return inFolder(async (folder) => {
    const out = await spawnPython([join(folder, "reward.py")], `${lines.join("\n")}\n`, {});
    const scores = out.trim().split("\n");
    return scores.map((line) => JSON.parse(line) as RewardNumbers);
  });
}

/** What a program prints as JSON that may `import reward`. @throws Error where Python is not at hand, or fails. */
export async function runPython(program: string, env: Record<string, string>): Promise<unknown> {
  const out = await inFolder((folder) => spawnPython(["-c", program], "", { ...env, PYTHONPATH: folder }));
  return JSON.parse(out);
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "thinktab-reward-"));
  try {
    await writeFile(join(folder, "reward.py"), pythonReward());
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function spawnPython(args: string[], input: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.env.PYTHON ?? "python3", ["-X", "utf8", ...args], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env },
  });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => errors.push(data));
  child.stdin.on("error", () => {}); // it ended early, and says why on standard error
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`python: ${Buffer.concat(errors).toString().slice(-2000)}`);
  return Buffer.concat(out).toString();
}

/** The command. @returns the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "300" },
      seed: { type: "string", default: "1" },
      file: { type: "string" },
    },
  });
  const cases =
    values.file === undefined
      ? rewardCases(Number(values.cases), Number(values.seed))
      : (await readFile(values.file, "utf8"))
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as RewardCase);
  const differences = await comparePythonReward(cases);
  for (const difference of differences) console.log(JSON.stringify(difference));
  const kinds = new Set(cases.map(({ kind }) => kind)).size;
  console.log(
    `${cases.length} cases of ${kinds} kinds: ${differences.length === 0 ? "all equal" : `${differences.length} differ`}`,
  );
  return differences.length === 0 ? 0 : 1;
}
