/** Who answers an evaluation's questions, and who judges the answers. */
import {
  faultOfQuestion,
  modelAnswerer,
  type Answerer,
  type GivenAnswer,
} from "../../src/evaluation/runs/answerer.ts";
import type { EvaluationJudge } from "../../src/evaluation/runs/judge-replies.ts";
import { recordedJudge } from "../../src/evaluation/runs/rescore.ts";
import { policyModel } from "../../src/language-models/policy-model.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import type { EvaluatedPolicy, EvaluationScoring, WireEvaluation } from "./evaluation-protocol.ts";
import { openModel, pagePolicy } from "./models.ts";
import type { SynthesisHost } from "./synthesis-protocol.ts";

/** Who answers, and what of it answers depend on beside its name. */
export async function openAnswerer(
  who: WireEvaluation["answerer"],
  host: SynthesisHost,
  concurrency?: number,
): Promise<{ answerer: Answerer; model: Record<string, string | number | boolean> }> {
  if (who.kind === "openai")
    return {
      answerer: modelAnswerer(await openModel(who, host), { concurrency }),
      model: { endpoint: who.baseUrl },
    };
  const { adapter, prefill, steps, weights } = who;
  return {
    answerer: policyOfPage(who, host),
    model: {
      adapter,
      // The base is the same whatever was trained on it.
      ...(adapter && { trainedSteps: steps }),
      ...(adapter && weights !== undefined && { weights }),
      ...(prefill !== "" && { prefill }),
    },
  };
}

/** Undefined: rules alone. */
export async function openJudge(
  judge: EvaluationScoring["judge"],
  host: SynthesisHost,
  store: BlobStore,
): Promise<EvaluationJudge | undefined> {
  if (judge === undefined) return undefined;
  if (judge === "recorded") return recordedJudge(store);
  if (judge.kind === "openai") return openModel(judge, host);
  const { name } = judge;
  // The base, which training leaves alone, so that what it replied holds after the next step.
  return policyModel(pagePolicy(host), {
    adapter: false,
    name: `${name}, without its adapter`,
    identity: `the base of ${name}`,
  });
}

/** One question at a time: the policy has one device. A question that it cannot take stays unanswered. */
function policyOfPage({ name, adapter, prefill }: EvaluatedPolicy, host: SynthesisHost): Answerer {
  const policy = pagePolicy(host);
  return {
    name,
    takesImages: true,
    batch: 1,
    concurrency: 1,
    answer: async (requests, { maxTokens, seed, ...sampling }, { signal } = {}) => {
      const answers: GivenAnswer[] = [];
      for (const { messages, position } of requests) {
        try {
          const [{ text, tokens, finishReason }] = await policy.generate(messages, {
            ...sampling,
            seed: seed + position,
            adapter,
            ...(prefill !== "" && { prefill }),
            maxNewTokens: maxTokens,
            signal,
          });
          answers.push({ text: prefill + text, tokens: tokens.length, finishReason });
        } catch (error) {
          const fault = faultOfQuestion(error);
          if (!fault) throw error;
          answers.push(fault);
        }
      }
      return answers;
    },
  };
}
