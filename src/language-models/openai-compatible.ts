import type { Message } from "../data/chat-template.ts";
import { InvalidOptionError, LanguageModelError } from "../util/errors.ts";
import { pause } from "./abort.ts";
import { backoffMs, retryAfterMs, type Backoff } from "./backoff.ts";
import type { AskOptions, LanguageModel, ModelAnswer } from "./language-model.ts";
import { Limiter } from "./limiter.ts";
import { ModelMeter, type TokenPrices } from "./meter.ts";
import { readAnswer, requestBody, wireMessages, type Dialect } from "./openai-wire.ts";

/** An endpoint that speaks OpenAI's chat completions, as most do. Holds no secret: it may be stored and exported. */
export interface OpenAiConfig {
  kind: "openai";
  /** What `/chat/completions` is put behind, such as https://api.example.com/v1. No user, password or query in it. */
  baseUrl: string;
  /** As the endpoint names it. */
  model: string;
  /** Whether the model sees. Default false: images are refused here, before anything is sent. */
  takesImages?: boolean;
  /** Send a schema as `response_format`. Default true; an endpoint that refuses it is not asked for it again. */
  structured?: boolean;
  /** How the endpoint calls the limit of tokens. Default "max_tokens". */
  maxTokensField?: "max_tokens" | "max_completion_tokens";
  /** Options that the endpoint refuses: never sent. */
  omit?: readonly ("temperature" | "seed")[];
  /** Of one request, its body included. Default 120 000. */
  timeoutMs?: number;
  /** Requests made for one question before it fails. Default 5. */
  attempts?: number;
  /** Requests under way at a time. Default 4. */
  concurrency?: number;
  /** Longest wait that the endpoint may ask for by Retry-After; a longer one fails the question. Default 60 000. */
  maxRetryAfterMs?: number;
  prices?: TokenPrices;
}

/** What a configuration does not hold. */
export interface OpenAiHost {
  /** Kept in memory, sent as `Authorization: Bearer`, and never written anywhere, messages of errors included. */
  key?: string;
  /** Defaults to the platform's `fetch`. */
  fetch?: typeof fetch;
  backoff?: Backoff;
}

/** Characters of an endpoint's message that an error quotes. */
const quoted = 300;

/** A request that failed. */
interface Refusal {
  problem: string;
  again: boolean;
  /** It is for what the question holds. */
  ofQuestion?: boolean;
  retryAfterMs?: number | null;
  /** The endpoint does not take `response_format`. */
  unstructured?: boolean;
}

/**
 * A model behind an endpoint that the user named. Requests that fail by status 408, 429 or 5xx, by the network, by
 * their time or by an answer that is none are made again, with pauses that double or are as long as Retry-After says.
 * Redirects are not followed: the key goes to no other place than the user named.
 *
 * @throws InvalidOptionError for an address that is none or holds a secret, or a key that cannot be sent.
 */
export function openAiModel(config: OpenAiConfig, host: OpenAiHost = {}): LanguageModel {
  return new OpenAiModel(config, host);
}

class OpenAiModel implements LanguageModel {
  readonly name: string;
  readonly identity: string;
  readonly takesImages: boolean;
  readonly #config: OpenAiConfig;
  readonly #dialect: Dialect;
  readonly #url: string;
  readonly #key: string;
  readonly #host: OpenAiHost;
  readonly #limiter: Limiter;
  readonly #meter: ModelMeter;

