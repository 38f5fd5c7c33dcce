/** A synthesis as a file describes it: which models play which roles, prompts, and settings. Holds no secrets. */
import * as v from "valibot";
import {
  openLanguageModel,
  parseModelConfig,
  type LanguageModelConfig,
  type ModelHost,
} from "../language-models/open.ts";
import type { LanguageModel } from "../language-models/language-model.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import {
  askingStages,
  seeingRoles,
  synthesisRoles,
  type AskingStage,
  type SynthesisModels,
  type SynthesisRole,
} from "./stages.ts";
import type { SynthesisSettings } from "./synthesize.ts";

/** A model, and the name of the environment variable that its key is in. */
export type RoleConfig = LanguageModelConfig & { keyEnv?: string };

/** A prompt as a file gives it: its words, or the file that they are in. See {@link parsePrompt}. */
export type PromptConfig = string | { file: string };

/** What a configuration file holds. */
export interface SynthesisConfig extends SynthesisSettings {
  /** For every role; `default` for those that are not named. */
  models: Partial<Record<SynthesisRole | "default", RoleConfig>>;
  prompts?: Partial<Record<AskingStage, PromptConfig>>;
  /** Filter by the policy's own pass rate. */
  passRate?: PassRateConfig;
}

/** See {@link PassRateFilter}. */
export interface PassRateConfig {
  samples?: number;
  above?: number;
  below?: number;
  /** Most tokens of a sample. Default 1024. */
  maxNewTokens?: number;
  /** Default 1. */
  temperature?: number;
  /** What a response begins with. */
  prefill?: string;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const temperature = v.pipe(v.number(), v.minValue(0));
const sampling = v.strictObject({ temperature: v.optional(temperature), maxTokens: v.optional(count) });
const prompt = v.union([
  v.pipe(v.string(), v.minLength(1)),
  v.strictObject({ file: v.pipe(v.string(), v.minLength(1)) }),
]);
const ofStages = <S extends v.GenericSchema>(schema: S) =>
  v.strictObject(v.entriesFromList(askingStages, v.optional(schema)));

const settings = v.strictObject({
  models: v.record(v.string(), v.unknown()),
  prompts: v.optional(ofStages(prompt)),
  questions: v.optional(count),
  turns: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  attempts: v.optional(count),
  concurrency: v.optional(count),
  failuresInARow: v.optional(count),
  graceMs: v.optional(v.pipe(v.number(), v.minValue(0))),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  sampling: v.optional(ofStages(sampling)),
  passRate: v.optional(
    v.strictObject({
      samples: v.optional(count),
      above: v.optional(share),
      below: v.optional(share),
      maxNewTokens: v.optional(count),
      temperature: v.optional(temperature),
      prefill: v.optional(v.string()),
    }),
  ),
});

/**
 * Checks a configuration that came from a file. A key in it is refused by the name of its field, never quoted.
 * @throws InvalidOptionError
 */
export function parseSynthesisConfig(value: unknown): SynthesisConfig {
  const result = v.safeParse(settings, value);
  if (!result.success) {
    const [issue] = result.issues;
    const unknown = issue.expected === "never";
    throw new InvalidOptionError(
      v.getDotPath(issue) ?? "configuration",
      unknown ? "a field that is unknown" : issue.input === undefined ? "nothing" : "another value",
      unknown ? "only known fields" : (issue.expected ?? issue.message),
    );
  }
  const names = [...synthesisRoles, "default"] as const;
  const { models, ...rest } = result.output;
  for (const name of Object.keys(models))
    if (!names.some((each) => each === name))
      throw new InvalidOptionError("models", `the role ${name}`, names);
  for (const role of synthesisRoles)
    if (!Object.hasOwn(models, role) && !Object.hasOwn(models, "default"))
      throw new InvalidOptionError(
        `models.${role}`,
        "nothing",
        `a model, or one for all roles as models.default`,
      );
  const parsed = Object.entries(models).map(([role, config]) => [role, parseRole(role, config)] as const);
  return { models: Object.fromEntries(parsed), ...rest };
}

function parseRole(role: string, value: unknown): RoleConfig {
  const { keyEnv, ...rest } = isRecord(value) ? value : {};
  if (keyEnv !== undefined && !(typeof keyEnv === "string" && /^[A-Z_][A-Z0-9_]{0,63}$/.test(keyEnv)))
    throw new InvalidOptionError(
      `models.${role}.keyEnv`,
      "another value",
      "the name of an environment variable in capitals, such as MY_API_KEY: never a key",
    );
  let config;
  try {
    config = parseModelConfig(isRecord(value) ? rest : value);
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    throw new InvalidOptionError(`models.${role}`, ...after(error.message));
  }
  if (config.kind === "onnx")
    throw new InvalidOptionError(
      `models.${role}`,
      "kind onnx, which scores pairs",
      "a kind that answers prompts",
    );
  if (keyEnv !== undefined && config.kind !== "openai")
    throw new InvalidOptionError(
      `models.${role}.keyEnv`,
      `a ${config.kind} model`,
      "an endpoint (kind openai)",
    );
  return { ...config, ...(keyEnv !== undefined && { keyEnv }) };
}

/** The two halves of another message: "model: field: got X, expected Y". */
function after(message: string): [got: string, expected: string] {
  const [, field = "", got = message, expected = ""] =
    /^model(?:: )?(.*?): got ([^]*), expected ([^]*)$/.exec(message) ?? [];
  return [field === "" ? got : `${field} with ${got}`, expected];
}

/**
 * Opens the models of all roles. Roles of equal configuration share one model, and with it its limit of requests.
 * @param hostOf what a model's configuration does not hold: its key, a policy.
 * @throws as `openLanguageModel` does; InvalidOptionError for a model that cannot see where it has to.
 */
export async function openSynthesisModels(
  { models }: Pick<SynthesisConfig, "models">,
  hostOf: (config: RoleConfig) => ModelHost | Promise<ModelHost> = () => ({}),
): Promise<SynthesisModels> {
  return openRoles(models, async (config) => {
    const plain = { ...config };
    delete plain.keyEnv;
    return openLanguageModel(plain, await hostOf(config));
  });
}

/**
 * The models of all roles, opened by `open`; see {@link openSynthesisModels}.
 * @throws as `open` does; InvalidOptionError for a role without a model, or a model that cannot see where it has to.
 */
export async function openRoles<Config extends LanguageModelConfig>(
  models: Partial<Record<SynthesisRole | "default", Config>>,
  open: (config: Config) => Promise<LanguageModel>,
): Promise<SynthesisModels> {
  const opened = new Map<string, Promise<LanguageModel>>();
  const entries = synthesisRoles.map(async (role) => {
    const config = models[role] ?? models.default;
    if (!config) throw new InvalidOptionError(`models.${role}`, "nothing", "a model");
    if (seeingRoles.includes(role) && config.kind !== "policy" && config.takesImages !== true)
      throw new InvalidOptionError(
        `models.${role}.takesImages`,
        "a model that is not marked as seeing",
        "takesImages: true, as this role looks at the image",
      );
    const name = JSON.stringify(config);
    const model = opened.get(name) ?? open(config);
    opened.set(name, model);
    return [role, await model] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<SynthesisRole, LanguageModel>;
}
