import {
  formatReadings,
  hybridReward,
  type FormatReading,
  type HybridExample,
  type HybridRewardOptions,
} from "../rl/hybrid-reward.ts";
import type { AsyncReward, Completion, Example, RewardResult } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";

/** How records are rewarded, as a task's options have it: plain JSON, without secrets. */
export interface RecordRewardOptions {
  /** Of accuracy and format. Default 0.7 and 0.3. */
  weights?: { accuracy: number; format: number };
  /** How the tags are looked for. Default "strict". */
  format?: FormatReading;
  /** What the prompt already put into the assistant's turn. */
  prefill?: string;
  number?: HybridRewardOptions["number"];
  iou?: HybridRewardOptions["iou"];
  set?: HybridRewardOptions["set"];
  /** Which model judges descriptive answers: read by whoever opens the model. */
  judge?: unknown;
  /** The address of an ES module of the user's, see {@link OwnReward}. */
  module?: string;
  /** The records that it rewards: those whose `reward` is its file name (with or without the ending), or all. */
  moduleFor?: "named" | "all";
}

/** What a reward is given by its surroundings. */
export type RewardServices = Pick<HybridRewardOptions, "math" | "judge" | "limit" | "signal">;

/**
 * The default export of a module of the user's: a number or a result; null where the reward does not apply, as TRL has
 * it, which leaves the sample out. In Node the example is whole; in a page `messages` is empty and there are no `images`:
 * no picture crosses to the worker that computes rewards.
 */
export type OwnReward = (completion: Completion, example: Example) => OwnResult | Promise<OwnResult>;

/** What a reward of the user's gives. */
export type OwnResult = RewardResult | number | null;

const known = ["weights", "format", "prefill", "number", "iou", "set", "judge", "module", "moduleFor"];

/**
 * The reward of records: the hybrid reward, or the user's own function where a record asks for it by its name.
 * @param options as a task's spec has them; checked, as they may come from a file.
 * @throws InvalidOptionError for options that are none, and for a module that cannot be imported.
 */
export async function recordReward(
  options: RecordRewardOptions = {},
  services: RewardServices = {},
): Promise<AsyncReward<HybridExample>> {
  checkOptions(options);
  const { weights, format, prefill, number, iou, set, module, moduleFor = "named" } = options;
  const hybrid = hybridReward({ weights, format, prefill, number, iou, set, ...services });
  if (module === undefined) return hybrid;
  const own = await loadReward(module);
  const names = moduleNames(module);
  return async (completion, example) => {
    if (moduleFor === "named" && !names.includes(example.reward ?? "")) return hybrid(completion, example);
    return ownResult(await own(completion, example), module);
  };
}

function checkOptions(options: unknown): asserts options is RecordRewardOptions {
  if (!isRecord(options)) throw new InvalidOptionError("records: reward", options, "an object of options");
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name))
      throw new InvalidOptionError(`records: reward.${name}`, "an unknown option", ["one of", ...known]);
    const isText = ["prefill", "module"].includes(name);
    const isObject = ["weights", "number", "iou", "set"].includes(name);
    if (value === undefined) continue;
    if (isText && (typeof value !== "string" || (name === "module" && value === "")))
      throw new InvalidOptionError(`records: reward.${name}`, value, "a text");
    if (isObject && !isRecord(value))
      throw new InvalidOptionError(`records: reward.${name}`, value, "an object");
  }
  const { format, set, moduleFor } = options;
  const oneOf = (name: string, value: unknown, choices: readonly string[]) => {
    if (value !== undefined && !choices.includes(value as string))
      throw new InvalidOptionError(`records: reward.${name}`, value, ["one of", ...choices]);
  };
  oneOf("format", format, formatReadings);
  oneOf("moduleFor", moduleFor, ["named", "all"]);
  if (isRecord(set)) oneOf("set.score", set.score, ["exact", "f1"]);
  for (const [kind, names] of Object.entries({
    number: ["relative", "absolute"],
    iou: ["threshold"],
  })) {
    const values = options[kind];
    if (!isRecord(values)) continue;
    for (const name of names) {
      const value = values[name];
      if (value !== undefined && (typeof value !== "number" || !(value >= 0)))
        throw new InvalidOptionError(`records: reward.${kind}.${name}`, value, "a number from 0");
    }
  }
}

/** @throws InvalidOptionError */
async function loadReward(address: string): Promise<OwnReward> {
  let exports: { default?: unknown };
  try {
    // A name that a bundler cannot know: the module is the user's.
    exports = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address)) as { default?: unknown };
  } catch (cause) {
    throw new InvalidOptionError(
      `reward module ${address}`,
      String(cause),
      "an ES module that can be imported",
    );
  }
  if (typeof exports.default !== "function")
    throw new InvalidOptionError(
      `reward module ${address}: default export`,
      exports.default === undefined ? "none" : typeof exports.default,
      "a function of (completion, example) that gives a number, a result or null",
    );
  return exports.default as OwnReward;
}

/** `my-reward.js` and `my-reward` of …/my-reward.js. */
function moduleNames(address: string): string[] {
  const file =
    address
      .replace(/[?#].*$/s, "")
      .split("/")
      .at(-1) ?? "";
  return [...new Set([address, file, file.replace(/\.[^.]*$/, "")])].filter((name) => name !== "");
}

/** @throws InvalidOptionError for what is no result: nothing is guessed of a user's function. */
function ownResult(given: unknown, address: string): RewardResult {
  if (given === null) return { value: null, parts: {} };
  if (typeof given === "number" && Number.isFinite(given)) return { value: given, parts: { custom: given } };
  if (isRecord(given)) {
    const { value, parts = {} } = given;
    const isNumber = (one: unknown) => typeof one === "number" && Number.isFinite(one);
    if ((value === null || isNumber(value)) && isRecord(parts) && Object.values(parts).every(isNumber))
      return { value: value as number | null, parts: parts as Record<string, number> };
  }
  throw new InvalidOptionError(
    `reward module ${address}: what it gives`,
    typeof given === "number" ? given : (JSON.stringify(given) ?? "undefined"),
    "a finite number, null, or { value, parts } of such numbers",
  );
}
