import * as v from "valibot";
import type { Device } from "../gpu/device.ts";
import { CorruptFileError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { GroupRecord } from "./events.ts";
import { parseRunRecipe } from "./run-recipe.ts";
import type { RunRecipe } from "./run-recipe.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"));
const duration = v.pipe(v.number(), v.minValue(0));

const proportion = {
  accuracy: v.number(),
  count,
  interval: v.tuple([v.number(), v.number()]),
};
const evaluation = v.object({
  ...proportion,
  byKind: v.record(v.string(), v.object(proportion)),
  thinking: v.number(),
  meanLength: v.number(),
  parts: v.record(v.string(), v.number()),
});

/** A step's line in run.json and metrics.jsonl; besides these its metrics by name. */
const stepSchema = v.objectWithRest(
  {
    /** From 0. */
    step: count,
    /** SHA-256 over the previous digest, the tokens drawn, the rewards, and loss, gradient norm and entropy. */
    digest: hash,
    /** Since the run began, over all its parts. */
    wallMs: duration,
  },
  v.union([v.number(), v.string()]),
);

const schema = v.object({
  format: v.literal(1),
  /** `version` of the kit, and of what it ran on, such as `node` and `webgpu`. */
  kit: v.objectWithRest({ version: v.string() }, v.string()),
  recipe: v.unknown(),
  /** The recipe's. */
  seed: count,
  model: v.string(),
  /** Whose system prompt chats began with: see `identifySystemPrompt`. Absent of runs before it was recorded. */
  systemPrompt: v.optional(
    v.object({ kind: v.picklist(["default", "wethink", "custom", "none"] as const), sha256: hash }),
  ),
  /** The device as DeviceInfo describes it. */
  adapter: v.record(v.string(), v.unknown()),
  /** Which variants of each kernel ran, by number: for the reader. Rollouts may take others in a run that was resumed. */
  variants: v.record(v.string(), v.array(count)),
  /** Variants that an autotuned device chose by timing, for {@link pinVariants}; empty without autotuning. */
  tuned: v.record(v.string(), count),
  steps: count,
  metrics: v.array(stepSchema),
  /** Greedy accuracy on held-out examples; null for a run without evaluations. */
  before: v.nullable(evaluation),
  after: v.nullable(evaluation),
  wallMs: duration,
  /** Of the adapter_model.safetensors, or of the model.safetensors where every weight was trained. */
  weightsSha256: hash,
});

/**
 * What run.json holds: all that is needed to run it again, and to tell whether that gave the same.
 * @interface
 */
export type RunRecord = Omit<v.InferOutput<typeof schema>, "recipe"> & { recipe: RunRecipe };
/** A step of a run: its number, digest and time, and its metrics by name. @interface */
export type RecordedStep = v.InferOutput<typeof stepSchema>;

/**
 * Reads run.json's content.
 * @throws CorruptFileError when it is no run record, InvalidOptionError when its recipe is none of this version.
 */
export function parseRunRecord(json: unknown, name = "run record"): RunRecord {
  const { recipe, ...record } = checked(name, schema, json);
  return { ...record, recipe: parseRunRecipe(recipe) };
}

/** Reads a line of metrics.jsonl. @throws CorruptFileError */
export function parseRecordedStep(json: unknown, name = "metrics"): RecordedStep {
  return checked(name, stepSchema, json);
}

function checked<S extends v.GenericSchema>(name: string, schema: S, json: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new CorruptFileError(
    `${name}: ${v.getDotPath(issue) ?? "content"}: got ${issue.received}, expected ${issue.expected ?? issue.message}`,
  );
}

/** A step as it is recorded. Metrics that are not finite, which JSON has no place for, are left out. */
export function recordedStep(
  step: number,
  metrics: Readonly<Record<string, number>>,
  { digest, wallMs }: { digest: string; wallMs: number },
): RecordedStep {
  const finite = Object.entries(metrics).filter(([, value]) => Number.isFinite(value));
  return { step, digest, wallMs: Math.round(wallMs), ...Object.fromEntries(finite) };
}

/** The metrics of a recorded step, without its number, digest and time. */
export function metricsOf(step: RecordedStep): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const [name, value] of Object.entries(step)) {
    if (typeof value === "number" && name !== "step" && name !== "wallMs") metrics[name] = value;
  }
  return metrics;
}

