import {
  ContextLengthError,
  ImageTokenMismatchError,
  InvalidOptionError,
  UnsupportedModelError,
} from "../util/errors.ts";
import type { ChatTemplate, Message, RenderOptions } from "./chat-template.ts";
import { decodeImage, type ImageInput } from "./decode-image.ts";
import {
  mergedTokens,
  processImage,
  type Grid,
  type ImageProcessorConfig,
  type ProcessedImage,
} from "./image.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What turns a conversation into a model's input. */
export interface PromptEncoder {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  /** Null for a text model, which refuses images. */
  imageProcessor: ImageProcessorConfig | null;
  /** Longest prompt in tokens, the image tokens included. */
  maxTokens?: number;
  /** The token that stands for an image. Default `<|image_pad|>`. */
  imageToken?: string;
}

export interface EncodePromptOptions extends RenderOptions {
  signal?: AbortSignal;
}

/** A conversation as a model takes it; models/positions.ts gives its positions from `tokens` and `grids`. */
export interface EncodedPrompt {
  /** As the template rendered it, with one placeholder per image. */
  text: string;
  /** With each placeholder repeated t · h · w / mergeSize² times. */
  tokens: number[];
  /** One per image, in the order of the conversation. */
  images: ProcessedImage[];
  grids: Grid[];
}

/**
 * Renders a conversation, decodes and preprocesses its images, and writes out their placeholder tokens.
 * @throws ImageTokenMismatchError when the rendered text does not hold one placeholder per image (a template without
 *   images, or a placeholder written in a message's text), ContextLengthError, ImageDecodeError, and
 *   UnsupportedModelError for images given to a text model.
 */
export async function encodePrompt(
  encoder: PromptEncoder,
  messages: readonly Message[],
  options: EncodePromptOptions = {},
): Promise<EncodedPrompt> {
  const { tokenizer, template, imageProcessor, imageToken = "<|image_pad|>" } = encoder;
  if (messages.length === 0) throw new InvalidOptionError("messages", "none", "at least one");
  const inputs = imageInputs(messages);
  if (inputs.length > 0 && !imageProcessor) {
    throw new UnsupportedModelError(`prompt: got ${inputs.length} images, but the model takes text only`);
  }
  const text = template.render(messages, options);
  const ids = tokenizer.encode(text);
  const pad = tokenizer.idOf(imageToken);
  const pads = pad === null ? 0 : ids.filter((id) => id === pad).length;
  if (pads !== inputs.length) {
    throw new ImageTokenMismatchError(
      `prompt: got ${pads} ${imageToken} in the rendered text, expected ${inputs.length}, one per image`,
    );
  }

  const images: ProcessedImage[] = [];
  for (const input of inputs) {
    if (imageProcessor) images.push(processImage(await decodeImage(input, options), imageProcessor));
  }
  const tokens = expandImageTokens(ids, pad, images, imageProcessor?.mergeSize ?? 1);
  if (encoder.maxTokens !== undefined && tokens.length > encoder.maxTokens) {
    const ofImages = tokens.length - ids.length + pads;
    const advice = images.length > 0 ? "; a smaller maxPixels of the image processor gives fewer" : "";
    throw new ContextLengthError(
      `prompt: got ${tokens.length} tokens (${ofImages} of images), expected at most ${encoder.maxTokens}${advice}`,
    );
  }
  return { text, tokens, images, grids: images.map(({ grid }) => grid) };
}

/** The images of a conversation, in order. */
export function imageInputs(messages: readonly Message[]): ImageInput[] {
  return messages.flatMap(({ content }) =>
    typeof content === "string"
      ? []
      : content.flatMap((part): ImageInput[] => {
          if (part.type === "text") return [];
          return [part.type === "image" ? part.image : part.image_url.url];
        }),
  );
}

function expandImageTokens(
  ids: readonly number[],
  pad: number | null,
  images: readonly ProcessedImage[],
  mergeSize: number,
): number[] {
  let next = 0;
  return ids.flatMap((id) => {
    if (id !== pad || pad === null) return [id];
    return new Array<number>(mergedTokens(images[next++].grid, mergeSize)).fill(pad);
  });
}
