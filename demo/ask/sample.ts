/** One response on its way, and what is known of it at its end. */
import { computed, signal } from "@preact/signals";
import type { Inspection, TextDelta } from "../../workers/client.ts";
import { visible } from "../components/format.ts";
import { splitResponse } from "../response.ts";

/** How a response ended. */
export type Ending = "stop" | "length" | "stopped";

export class Sample {
  readonly tokens: number[] = [];
  readonly logps: number[] = [];
  readonly #text = signal("");
  /** Null while more may come. */
  readonly ending = signal<Ending | null>(null);
  /** Each token as text, once the response has ended. */
  readonly tokenTexts = signal<readonly string[]>([]);
  /** Where its tokens look, once somebody asked. */
  readonly inspection = signal<Inspection | null>(null);
  readonly response = computed(() => splitResponse(visible(this.#text.value), this.ending.value !== null));

  /** @param prefill what the response was made to begin with; its tokens are the prompt's. */
  constructor(prefill: string) {
    this.#text.value = prefill;
  }

  get text(): string {
    return this.#text.peek();
  }

  add({ text, tokens, logps, finishReason }: TextDelta): void {
    this.tokens.push(...tokens);
    this.logps.push(...logps);
    this.#text.value += text;
    if (finishReason) this.ending.value = finishReason;
  }
}
