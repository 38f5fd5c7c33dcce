import { Template } from "@huggingface/jinja";
import { readJson, readText, type FileSource, type ReadOptions } from "../storage/source.ts";
import { CorruptFileError, InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import type { ImageInput } from "./decode-image.ts";

/** Words. */
export interface TextPart {
  type: "text";
  text: string;
}
/** As in OpenAI's chat API: a URL, `data:` included. */
export interface ImageUrlPart {
  type: "image_url";
  image_url: { url: string };
}
/** An image at hand. */
export interface ImagePart {
  type: "image";
  image: ImageInput;
}
/** A piece of a message: words or a picture. */
export type ContentPart = TextPart | ImageUrlPart | ImagePart;

/** One turn of a conversation, in the shape of OpenAI's chat API. */
export interface Message {
  role: "system" | "user" | "assistant";
  content: string | ContentPart[];
}

export interface RenderOptions {
  /** End with the opening of the assistant's turn, for it to be continued. Default true. */
  addGenerationPrompt?: boolean;
}

/** Turns a conversation into the text a model was trained on, one image placeholder per image. */
export interface ChatTemplate {
  render(messages: readonly Message[], options?: RenderOptions): string;
}

/**
 * The form of the Qwen2-VL and Qwen2.5-VL families: `<|im_start|>role`, newline, content, `<|im_end|>`, newline for
 * each turn; a default system turn when the conversation does not begin with one; an image as one `<|image_pad|>`
 * between `<|vision_start|>` and `<|vision_end|>`.
 */
export const qwenTemplate: ChatTemplate = {
  render(messages, { addGenerationPrompt = true } = {}) {
    checkMessages(messages);
    const turns = messages[0]?.role === "system" ? messages : [DEFAULT_SYSTEM, ...messages];
    const text = turns
      .map(({ role, content }) => `<|im_start|>${role}\n${contentText(content)}<|im_end|>\n`)
      .join("");
    return addGenerationPrompt ? `${text}<|im_start|>assistant\n` : text;
  },
};

const DEFAULT_SYSTEM: Message = { role: "system", content: "You are a helpful assistant." };

function contentText(content: Message["content"]): string {
  if (typeof content === "string") return content;
  return content
    .map((part) => (part.type === "text" ? part.text : "<|vision_start|><|image_pad|><|vision_end|>"))
    .join("");
}

/**
 * A Jinja template as models ship it. Images reach it as `{type: "image"}`, whatever they were given as.
 * @throws CorruptFileError when the template does not parse; `render` throws InvalidOptionError when it refuses the
 *   messages.
 */
export function jinjaTemplate(source: string, variables: Record<string, unknown> = {}): ChatTemplate {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new CorruptFileError(`chat template: ${String(cause)}`, { cause });
  }
  return {
    render(messages, { addGenerationPrompt = true } = {}) {
      checkMessages(messages);
      const plain = messages.map(({ role, content }) => ({
        role,
        content:
          typeof content === "string"
            ? content
            : content.map((part) =>
                part.type === "text" ? { type: "text", text: part.text } : { type: "image" },
              ),
      }));
      try {
        return template.render({ ...variables, messages: plain, add_generation_prompt: addGenerationPrompt });
      } catch (cause) {
        throw new InvalidOptionError("chat template", String(cause), "messages the template accepts");
      }
    },
  };
}

/**
 * The template of a model: `chat_template.jinja`, `chat_template.json` or `tokenizer_config.json`, in this order, as
 * transformers looks for it; {@link qwenTemplate} when none has one.
 */
export async function readChatTemplate(source: FileSource, options?: ReadOptions): Promise<ChatTemplate> {
  const config = await optionalJson(source, "tokenizer_config.json", options);
  const variables = { bos_token: tokenText(config.bos_token), eos_token: tokenText(config.eos_token) };
  if (await source.exists("chat_template.jinja", options)) {
    return jinjaTemplate(await readText(source, "chat_template.jinja", options), variables);
  }
  const own = (await optionalJson(source, "chat_template.json", options)).chat_template;
  const text = templateText(own) ?? templateText(config.chat_template);
  return text === undefined ? qwenTemplate : jinjaTemplate(text, variables);
}

/** @throws InvalidOptionError for an unknown role or part, as a template would silently render nothing for it. */
function checkMessages(messages: readonly Message[]): void {
  messages.forEach(({ role, content }, i) => {
    if (!["system", "user", "assistant"].includes(role)) {
      throw new InvalidOptionError(`messages[${i}].role`, role, "system, user or assistant");
    }
    if (typeof content === "string") return;
    if (!Array.isArray(content))
      throw new InvalidOptionError(`messages[${i}].content`, typeof content, "a string or parts");
    content.forEach(({ type }, j) => {
      if (!["text", "image", "image_url"].includes(type)) {
        throw new InvalidOptionError(`messages[${i}].content[${j}].type`, type, "text, image or image_url");
      }
    });
  });
}

/** A template, or the one named `default` of several. */
function templateText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  for (const entry of value as unknown[]) {
    if (isRecord(entry) && entry.name === "default" && typeof entry.template === "string")
      return entry.template;
  }
  return undefined;
}

/** Special tokens are given as text or as `{content}`. */
function tokenText(value: unknown): string {
  if (typeof value === "string") return value;
  return isRecord(value) && typeof value.content === "string" ? value.content : "";
}

async function optionalJson(
  source: FileSource,
  path: string,
  options?: ReadOptions,
): Promise<Record<string, unknown>> {
  const json = (await source.exists(path, options)) ? await readJson(source, path, options) : {};
  return isRecord(json) ? json : {};
}
