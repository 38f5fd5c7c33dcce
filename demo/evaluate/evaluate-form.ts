/** Who answers, who judges, and how it is asked: as it stands in the form. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { EvaluationRequest, EvaluationScoring } from "../../workers/client.ts";
import { keysOf, missingOfEndpoint } from "../components/endpoint-fields.tsx";
import type { EndpointDraft } from "../components/endpoint-fields.tsx";
import { session } from "../state/session.ts";

type Answerer = EvaluationRequest["answerer"];

class EvaluateForm {
  readonly answeredBy: Signal<"policy" | "base" | "openai"> = signal("policy");
  readonly endpoint: Signal<EndpointDraft> = signal(noEndpoint());
  /** What the policy's answers begin with. */
  readonly prefill: Signal<"" | "<think>" | "<answer>"> = signal("");
  readonly judgedBy: Signal<"none" | "openai" | "policy"> = signal("none");
  readonly judge: Signal<EndpointDraft> = signal(noEndpoint());
  readonly cutTags = signal(true);
  readonly system: Signal<"default" | "none" | "own"> = signal("default");
  readonly systemText = signal("");
  readonly maxTokens = signal(512);
  /** 0: all. */
  readonly limit = signal(0);
  readonly seed = signal(0);
  readonly split = signal("");
  readonly concurrency = signal(4);

  /** What is missing before anything can be asked; "" when nothing is. */
  readonly missing: ReadonlySignal<string> = computed(() => {
    const missing =
      this.answeredBy.value === "openai"
        ? missingOfEndpoint(this.endpoint.value, "The model that answers")
        : "";
    if (missing !== "") return missing;
    if (this.system.value === "own" && this.systemText.value.trim() === "")
      return "The system prompt is empty.";
    return this.missingOfJudge.value;
  });
  readonly missingOfJudge: ReadonlySignal<string> = computed(() =>
    this.judgedBy.value === "openai" ? missingOfEndpoint(this.judge.value, "The judge") : "",
  );

  /** For a table in the toy policy's own words, which knows no other ones. */
  suitToy(maxTokens: number): void {
    batch(() => {
      this.system.value = "none";
      this.maxTokens.value = maxTokens;
      this.limit.value = 0;
      this.split.value = "";
    });
  }

  asksPolicy(): boolean {
    return this.answeredBy.peek() !== "openai" || this.judgedBy.peek() === "policy";
  }

  answerer(): Answerer {
    const by = this.answeredBy.peek();
    if (by === "openai") return endpointOf(this.endpoint.peek());
    return {
      kind: "policy",
      name: session.title.peek(),
      steps: session.trainedSteps.peek(),
      ...(session.weights.peek() !== "" && { weights: session.weights.peek() }),
      adapter: by === "policy",
      prefill: this.prefill.peek(),
    };
  }

  /** How questions are chosen and asked. */
  options(): Pick<EvaluationRequest, "system" | "maxTokens" | "split" | "limit" | "seed"> {
    const system = this.system.peek();
    const limit = this.limit.peek();
    const split = this.split.peek().trim();
    return {
      ...(system !== "default" && { system: system === "none" ? null : this.systemText.peek() }),
      maxTokens: this.maxTokens.peek(),
      ...(split !== "" && { split }),
      ...(limit !== 0 && { limit }),
      seed: this.seed.peek(),
    };
  }

  scoring(): EvaluationScoring {
    const by = this.judgedBy.peek();
    return {
      cutTags: this.cutTags.peek(),
      ...(by === "openai" && { judge: endpointOf({ ...this.judge.peek(), takesImages: false }) }),
      ...(by === "policy" && { judge: { kind: "policy", name: session.model.peek() } }),
    };
  }

  /** See {@link keysOf}. */
  keys(): ReadonlyMap<string, string> {
    return keysOf([
      ...(this.judgedBy.peek() === "openai" ? [this.judge.peek()] : []),
      ...(this.answeredBy.peek() === "openai" ? [this.endpoint.peek()] : []),
    ]);
  }
}

function noEndpoint(): EndpointDraft {
  return { baseUrl: "", model: "", key: "", takesImages: true };
}

function endpointOf({ baseUrl, model, takesImages }: EndpointDraft): Extract<Answerer, { kind: "openai" }> {
  return { kind: "openai", baseUrl: baseUrl.trim(), model: model.trim(), takesImages };
}

export const evaluateForm = new EvaluateForm();
