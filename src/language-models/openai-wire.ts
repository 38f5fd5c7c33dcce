/** What goes to and comes from a chat completions endpoint. https://platform.openai.com/docs/api-reference/chat */
import type { ContentPart, Message } from "../data/chat-template.ts";
import { imageDataUrl } from "./data-url.ts";
import type { AskOptions, JsonSchema, ModelAnswer } from "./language-model.ts";
import { isRecord } from "../util/is-record.ts";

/** How an endpoint wants to be asked. */
export interface Dialect {
  model: string;
  maxTokensField: "max_tokens" | "max_completion_tokens";
  omit: readonly ("temperature" | "seed")[];
  /** Ask for `response_format` where a schema is given. */
  structured: boolean;
}

/** The messages with their images as `data:` URLs. An image that was given as a web address stays one. */
export async function wireMessages(messages: readonly Message[], signal?: AbortSignal): Promise<unknown[]> {
  return Promise.all(
    messages.map(async ({ role, content }) => ({
      role,
      content:
        typeof content === "string"
          ? content
          : await Promise.all(content.map((part) => wirePart(part, signal))),
    })),
  );
}

async function wirePart(part: ContentPart, signal: AbortSignal | undefined): Promise<unknown> {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "image_url" && /^(data:image\/|https?:)/i.test(part.image_url.url)) return part;
  const image = part.type === "image" ? part.image : part.image_url.url;
  return { type: "image_url", image_url: { url: await imageDataUrl(image, signal) } };
}

/** The body of a request. */
export function requestBody(messages: readonly unknown[], options: AskOptions, dialect: Dialect): string {
  const { maxTokens, temperature, seed, schema } = options;
  return JSON.stringify({
    model: dialect.model,
    messages,
    stream: false,
    ...(maxTokens !== undefined && { [dialect.maxTokensField]: maxTokens }),
    ...(temperature !== undefined && !dialect.omit.includes("temperature") && { temperature }),
    ...(seed !== undefined && !dialect.omit.includes("seed") && { seed }),
    ...(schema !== undefined && dialect.structured && { response_format: responseFormat(schema) }),
  });
}

function responseFormat(schema: JsonSchema) {
  const title = typeof schema.title === "string" ? schema.title.replace(/[^A-Za-z0-9_-]+/g, "_") : "";
  return { type: "json_schema", json_schema: { name: title.slice(0, 64) || "answer", schema } };
}

/** An answer that was read, or why it is none. `again`: another try may bring one. */
export type WireAnswer = { answer: ModelAnswer } | { problem: string; again: boolean };

/** Reads a body of status 200. */
export function readAnswer(body: string): WireAnswer {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { problem: `the body is not JSON: ${body}`, again: true };
  }
  if (!isRecord(json)) return { problem: "the body is not an object", again: true };
  if (json.error !== undefined && json.error !== null)
    return { problem: `it says ${JSON.stringify(json.error)}`, again: true };
  const choice: unknown = Array.isArray(json.choices) ? json.choices[0] : undefined;
  if (!isRecord(choice) || !isRecord(choice.message)) return { problem: "it holds no choice", again: true };
  const { message, finish_reason: finish } = choice;
  if (typeof message.refusal === "string" && message.refusal !== "")
    return { problem: `the model refused: ${message.refusal}`, again: false };
  if (finish === "content_filter")
    return { problem: "the endpoint's filter held the answer back", again: false };
  const text = contentText(message.content);
  const reasoning = message.reasoning_content ?? message.reasoning;
  if (text === null || text.trim() === "") {
    return finish === "length"
      ? { problem: "the limit of tokens was reached before the answer began", again: false }
      : { problem: "the answer is empty", again: true };
  }
  const usage = isRecord(json.usage) ? json.usage : {};
  const promptTokens = count(usage.prompt_tokens);
  const completionTokens = count(usage.completion_tokens);
  return {
    answer: {
      text,
      ...(promptTokens !== undefined && { promptTokens }),
      ...(completionTokens !== undefined && { completionTokens }),
      ...(typeof reasoning === "string" && reasoning !== "" && { reasoning }),
      ...((finish === "stop" || finish === "length") && { finishReason: finish }),
    },
  };
}

/** A string, or the text parts of a list, as some endpoints send it. */
function contentText(content: unknown): string | null {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return null;
  return content
    .map((part: unknown) => (isRecord(part) && typeof part.text === "string" ? part.text : ""))
    .join("");
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
