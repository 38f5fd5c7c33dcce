import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { defineCommand } from "citty";
import { formatReadings, hybridReward } from "../rl/hybrid-reward.ts";
import type { HybridExample, HybridReward } from "../rl/hybrid-reward.ts";
import { verifierNames } from "../rl/verifiers/choose.ts";
import { loadMathEngine } from "../rl/verifiers/math-engine.ts";
import { MissingFileError } from "../util/errors.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { ruleLimit } from "./rule-limit.ts";
import { interruptible } from "./session.ts";

/** What a line of the cases holds. Further fields are left alone. */
interface ScoreCase extends HybridExample {
  response: string;
  answer: string;
}

/** Verifiers that a case may name: a model to judge is not at hand here. */
export const scoreKinds: readonly string[] = verifierNames.filter((name) => name !== "model-judge");

export const scoreCommand = defineCommand({
  meta: { name: "score", description: "Score responses by the rules of the hybrid reward" },
  args: {
    cases: {
      type: "positional",
      description: "JSON lines: response, answer, kind or reward; - for stdin",
      required: true,
    },
    format: {
      type: "string",
      description: `${formatReadings.slice(0, -1).join(", ")} or ${formatReadings.at(-1)} (strict)`,
      valueHint: "TAGS",
    },
    "accuracy-weight": { type: "string", description: "Default: 0.7", valueHint: "W" },
    "format-weight": { type: "string", description: "Default: 0.3", valueHint: "W" },
    why: { type: "boolean", description: "Say in each line why, too" },
  },
  async run({ args }) {
    const weights = {
      accuracy: weight("accuracy-weight", args["accuracy-weight"], 0.7),
      format: weight("format-weight", args["format-weight"], 0.3),
    };
    const format = formatReadings.find((reading) => reading === (args.format ?? "strict"));
    if (!format)
      throw new UsageError(`--format: got ${args.format}, expected one of ${formatReadings.join(", ")}`);
    const reward = hybridReward({ weights, format, math: loadMathEngine, limit: ruleLimit() });
    return interruptible(async (signal) => {
      const input = await openCases(args.cases);
      const { bad } = await scoreLines(input, reward, { why: args.why === true, signal });
      return bad > 0 ? 1 : 0;
    });
  },
});

function weight(name: string, text: string | undefined, usual: number): number {
  const value = numberOption(name, text) ?? usual;
  if (value < 0) throw new UsageError(`--${name}: got ${text}, expected a number from 0`);
  return value;
}

/** @throws MissingFileError */
async function openCases(path: string): Promise<Readable> {
  if (path === "-") return process.stdin;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new MissingFileError(`${path}: no such file, expected cases in JSON lines`);
  return createReadStream(path);
}

/**
 * Writes an object for each case to standard output, in their order; a line that is no case is named on standard error
 * and left out.
 * @returns how many lines were scored, and how many were bad.
 */
async function scoreLines(
  input: Readable,
  reward: HybridReward,
  { why, signal }: { why: boolean; signal: AbortSignal },
): Promise<{ scored: number; bad: number }> {
  let scored = 0;
  let bad = 0;
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity, signal })) {
    signal.throwIfAborted();
    number++;
    if (line.trim() === "") continue;
    const parsed = parseCase(line.replace(/^\uFEFF/, ""));
    if (typeof parsed === "string") {
      bad++;
      console.error(`line ${number}: ${parsed}`);
      continue;
    }
    const result = await reward({ text: parsed.response, tokens: [], finishReason: "stop" }, parsed);
    const { overall, accuracy, format, verifier, extracted } = result;
    console.log(
      JSON.stringify({ overall, accuracy, format, verifier, extracted, ...(why && { why: result.why }) }),
    );
    scored++;
  }
  signal.throwIfAborted(); // an abort ends the lines while none comes
  if (bad > 0) console.error(`${bad} of ${scored + bad} lines could not be read; the rest is scored`);
  else if (scored === 0) console.error("no cases: nothing was scored");
  return { scored, bad };
}

/** A case, or what is wrong with the line. `kind` must be one that there is; `reward` is read as a record's is. */
function parseCase(line: string): ScoreCase | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return `it is not JSON: ${shorten(line)}`;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return `got ${shorten(line)}, expected an object`;
  const {
    response,
    kind,
    reward,
    problem,
    options,
    category,
    answer: given,
  } = json as Record<string, unknown>;
  const answer = typeof given === "number" || typeof given === "boolean" ? String(given) : given;
  for (const [name, value] of Object.entries({ response, answer })) {
    if (value === undefined) return `${name} is missing`;
    if (typeof value !== "string") return `${name}: got ${shorten(JSON.stringify(value))}, expected a text`;
  }
  for (const [name, value] of Object.entries({ kind, reward, problem, category })) {
    if (!isAbsent(value) && typeof value !== "string")
      return `${name}: got ${shorten(JSON.stringify(value))}, expected a text`;
  }
  if (typeof kind === "string" && !scoreKinds.includes(kind))
    return `kind: got ${shorten(kind)}, expected one of ${scoreKinds.join(", ")}`;
  if (!isAbsent(options) && !isOptions(options))
    return `options: got ${shorten(JSON.stringify(options))}, expected texts, in a list or by letter`;
  const columns = { problem, category, options, reward: kind ?? reward };
  const present = Object.entries(columns).filter(([, value]) => !isAbsent(value));
  return { ...Object.fromEntries(present), response, answer } as ScoreCase; // each field was checked
}

const isAbsent = (value: unknown) => value === undefined || value === null;

function isOptions(value: unknown): value is Record<string, string> | string[] {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((text) => typeof text === "string")
  );
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
