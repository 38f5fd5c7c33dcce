/** The models that somebody names, and which of them plays which part of a synthesis. */
import { computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { SynthesisRequest } from "../../workers/client.ts";
import { keysOf, missingOfEndpoint } from "../components/endpoint-fields.tsx";
import type { EndpointDraft } from "../components/endpoint-fields.tsx";

/** A model of the user's, as it stands in the form. */
export interface ModelDraft extends EndpointDraft {
  id: number;
  kind: "openai" | "policy" | "built-in";
}

/** Parts that are played, with what they do. The first and the fourth look at the image. */
export const roles = [
  ["describer", "describes the image, and answers what is asked about it", true],
  ["asker", "asks what is missing, and writes the questions", false],
  ["filter", "finds questions that are no good", false],
  ["textAnswerer", "answers from the description", false],
  ["imageAnswerer", "answers from the image", true],
  ["adjudicator", "decides where the answers differ", false],
  ["rewriter", "makes the reasoning short", false],
] as const;
/** One of {@link roles}. */
export type Role = (typeof roles)[number][0];

type Configs = Exclude<SynthesisRequest["models"], "toy">;
type Config = NonNullable<Configs["default"]>;

class SynthesisModels {
  readonly drafts: Signal<readonly ModelDraft[]> = signal([draft(1, "openai")]);
  /** Ids of drafts; those that are not named play the first. */
  readonly casting: Signal<Readonly<Partial<Record<Role, number>>>> = signal({});
  #last = 1;

  /** What is missing before anything can be asked; "" when nothing is. */
  readonly missing: ReadonlySignal<string> = computed(() => {
    for (const [number, model] of this.drafts.value.entries()) {
      if (model.kind !== "openai") continue;
      const missing = missingOfEndpoint(model, `Model ${number + 1}`);
      if (missing !== "") return missing;
    }
    for (const [role, , sees] of roles) {
      const model = this.of(role);
      if (sees && !seesImages(model))
        return `The ${words(role)} has to look at images, and its model takes none.`;
    }
    return "";
  });

  add(kind: ModelDraft["kind"]): void {
    this.drafts.value = [...this.drafts.peek(), draft(++this.#last, kind)];
  }

  change(id: number, change: Partial<ModelDraft>): void {
    this.drafts.value = this.drafts
      .peek()
      .map((model) => (model.id === id ? { ...model, ...change } : model));
  }

  remove(id: number): void {
    this.drafts.value = this.drafts.peek().filter((model) => model.id !== id);
    const rest = Object.entries(this.casting.peek()).filter(([, model]) => model !== id);
    this.casting.value = Object.fromEntries(rest);
  }

  cast(role: Role, id: number): void {
    this.casting.value = { ...this.casting.peek(), [role]: id };
  }

  of(role: Role): ModelDraft {
    const id = this.casting.value[role];
    return this.drafts.value.find((model) => model.id === id) ?? this.drafts.value[0];
  }

  /** As the data worker takes them, without keys. */
  configs(): Configs {
    return Object.fromEntries(roles.map(([role]) => [role, configOf(this.of(role))]));
  }

  /** See {@link keysOf}. */
  keys(): ReadonlyMap<string, string> {
    return keysOf(this.drafts.peek().filter(({ kind }) => kind === "openai"));
  }
}

export function seesImages({ kind, takesImages }: ModelDraft): boolean {
  return kind === "policy" || takesImages;
}

/** For people: `text answerer`. */
export function words(role: Role): string {
  return role.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function titleOf({ kind, model }: ModelDraft, number: number): string {
  if (kind === "policy") return "the policy in this tab";
  if (kind === "built-in") return "the browser's own model";
  return model.trim() || `model ${number}`;
}

function draft(id: number, kind: ModelDraft["kind"]): ModelDraft {
  return { id, kind, baseUrl: "", model: "", key: "", takesImages: true };
}

function configOf({ kind, baseUrl, model, takesImages }: ModelDraft): Config {
  switch (kind) {
    case "openai":
      return { kind, baseUrl: baseUrl.trim(), model: model.trim(), takesImages };
    case "policy":
      return { kind };
    case "built-in":
      return { kind, takesImages };
  }
}

export const synthesisModels = new SynthesisModels();
