import { InvalidOptionError } from "../../util/errors.ts";
import { joinResponse, splitResponse } from "../wethink/tags.ts";
import {
  expectRow,
  expectText,
  extrasOf,
  readExtras,
  readImagePaths,
  withoutEmpty,
  type DataSample,
} from "./sample.ts";

/** A part of a message; the image itself is in the row's column. */
export type TrlPart = { type: "image" } | { type: "text"; text: string };

/** A turn of the chat. */
export interface TrlMessage {
  role: "system" | "user" | "assistant";
  content: string | TrlPart[];
}

/** A row as TRL's trainers take it. GRPO hands every column but the prompt and the images on to the reward functions. */
export interface TrlRow {
  prompt: string | TrlMessage[];
  /** The response to learn, for supervised training. */
  completion?: string | TrlMessage[];
  /** What TRL's own accuracy reward reads. */
  solution?: string;
  image?: string;
  images?: string[];
  [extra: string]: unknown;
}

/** How a sample is written for TRL. */
export interface TrlOptions {
  /** "conversational" (the default): messages, which the trainer puts through the chat template; "text": as it is. */
  prompt?: "conversational" | "text";
  /** "images" (the default): a list; "image": one path, for a data set of which every row has one image. */
  images?: "images" | "image";
  /** Whether the row has the response, for supervised training. Default false; the reasoning is then a column. */
  completion?: boolean;
  /** System prompt of every row that has none of its own. A prompt that is text has no place for it. */
  system?: string;
  /** Whether further columns hold the rest of the sample. Default true. */
  extras?: boolean;
}

const format = "TRL";

/**
 * The row of a sample. TRL puts images by the parts of messages and not by markers in texts, so nothing is escaped.
 * @throws InvalidOptionError for a column of one image and a sample that has not one.
 */
export function toTrl(sample: DataSample, options: TrlOptions = {}): TrlRow {
  const { problem, images, answer, refined_cot: reasoning } = sample;
  const { extras = true, completion = false } = options;
  if (options.images === "image" && images.length !== 1) {
    throw new InvalidOptionError(`${format} row: images`, images.length, 'one, for the column "image"');
  }
  const asText = options.prompt === "text";
  const response = joinResponse(reasoning ?? "", answer ?? "");
  return {
    prompt: asText ? problem : messagesOf(sample, options),
    ...(completion && { completion: asText ? response : [{ role: "assistant", content: response }] }),
    ...(answer !== undefined && { solution: answer }),
    ...(options.images === "image" ? { image: images[0] } : { images: [...images] }),
    ...(extras && !completion && reasoning !== undefined && { refined_cot: reasoning }),
    ...(extras && extrasOf(sample)),
  };
}

function messagesOf(sample: DataSample, options: TrlOptions): TrlMessage[] {
  const system = sample.system ?? options.system;
  const parts: TrlPart[] = [
    ...sample.images.map(() => ({ type: "image" as const })),
    { type: "text", text: sample.problem },
  ];
  return [
    ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
    { role: "user", content: parts },
  ];
}

/** The sample of a row, in any of the forms above. @throws InvalidOptionError for what is no such row. */
export function fromTrl(given: unknown): DataSample {
  const row = expectRow(format, given);
  const messages = readMessages(row, "prompt") ?? [{ role: "user", text: expectText(format, row, "prompt") }];
  const system = messages.find(({ role }) => role === "system")?.text;
  const questions = messages.filter(({ role }) => role === "user");
  if (questions.length !== 1) {
    throw new InvalidOptionError(`${format} row: prompt`, `${questions.length} turns of the user`, "one");
  }
  const response =
    row.completion === undefined || row.completion === null
      ? undefined
      : (readMessages(row, "completion")?.at(-1)?.text ?? expectText(format, row, "completion"));
  const split = response === undefined ? undefined : splitResponse(response);
  const gold = row.solution ?? row.answer ?? split?.answer;
  return withoutEmpty({
    problem: questions[0].text,
    answer:
      gold === undefined || gold === null ? undefined : expectText(format, { solution: gold }, "solution"),
    images: readImagePaths(format, row.images ?? row.image),
    refined_cot: typeof row.refined_cot === "string" ? row.refined_cot : split?.reasoning,
    system,
    ...readExtras(row),
  });
}

/** A column's messages with their text; undefined where it is a text. */
function readMessages(
  row: Readonly<Record<string, unknown>>,
  column: string,
): { role: string; text: string }[] | undefined {
  const value = row[column];
  if (!Array.isArray(value)) return undefined;
  return value.map((given: unknown) => {
    const message = expectRow(`${format} message of a`, given);
    const { content } = message;
    const role = expectText(format, message, "role");
    if (!Array.isArray(content)) return { role, text: expectText(format, message, "content") };
    const parts = content.map((part: unknown) => expectRow(`${format} part of a`, part));
    const texts = parts.filter(({ type }) => type === "text").map((part) => expectText(format, part, "text"));
    return { role, text: texts.join("") };
  });
}
