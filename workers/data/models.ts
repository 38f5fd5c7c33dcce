/** Models as the page names them. Keys, the policy and the browser's own model are on the page's side. */
import type { Message } from "../../src/data/chat-template.ts";
import type { LanguageModel } from "../../src/language-models/language-model.ts";
import { openLanguageModel, type LanguageModelConfig } from "../../src/language-models/open.ts";
import { policyModel, type GeneratingPolicy } from "../../src/language-models/policy-model.ts";
import type { SynthesisHost } from "./synthesis-protocol.ts";

/** @throws as `openLanguageModel` does. */
export async function openModel(config: LanguageModelConfig, host: SynthesisHost): Promise<LanguageModel> {
  switch (config.kind) {
    case "openai":
      return openLanguageModel(config, { key: await host.key(config.baseUrl) });
    case "policy":
      return policyModel(pagePolicy(host), { adapter: config.adapter, name: config.name });
    case "built-in": {
      const { takesImages = false } = config;
      return {
        name: "the browser's own model",
        takesImages,
        ask: (messages, { signal, ...options } = {}) =>
          host.askBuiltIn(takesImages, [...messages], options, signal),
      };
    }
  }
}

/** The policy of the page, whose engine is in another worker. */
export function pagePolicy(host: SynthesisHost): GeneratingPolicy {
  return {
    generate: (messages: readonly Message[], { signal, ...options } = {}) =>
      host.generate([...messages], options, signal),
  };
}
