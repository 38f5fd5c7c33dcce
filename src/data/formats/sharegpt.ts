import { InvalidOptionError } from "../../util/errors.ts";
import { escapeMarkers, stripImageMarkers, unescapeMarkers } from "../wethink/markers.ts";
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

/** A row of LLaMA-Factory's ShareGPT layout: one question, one response. */
export interface ShareGptRow {
  conversations: { from: "human" | "gpt"; value: string }[];
  images: string[];
  system?: string;
  [extra: string]: unknown;
}

/** How a sample is written for LLaMA-Factory. */
export interface ShareGptOptions {
  /** System prompt of every row that has none of its own. Default: none, as data and trainer say it. */
  system?: string;
  /** Whether columns that the trainer passes over hold the rest of the sample. Default true. */
  extras?: boolean;
}

const format = "ShareGPT";

/**
 * The row that trains a sample: a marker for each image, then the question; the reasoning in a think block and the
 * answer in an answer block. Markers that are words are escaped.
 */
export function toShareGpt(sample: DataSample, options: ShareGptOptions = {}): ShareGptRow {
  const { problem, answer = "", images, refined_cot: reasoning = "" } = sample;
  const system = sample.system ?? options.system;
  return {
    conversations: [
      { from: "human", value: `${"<image>\n".repeat(images.length)}${escapeMarkers(problem)}` },
      { from: "gpt", value: escapeMarkers(joinResponse(reasoning, answer)) },
    ],
    images: [...images],
    ...(system !== undefined && { system }),
    ...((options.extras ?? true) && extrasOf(sample)),
  };
}

/**
 * The sample of a row, in either of the names that LLaMA-Factory's examples give turns (`from` and `value`, `role` and
 * `content`).
 * @throws InvalidOptionError for a row that is no question with one response.
 */
export function fromShareGpt(given: unknown): DataSample {
  const row = expectRow(format, given);
  const turns = readTurns(row.conversations ?? row.messages);
  const first = turns[0]?.role === "system" ? turns.shift()?.text : undefined;
  const [question, response] = turns;
  if (turns.length !== 2 || question.role !== "user" || response.role !== "assistant") {
    throw new InvalidOptionError(
      `${format} row: turns`,
      turns.map(({ role }) => role),
      "one of the user, one of the assistant",
    );
  }
  const { reasoning, answer } = splitResponse(response.text);
  return withoutEmpty({
    problem: unescapeMarkers(stripImageMarkers(question.text).text),
    answer: unescapeMarkers(answer),
    images: readImagePaths(format, row.images),
    refined_cot: unescapeMarkers(reasoning),
    system: row.system === undefined || row.system === null ? first : expectText(format, row, "system"),
    ...readExtras(row),
  });
}

const roles: Readonly<Record<string, string>> = { human: "user", gpt: "assistant" };

function readTurns(value: unknown): { role: string; text: string }[] {
  if (!Array.isArray(value))
    throw new InvalidOptionError(`${format} row: conversations`, typeof value, "a list");
  return value.map((given: unknown) => {
    const turn = expectRow(`${format} turn of`, given);
    const from =
      turn.from === undefined ? expectText(format, turn, "role") : expectText(format, turn, "from");
    const text =
      turn.value === undefined ? expectText(format, turn, "content") : expectText(format, turn, "value");
    return { role: roles[from] ?? from, text };
  });
}

/** The entry that LLaMA-Factory's dataset_info.json needs for a file of such rows. */
export function shareGptDatasetInfo(name: string, fileName: string): Record<string, unknown> {
  return {
    [name]: {
      file_name: fileName,
      formatting: "sharegpt",
      columns: { messages: "conversations", images: "images", system: "system" },
    },
  };
}
