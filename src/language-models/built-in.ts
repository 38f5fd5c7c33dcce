import type { ContentPart, Message } from "../data/chat-template.ts";
import { LanguageModelError } from "../util/errors.ts";
import { untilAborted } from "./abort.ts";
import { imageFile } from "./data-url.ts";
import type { AskOptions, LanguageModel } from "./language-model.ts";
import { Limiter } from "./limiter.ts";
import { ModelMeter } from "./meter.ts";
import { refuseImages } from "./openai-compatible.ts";

/** The part of the browser's Prompt API that is used. https://webmachinelearning.github.io/prompt-api/ */
export interface BuiltInApi {
  /** Whether the model is there, can be downloaded, or neither. */
  availability(options?: BuiltInExpectations): Promise<string>;
  /** Begins a conversation. */
  create(options?: BuiltInExpectations & BuiltInCreateOptions): Promise<BuiltInSession>;
  /** Not in every context that has the API. */
  params?(): Promise<{ defaultTopK: number } | null>;
}

/** What goes in. */
export interface BuiltInExpectations {
  expectedInputs?: { type: "text" | "image" }[];
}

/** How a conversation begins. */
export interface BuiltInCreateOptions {
  initialPrompts?: BuiltInMessage[];
  temperature?: number;
  topK?: number;
  signal?: AbortSignal;
}

/** A turn, with pictures as files. */
export interface BuiltInMessage {
  role: Message["role"];
  content: ({ type: "text"; value: string } | { type: "image"; value: Blob })[];
}

/** A conversation. */
export interface BuiltInSession {
  /** Answers a turn. */
  prompt(
    input: BuiltInMessage[],
    options?: { signal?: AbortSignal; responseConstraint?: object },
  ): Promise<string>;
  /** Ends it. */
  destroy(): void;
}

/** What the browser offers, or null: only pages have it, not workers, and few browsers. */
export function builtInApi(): BuiltInApi | null {
  const found = (globalThis as { LanguageModel?: Partial<BuiltInApi> }).LanguageModel;
  return typeof found?.create === "function" && typeof found.availability === "function"
    ? (found as BuiltInApi)
    : null;
}

/** What is asked of the browser's model. */
export interface BuiltInOptions {
  /** Ask for a model that sees. Default false. */
  takesImages?: boolean;
  /** In place of the browser's. */
  api?: BuiltInApi | null;
}

/**
 * The browser's own model, one question at a time, each in a session of its own. It knows no seed and no limit of
 * tokens; a temperature counts where the page may set one; a schema holds. Tokens are not told.
 *
 * @throws LanguageModelError where the browser has none, or has not downloaded it: that needs a click, and `create`.
 */
export async function builtInModel({
  takesImages = false,
  api = builtInApi(),
}: BuiltInOptions = {}): Promise<LanguageModel> {
  if (!api)
    throw new LanguageModelError(
      "built-in model: this browser has none in this context; expected `LanguageModel` in a page (Chrome 148 or newer on a computer)",
    );
  const expectations: BuiltInExpectations = {
    expectedInputs: takesImages ? [{ type: "text" }, { type: "image" }] : [{ type: "text" }],
  };
  const availability = await api.availability(expectations);
  if (availability !== "available") throw new LanguageModelError(unavailable(availability, takesImages));
  return new BuiltInModel(api, expectations, takesImages);
}

function unavailable(availability: string, takesImages: boolean): string {
  const what = `built-in model${takesImages ? " that sees" : ""}: `;
  switch (availability) {
    case "downloadable":
      return `${what}the browser has not downloaded it; call \`LanguageModel.create()\` once from a click`;
    case "downloading":
      return `${what}the browser is downloading it; try again when it is there`;
    default:
      return `${what}the browser says "${availability}": this computer cannot run it`;
  }
}

class BuiltInModel implements LanguageModel {
  readonly name = "the browser's built-in model";
  /** The browser replaces the model without a word. */
  readonly identity = null;
  readonly #limiter = new Limiter(1);
  readonly #meter = new ModelMeter();

  constructor(
    private readonly api: BuiltInApi,
    private readonly expectations: BuiltInExpectations,
    readonly takesImages: boolean,
  ) {}

  counters() {
    return this.#meter.read();
  }

  ask(messages: readonly Message[], { signal, temperature, schema }: AskOptions = {}) {
    return this.#meter.question(signal, async () => {
      refuseImages(this, messages);
      const turn = this.#limiter.run(async () => {
        const input = await Promise.all(messages.map((message) => builtInMessage(message, signal)));
        const begin = performance.now();
        const text = await this.#prompt(input, signal, temperature, schema);
        this.#meter.latency(performance.now() - begin);
        return { text };
      }, signal);
      return await untilAborted(turn, signal);
    });
  }

  async #prompt(
    input: BuiltInMessage[],
    signal: AbortSignal | undefined,
    temperature: number | undefined,
    schema: AskOptions["schema"],
  ): Promise<string> {
    // The last turn is prompted; those before it are the session's beginning.
    const last = input.slice(-1);
    try {
      const session = await this.api.create({
        ...this.expectations,
        ...(await this.#sampling(temperature)),
        ...(input.length > 1 && { initialPrompts: input.slice(0, -1) }),
        signal,
      });
      try {
        return await session.prompt(last, { signal, ...(schema && { responseConstraint: schema }) });
      } finally {
        session.destroy();
      }
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new LanguageModelError(`${this.name}: ${String(cause)}`, { cause });
    }
  }

  /** Temperature and topK are taken together or not at all. */
  async #sampling(temperature: number | undefined): Promise<{ temperature?: number; topK?: number }> {
    if (temperature === undefined) return {};
    const params = await this.api.params?.();
    return params ? { temperature, topK: params.defaultTopK } : {};
  }
}

async function builtInMessage(
  { role, content }: Message,
  signal: AbortSignal | undefined,
): Promise<BuiltInMessage> {
  const parts: ContentPart[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return { role, content: await Promise.all(parts.map((part) => builtInPart(part, signal))) };
}

async function builtInPart(
  part: ContentPart,
  signal: AbortSignal | undefined,
): Promise<BuiltInMessage["content"][number]> {
  if (part.type === "text") return { type: "text", value: part.text };
  const image = part.type === "image" ? part.image : part.image_url.url;
  return { type: "image", value: await imageFile(image, signal) };
}