/** The digest before the first step. */
export const noDigest = "0".repeat(64);

/**
 * SHA-256 over the previous step's digest, every token drawn, every reward, and the bits of loss, gradient norm and
 * entropy. Two runs whose digests of a step agree did the same up to it; times are no part of it.
 */
export async function stepDigest(
  previous: string,
  groups: readonly GroupRecord[],
  { loss = NaN, grad_norm = NaN, entropy = NaN }: Readonly<Partial<Record<string, number>>>,
): Promise<string> {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const numbers = [loss, grad_norm, entropy];
  const drawn = rollouts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const bytes = new Uint8Array(32 + rollouts.length * 12 + drawn * 4 + numbers.length * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 32; i++) bytes[i] = parseInt(previous.slice(2 * i, 2 * i + 2), 16);
  let at = 32;
  const put = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const putFloat = (value: number) => {
    // NaN has many bit patterns, and platforms may differ in the one they write.
    if (Number.isNaN(value)) view.setBigUint64(at, 0x7ff8_0000_0000_0000n, true);
    else view.setFloat64(at, value, true);
    at += 8;
  };
  for (const { tokens, reward } of rollouts) {
    put(tokens.length);
    for (const token of tokens) put(token);
    putFloat(reward ?? NaN);
  }
  for (const value of numbers) putFloat(value);
  return sha256Hex(bytes);
}

/** Of an adapter's weights: the bytes of adapter_model.safetensors, as writeAdapter gives them. */
export function weightsSha256(adapterModel: Uint8Array): Promise<string> {
  return sha256Hex(adapterModel);
}

/** What a replay found out. */
export interface RunComparison {
  /** Every step and the final weights are the same, bit for bit. */
  same: boolean;
  /** The first step, from 0, whose digest differs, or that only one of the runs has; null when there is none. */
  firstDifferentStep: number | null;
  weightsMatch: boolean;
  /** The same GPU and driver, as far as they say: without that other bits are no wonder. */
  adapterMatches: boolean;
  /** The same choices of the autotuner, or of none. Other choices depend on the adapter and the kit alone. */
  variantsMatch: boolean;
  /** The same versions of the kit and of what it ran on. */
  kitMatches: boolean;
}

/** Compares a recorded run with another of the same recipe. */
export function compareRuns(recorded: RunRecord, replayed: RunRecord): RunComparison {
  const steps = Math.max(recorded.metrics.length, replayed.metrics.length);
  const numbers = Array.from({ length: steps }, (_, i) => i);
  const digest = ({ metrics }: RunRecord, i: number) => metrics.at(i)?.digest;
  const different = numbers.find((i) => digest(recorded, i) !== digest(replayed, i)) ?? null;
  const weightsMatch = recorded.weightsSha256 === replayed.weightsSha256;
  const adapter = ({ adapter }: RunRecord) => identity.map((key) => adapter[key] ?? null);
  return {
    same: different === null && weightsMatch,
    firstDifferentStep: different,
    weightsMatch,
    adapterMatches: equal(adapter(recorded), adapter(replayed)),
    variantsMatch: equal(sorted(recorded.tuned), sorted(replayed.tuned)),
    kitMatches: equal(sorted(recorded.kit), sorted(replayed.kit)),
  };
}

/** What of a DeviceInfo names the GPU, its driver and what kernels choose their variants by. */
const identity = ["vendor", "architecture", "device", "description", "f16", "subgroups", "subgroupMinSize"];

function sorted(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Makes a device take the variants that a recorded run's autotuner chose. Before any program is built. */
export function pinVariants(device: Device, { tuned }: Pick<RunRecord, "tuned">): void {
  for (const [key, variant] of Object.entries(tuned)) device.pinnedVariants.set(key, variant);
}

/** What ran on a device so far, for a record. Numbers of variants in ascending order. */
export function variantsOf(device: Device): Pick<RunRecord, "variants" | "tuned"> {
  const used = [...device.usedVariants].map(([kernel, numbers]): [string, number[]] => [
    kernel,
    [...numbers].sort((a, b) => a - b),
  ]);
  return {
    variants: Object.fromEntries(used.sort(([a], [b]) => (a < b ? -1 : 1))),
    tuned: Object.fromEntries(device.pinnedVariants),
  };
}
