/** Synthesis as a page has it: the data worker asks the models; the page holds keys, policy and the browser's own model. */
import { proxy } from "comlink";
import type { ProxyMarked } from "comlink";
import type { LanguageModel } from "../src/language-models/language-model.ts";
import type { GeneratingPolicy } from "../src/language-models/policy-model.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import type { SynthesisHost } from "./data/synthesis-protocol.ts";

export type { SynthesisRequest, ToyImages } from "./data/synthesis-protocol.ts";

/** What a {@link SynthesisRequest} does not hold. */
export interface SynthesisClientOptions {
  /**
   * Of endpoints, by base URL; or by base URL, a space and the model's name, for models with keys of their own.
   * Kept in memory only.
   */
  keys?: ReadonlyMap<string, string>;
  /** What `kind: "policy"` means, and whose pass rate is measured. */
  policy?: GeneratingPolicy;
  signal?: AbortSignal;
}

/** The page's side of a synthesis, for the data worker to call. */
export function synthesisHost({ keys, policy }: SynthesisClientOptions): SynthesisHost & ProxyMarked {
  const builtIn = new Map<boolean, Promise<LanguageModel>>();
  return proxy({
    key: (baseUrl, model) => Promise.resolve(keys?.get(`${baseUrl} ${model}`) ?? keys?.get(baseUrl)),
    generate: async (messages, options, signal) => {
      if (!policy) throw new InvalidOptionError("model: policy", "none loaded", "a loaded policy");
      const completions = await policy.generate(messages, { ...options, signal });
      return completions.map(({ text, tokens, finishReason }) => ({
        text,
        tokens: [...tokens],
        finishReason,
      }));
    },
    askBuiltIn: async (takesImages, messages, options, signal) => {
      const model = builtIn.get(takesImages) ?? openBuiltIn(takesImages);
      builtIn.set(takesImages, model);
      return (await model).ask(messages, { ...options, signal });
    },
  } satisfies SynthesisHost);
}

async function openBuiltIn(takesImages: boolean): Promise<LanguageModel> {
  const { builtInModel } = await import("../src/language-models/built-in.ts");
  return builtInModel({ takesImages });
}
