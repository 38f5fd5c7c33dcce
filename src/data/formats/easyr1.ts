import { escapeMarkers, stripImageMarkers, unescapeMarkers } from "../wethink/markers.ts";
import { expectRow, expectText, readImagePaths, withoutEmpty, type DataSample } from "./sample.ts";

/** A row as EasyR1 reads it. Further columns of lists would break its collator, so there are none. */
export interface EasyR1Row {
  /** With one `<image>` for each image. */
  problem: string;
  answer: string;
  /** Relative to `data.image_dir`. */
  images: string[];
}

/** How a sample is written for EasyR1. */
export interface EasyR1Options {
  /** What the reward function gets as its ground truth. Default: the answer. */
  answer?: (sample: DataSample) => string;
}

const format = "EasyR1";

/**
 * The row of a sample. It holds the question, the answer and the images; reasoning, category, abilities, reward and all
 * else have no place in it but what `options.answer` puts in the answer. Markers that are words are escaped: EasyR1
 * counts them.
 */
export function toEasyR1(sample: DataSample, options: EasyR1Options = {}): EasyR1Row {
  return {
    problem: `${"<image>\n".repeat(sample.images.length)}${escapeMarkers(sample.problem)}`,
    answer: options.answer?.(sample) ?? sample.answer ?? "",
    images: [...sample.images],
  };
}

/**
 * The sample of a row. Of an answer that is packed as JSON with a `gold` text, the gold is the answer.
 * @throws InvalidOptionError for what is no such row.
 */
export function fromEasyR1(given: unknown): DataSample {
  const row = expectRow(format, given);
  return withoutEmpty({
    problem: unescapeMarkers(stripImageMarkers(expectText(format, row, "problem")).text),
    answer: unpack(expectText(format, row, "answer")),
    images: readImagePaths(format, row.images),
  });
}

function unpack(answer: string): string {
  if (!answer.startsWith("{")) return answer;
  try {
    const packed = JSON.parse(answer) as Record<string, unknown>;
    return typeof packed.v === "number" && typeof packed.gold === "string" ? packed.gold : answer;
  } catch {
    return answer; // a set in braces, say
  }
}
