import * as v from "valibot";
import { InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import { createJudge, type Judge, type JudgeOptions } from "./judge.ts";
import type { PairScorer } from "./language-model.ts";
import type { OnnxHost } from "./onnx.ts";
import {
  openLanguageModel,
  openPairScorer,
  parseModelConfig,
  type ModelConfig,
  type ModelHost,
} from "./open.ts";

/** Which model judges, and how. Plain JSON without secrets: it is part of recipes, records and exports. */
export interface JudgeConfig {
  /** The policy judges without its adapter, whatever it says here, and sees no images while it is trained. */
  model: ModelConfig;
  /** Questions for one judgement, until a reply holds exactly one grade. Default 3. */
  attempts?: number;
  /** Judgements made at a time. Default 4. */
  concurrency?: number;
  /** Most tokens of a reply. Default 1024. */
  maxTokens?: number;
  /** For an ONNX model: from which scores on the tiers 0.5 and 1 are given. */
  thresholds?: { half: number; full: number };
}

/** What a judge's configuration does not hold. */
export interface JudgeHost extends ModelHost {
  cache?: JudgeOptions["cache"];
  signal?: AbortSignal;
  /** Opens an ONNX model in place of this thread: in a worker of its own. */
  openScorer?: (config: Extract<ModelConfig, { kind: "onnx" }>) => Promise<PairScorer>;
  /** For the scorer that is opened here. */
  onnx?: OnnxHost;
}

/** A judge, and what it holds. */
export interface OpenJudge extends Judge {
  /** Gives back what the model holds. */
  dispose(): void;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const settings = v.strictObject({
  model: v.custom<Record<string, unknown>>(isRecord, "a model's configuration"),
  attempts: v.optional(count),
  concurrency: v.optional(count),
  maxTokens: v.optional(count),
  thresholds: v.optional(v.strictObject({ half: v.number(), full: v.number() })),
});

/**
 * Checks a judge's configuration that came from a file; a field that is unknown, a key among them, is refused by its
 * name, and no value is quoted.
 * @throws InvalidOptionError
 */
export function parseJudgeConfig(value: unknown): JudgeConfig {
  const result = v.safeParse(settings, value);
  if (!result.success) {
    const [issue] = result.issues;
    const path = v.getDotPath(issue);
    const unknown = issue.expected === "never";
    throw new InvalidOptionError(
      path === null ? "judge" : `judge: ${path}`,
      unknown ? "a field that is unknown" : "another value",
      unknown ? ["only", ...Object.keys(settings.entries)] : (issue.expected ?? issue.message),
    );
  }
  const model = parseModelConfig(result.output.model);
  if (model.kind === "onnx" && !result.output.thresholds)
    throw new InvalidOptionError("judge: thresholds", "none", "half and full, on the scorer's scale");
  return { ...result.output, model };
}

/**
 * Opens the model and makes a judge of it.
 * @throws InvalidOptionError for a configuration that is none; LanguageModelError, MissingFileError, … as the model does.
 */
export async function openJudge(config: unknown, host: JudgeHost = {}): Promise<OpenJudge> {
  const { model, attempts, concurrency, maxTokens, thresholds } = parseJudgeConfig(config);
  const { cache, signal, openScorer, onnx, ...models } = host;
  const opened =
    model.kind === "onnx"
      ? await (openScorer?.(model) ?? openPairScorer(model, onnx))
      : await openLanguageModel(model.kind === "policy" ? { ...model, adapter: false } : model, models);
  // A policy that is trained holds the images of the step where its own would go.
  const judging = "ask" in opened && model.kind === "policy" ? { ...opened, takesImages: false } : opened;
  const dispose = () => opened.dispose?.();
  try {
    const judge = createJudge(judging, { attempts, concurrency, maxTokens, thresholds, cache, signal });
    return { ...judge, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