  constructor(config: OpenAiConfig, { key = "", ...host }: OpenAiHost) {
    const { baseUrl, model } = config;
    this.#config = config;
    this.#host = host;
    this.#url = `${checkAddress(baseUrl)}/chat/completions`;
    this.#key = checkKey(key);
    this.#dialect = {
      model,
      maxTokensField: config.maxTokensField ?? "max_tokens",
      omit: config.omit ?? [],
      structured: config.structured ?? true,
    };
    this.#limiter = new Limiter(config.concurrency ?? 4);
    this.#meter = new ModelMeter(config.prices);
    this.name = model;
    this.identity = `${model} at ${baseUrl}`;
    this.takesImages = config.takesImages ?? false;
  }

  counters() {
    return this.#meter.read();
  }

  ask(messages: readonly Message[], options: AskOptions = {}): Promise<ModelAnswer> {
    const { signal } = options;
    return this.#meter.question(signal, async () => {
      refuseImages(this, messages);
      const wire = await wireMessages(messages, signal);
      const { attempts = 5, maxRetryAfterMs = 60_000 } = this.#config;
      for (let attempt = 1; ;) {
        const structured = this.#dialect.structured && options.schema !== undefined;
        const body = requestBody(wire, options, this.#dialect);
        const outcome = await this.#limiter.run(() => this.#request(body, signal), signal);
        if ("answer" in outcome) return outcome.answer;
        if (structured && outcome.unstructured) {
          this.#dialect.structured = false; // from now on; this try does not count
          this.#meter.retry();
          continue;
        }
        const { retryAfterMs: asked = null } = outcome;
        if (!outcome.again) throw this.#error(outcome.problem, outcome.ofQuestion);
        if (attempt === attempts) throw this.#error(`${outcome.problem}, after ${attempts} tries`);
        if (asked !== null && asked > maxRetryAfterMs) {
          const seconds = Math.ceil(asked / 1000);
          throw this.#error(`${outcome.problem}; it asks to wait ${seconds} s, longer than is allowed`);
        }
        await pause(Math.max(asked ?? 0, backoffMs(attempt, this.#host.backoff)), signal);
        this.#meter.retry();
        attempt++;
      }
    });
  }

  /** One request. Rejects only for the caller's signal. */
  async #request(body: string, signal: AbortSignal | undefined): Promise<{ answer: ModelAnswer } | Refusal> {
    const { timeoutMs = 120_000 } = this.#config;
    const late = AbortSignal.timeout(timeoutMs);
    const request = this.#host.fetch ?? fetch;
    const begin = performance.now();
    try {
      const response = await request(this.#url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Accept: "application/json",
          ...(this.#key !== "" && { Authorization: `Bearer ${this.#key}` }),
        },
        body,
        signal: signal ? AbortSignal.any([signal, late]) : late,
        redirect: "manual",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        cache: "no-store",
      });
      const text = await response.text();
      if (response.status !== 200) return this.#refusal(response, text);
      const read = readAnswer(text);
      if ("problem" in read)
        return { problem: this.#quote(read.problem), again: read.again, ofQuestion: !read.again };
      this.#meter.latency(performance.now() - begin);
      return read;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (late.aborted) return { problem: `no answer within ${timeoutMs} ms`, again: true };
      return { problem: `the request failed (${this.#quote(reasonOf(error))})`, again: true };
    }
  }

  #refusal({ status, type, headers }: Response, text: string): Refusal {
    if (type === "opaqueredirect" || (status >= 300 && status < 400))
      return { problem: "the endpoint redirects to another address: give that one", again: false };
    const said = this.#quote(text);
    const problem = `got status ${status}${said && `: ${said}`}`;
    // OpenAI's way to say that there is nothing to wait for.
    const spent = /insufficient_quota/.test(text);
    return {
      problem,
      again: !spent && (status === 408 || status === 429 || status >= 500),
      retryAfterMs: retryAfterMs(headers.get("Retry-After")),
      ofQuestion:
        [400, 413, 422].includes(status) &&
        /content.?(filter|policy)|moderation|safety|context.?length|too (long|large)/i.test(text),
      unstructured: (status === 400 || status === 422) && /response_format|json_schema/.test(text),
    };
  }

  /** The beginning of what came from outside. An endpoint may send back what it was sent: the key is taken out. */
  #quote(text: string): string {
    const forms = this.#key === "" ? [] : [this.#key, JSON.stringify(this.#key).slice(1, -1)];
    const clean = forms.reduce((rest, form) => rest.replaceAll(form, "[key]"), text);
    const line = clean.replace(/\s+/g, " ").trim();
    return line.length > quoted ? `${line.slice(0, quoted)}…` : line;
  }

  /** Without a cause: what `fetch` throws may quote what was sent. */
  #error(problem: string, ofQuestion?: boolean): LanguageModelError {
    return new LanguageModelError(`${this.name} at ${this.#config.baseUrl}: ${problem}`, { ofQuestion });
  }
}

/** @throws InvalidOptionError for images given to a model that takes none. */
export function refuseImages(model: LanguageModel, messages: readonly Message[]): void {
  if (model.takesImages) return;
  const images = messages.flatMap(({ content }) =>
    typeof content === "string" ? [] : content.filter(({ type }) => type !== "text"),
  );
  if (images.length > 0)
    throw new InvalidOptionError(
      `${model.name}: images`,
      images.length,
      "none: the model is not marked as taking images",
    );
}

/** The address without space around it and the slash at its end. Never quoted where it may hold a secret. */
function checkAddress(given: string): string {
  const baseUrl = given.trim();
  if (!URL.canParse(baseUrl) || !/^https?:\/\//i.test(baseUrl))
    throw new InvalidOptionError(
      "baseUrl",
      "another text",
      "an address that begins with https:// or http://",
    );
  const { username, password, search, hash } = new URL(baseUrl);
  if (username || password || search || hash)
    throw new InvalidOptionError(
      "baseUrl",
      "an address with a user, password, query or fragment",
      "one without: it is stored; a key is given apart from it",
    );
  return baseUrl.replace(/\/+$/, "");
}

function checkKey(key: string): string {
  const trimmed = key.trim();
  if (/^[\x21-\x7e]*$/.test(trimmed)) return trimmed;
  throw new InvalidOptionError(
    "key",
    "characters that a header cannot hold",
    "letters, digits and signs of ASCII",
  );
}

/** What fetch threw, with the system's own words, which stand in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== ""
    ? `${error.message}: ${cause.message}`
    : error.message;
}
