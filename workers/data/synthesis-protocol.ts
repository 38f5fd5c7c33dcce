/** A synthesis as a page asks its data worker for one. */
import type { Message } from "../../src/data/chat-template.ts";
import type { AskOptions, ModelAnswer } from "../../src/language-models/language-model.ts";
import type { LanguageModelConfig } from "../../src/language-models/open.ts";
import type { GenerateOptions } from "../../src/rollout/policy.ts";
import type { SynthesisRole } from "../../src/synthesis/stages.ts";
import type { SynthesisSettings } from "../../src/synthesis/synthesize.ts";

/** Pictures of the toy world, which the built-in model knows by heart. */
export interface ToyImages {
  count: number;
  seed: number;
}

/** What a synthesis is made from. Plain values, so that it can be kept and shown. */
export interface SynthesisRequest extends Omit<SynthesisSettings, "sampling"> {
  /** Tells syntheses apart in the browser's storage: the same name goes on where it was. */
  name: string;
  /** Encoded images by path, or the toy world's. */
  images: ReadonlyMap<string, Blob> | ToyImages;
  /** For each role, `default` for those that are not named; "toy" for the built-in model, which knows toy images alone. */
  models: Partial<Record<SynthesisRole | "default", LanguageModelConfig>> | "toy";
  /** Of the policy that `kind: "policy"` means; needed where it plays a role. */
  policy?: {
    /** Tells its weights apart, those of its adapter included: its answers are kept under this. */
    weights: string;
    /** Most tokens of its answers, whatever a stage asks for: half its context is a good choice. */
    maxTokens?: number;
  };
  /** Keeps questions that the policy in use is sometimes right about. */
  passRate?: {
    /** Which policy it is, and how far trained: its samples are kept under this. */
    policy: string;
    samples?: number;
    above?: number;
    below?: number;
    maxNewTokens?: number;
  };
}

/** Completions as the policy's host gives them. */
export type HostCompletion = { text: string; tokens: number[]; finishReason: "stop" | "length" };

/** What is on the page's side: keys, the policy, and the browser's own model. Either side may call it. */
export interface SynthesisHost {
  key(baseUrl: string, model: string): Promise<string | undefined>;
  generate(
    messages: Message[],
    options: Omit<GenerateOptions, "signal">,
    signal: AbortSignal | undefined,
  ): Promise<HostCompletion[]>;
  askBuiltIn(
    takesImages: boolean,
    messages: Message[],
    options: Omit<AskOptions, "signal">,
    signal: AbortSignal | undefined,
  ): Promise<ModelAnswer>;
}
