import * as v from "valibot";
import { InvalidOptionError } from "../util/errors.ts";
import type { Backoff } from "./backoff.ts";
import { builtInModel, type BuiltInApi } from "./built-in.ts";
import type { LanguageModel, PairScorer } from "./language-model.ts";
import type { OnnxConfig, OnnxHost } from "./onnx.ts";
import { openAiModel, type OpenAiConfig } from "./openai-compatible.ts";
import { policyIdentity, policyModel, type GeneratingPolicy } from "./policy-model.ts";

/** The policy that is loaded, as it stands or without its adapter. */
export interface PolicyConfig {
  kind: "policy";
  /** False: the base, which training leaves alone. Default true. */
  adapter?: boolean;
  name?: string;
}

/** The browser's own model. */
export interface BuiltInConfig {
  kind: "built-in";
  /** Ask for one that sees. Default false. */
  takesImages?: boolean;
}

/** Which model answers. Plain JSON without secrets: it may be stored and exported. */
export type LanguageModelConfig = OpenAiConfig | PolicyConfig | BuiltInConfig;

/** {@link LanguageModelConfig}, or a scorer of pairs, which can judge and nothing else. */
export type ModelConfig = LanguageModelConfig | OnnxConfig;

/** What configurations do not hold. */
export interface ModelHost {
  /** The endpoint's key, or who knows it. Kept in memory only. */
  key?: string | ((config: OpenAiConfig) => string | undefined);
  /** The policy that `kind: "policy"` means. */
  policy?: GeneratingPolicy;
  /** Names its weights for caches, those of its adapter included. Absent: the model has the identity null. */
  policyIdentity?: string;
  /** Most tokens of its answers. */
  policyTokens?: number;
  /** In place of the platform's. */
  fetch?: typeof fetch;
  /** In place of the browser's. */
  builtIn?: BuiltInApi | null;
  backoff?: Backoff;
}

/**
 * Opens a model that answers prompts.
 * @throws InvalidOptionError for a configuration that is none, or a policy that is not there; LanguageModelError where
 *   the browser has no model.
 */
export async function openLanguageModel(
  config: LanguageModelConfig,
  host: ModelHost = {},
): Promise<LanguageModel> {
  const checked = parseModelConfig(config);
  switch (checked.kind) {
    case "openai": {
      const { fetch, backoff } = host;
      const key = typeof host.key === "function" ? host.key(checked) : host.key;
      return openAiModel(checked, { key, fetch, backoff });
    }
    case "policy": {
      const { adapter = true, name } = checked;
      if (!host.policy) throw new InvalidOptionError("model: policy", "none loaded", "a loaded policy");
      const { policyIdentity: weights, policyTokens: mostTokens } = host;
      const identity = weights === undefined ? null : policyIdentity(weights, adapter);
      return policyModel(host.policy, { adapter, name, identity, mostTokens });
    }
    case "built-in":
      return builtInModel({
        takesImages: checked.takesImages,
        ...(host.builtIn !== undefined && { api: host.builtIn }),
      });
    case "onnx":
      throw new InvalidOptionError("model: kind", "onnx, which scores pairs", "a kind that answers prompts");
  }
}

/** Opens a scorer of pairs; its code is loaded now, not before. @throws as `onnxPairScorer` does. */
export async function openPairScorer(config: OnnxConfig, host?: OnnxHost): Promise<PairScorer> {
  parseModelConfig(config);
  const { onnxPairScorer } = await import("./onnx.ts");
  return onnxPairScorer(config, host);
}

/**
 * Checks a configuration that came from a file. Values are not quoted in messages, as one of them may be a key that was
 * put in the wrong place; a field that is unknown, `key` and `apiKey` among them, is refused by its name.
 * @throws InvalidOptionError
 */
export function parseModelConfig(value: unknown): ModelConfig {
  const result = v.safeParse(modelConfig, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const unknown = issue.expected === "never";
  throw new InvalidOptionError(
    path ? `model: ${path}` : "model",
    unknown ? "a field that is unknown" : "another value",
    unknown && /key|token|secret|authori/i.test(path ?? "")
      ? "no secrets: this configuration is stored; the key is given apart from it"
      : unknown
        ? "only known fields"
        : (issue.expected ?? issue.message),
  );
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const price = v.pipe(v.number(), v.finite(), v.minValue(0));
const text = v.pipe(v.string(), v.minLength(1));
const modelConfig: v.GenericSchema<unknown, ModelConfig> = v.variant("kind", [
  v.strictObject({
    kind: v.literal("openai"),
    baseUrl: text,
    model: text,
    takesImages: v.optional(v.boolean()),
    structured: v.optional(v.boolean()),
    maxTokensField: v.optional(v.picklist(["max_tokens", "max_completion_tokens"])),
    omit: v.optional(v.array(v.picklist(["temperature", "seed"]))),
    timeoutMs: v.optional(count),
    attempts: v.optional(count),
    concurrency: v.optional(count),
    maxRetryAfterMs: v.optional(v.pipe(v.number(), v.minValue(0))),
    prices: v.optional(v.strictObject({ input: price, output: price })),
  }),
  v.strictObject({
    kind: v.literal("policy"),
    adapter: v.optional(v.boolean()),
    name: v.optional(text),
  }),
  v.strictObject({ kind: v.literal("built-in"), takesImages: v.optional(v.boolean()) }),
  v.strictObject({
    kind: v.literal("onnx"),
    url: text,
    file: v.optional(text),
    name: v.optional(text),
    withQuestion: v.optional(v.boolean()),
    output: v.optional(
      v.strictObject({
        form: v.picklist(["sigmoid", "softmax", "raw"]),
        index: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
      }),
    ),
    maxTokens: v.optional(count),
  }),
]);
