/** Models as the page names them. Keys, the policy and the browser's own model are on the page's side. */
import type { Message } from "../../src/data/chat-template.ts";
import type { LanguageModel } from "../../src/language-models/language-model.ts";
import { openLanguageModel, type LanguageModelConfig } from "../../src/language-models/open.ts";
import {
  policyIdentity,
  policyModel,
  type GeneratingPolicy,
} from "../../src/language-models/policy-model.ts";
import { withOwnSignal } from "../transfer.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import type { SynthesisHost, SynthesisRequest } from "./synthesis-protocol.ts";

/** @throws as `openLanguageModel` does; InvalidOptionError for a policy that is not named. */
export async function openModel(
  config: LanguageModelConfig,
  host: SynthesisHost,
  policy?: SynthesisRequest["policy"],
): Promise<LanguageModel> {
  switch (config.kind) {
    case "openai":
      return openLanguageModel(config, { key: await host.key(config.baseUrl, config.model) });
    case "policy":
      if (!policy)
        throw new InvalidOptionError("policy", "no name of its weights", "one: answers are kept under it");
      return policyModel(pagePolicy(host), {
        adapter: config.adapter,
        name: config.name,
        identity: policyIdentity(policy.weights, config.adapter),
        mostTokens: policy.maxTokens,
      });
    case "built-in": {
      const { takesImages = false } = config;
      return {
        name: "the browser's own model",
        takesImages,
        ask: (messages, { signal, ...options } = {}) =>
          withOwnSignal(signal, (own) => host.askBuiltIn(takesImages, [...messages], options, own)),
      };
    }
  }
}

/** The policy of the page, whose engine is in another worker. */
export function pagePolicy(host: SynthesisHost): GeneratingPolicy {
  return {
    generate: (messages: readonly Message[], { signal, ...options } = {}) =>
      withOwnSignal(signal, (own) => host.generate([...messages], options, own)),
  };
}
