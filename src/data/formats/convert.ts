import { CorruptFileError, InvalidOptionError, ThinktabError } from "../../util/errors.ts";
import type { ImageLookup } from "../images/lookup.ts";
import { nameOf } from "../rows/data-file.ts";
import { detectFormat, readRows, type DataFile } from "../rows/rows.ts";
import { readWeThink, type ReadWeThinkOptions } from "../wethink/reader.ts";
import { type RejectedRow } from "../wethink/record.ts";
import { fromEasyR1, toEasyR1, type EasyR1Options } from "./easyr1.ts";
import { recordOf, sampleFormats, sampleOf, type DataSample, type SampleFormat } from "./sample.ts";
import { fromShareGpt, toShareGpt, type ShareGptOptions } from "./sharegpt.ts";
import { fromTrl, toTrl, type TrlOptions } from "./trl.ts";
import { fromVlmEval, readVlmEvalTsv, type VlmEvalRow } from "./vlmevalkit.ts";

export interface ReadSamplesOptions extends ReadWeThinkOptions {
  /** When left out: by the columns of the first row. */
  from?: SampleFormat;
}

/** Each row of a file gives one of these, in order. */
export type SampleEvent =
  | {
      type: "sample";
      number: number;
      sample: DataSample;
      /** The images that the row itself holds, which the sample's paths name. */
      pixels?: { path: string; bytes: Uint8Array }[];
    }
  | { type: "rejected"; rejected: RejectedRow };

/**
 * The samples of a file in any of the formats, one at a time.
 * @throws MissingFileError, CorruptFileError, InvalidOptionError where the format cannot be told
 */
export async function* readSamples(
  file: DataFile,
  options: ReadSamplesOptions = {},
): AsyncGenerator<SampleEvent> {
  const from = options.from ?? (await detectSampleFormat(file, options));
  if (from === "wethink") {
    for await (const event of readWeThink(file, options)) {
      if (event.type === "rejected") yield event;
      else yield { type: "sample", number: event.row.number, sample: sampleOf(event.row.record) };
    }
  } else if (from === "vlmevalkit") {
    for await (const row of readVlmEvalTsv(file, options)) yield await benchmarkSample(row);
  } else {
    const parse = { sharegpt: fromShareGpt, easyr1: fromEasyR1, trl: fromTrl }[from];
    for await (const raw of readRows(file, options)) {
      if ("error" in raw) {
        const { number, error: detail, text: row } = raw;
        yield { type: "rejected", rejected: { number, reason: "broken-json", detail, row } };
      } else {
        yield await parsedSample(raw.number, raw.value, parse, options.images);
      }
    }
  }
}

async function parsedSample(
  number: number,
  row: unknown,
  parse: (row: unknown) => DataSample,
  images: ImageLookup | undefined,
): Promise<SampleEvent> {
  const rejected = (reason: RejectedRow["reason"], detail: string): SampleEvent => ({
    type: "rejected",
    rejected: { number, reason, detail, row },
  });
  try {
    const sample = parse(row);
    if (sample.problem.trim() === "") return rejected("empty-problem", "the question is empty");
    for (const path of sample.images) {
      if (images && !(await images.has(path)))
        return rejected("missing-image", `${path}: not found in ${images.name}`);
    }
    return { type: "sample", number, sample };
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    return rejected(error.message.startsWith("image path") ? "unsafe-path" : "wrong-type", error.message);
  }
}

/** A sample has paths: what is in the table itself gets a name after its row. */
async function benchmarkSample(row: VlmEvalRow): Promise<SampleEvent> {
  const { number } = row;
  const sample = fromVlmEval(row);
  if (sample.images.length > 0) return { type: "sample", number, sample };
  try {
    const images = await row.images();
    const stem = row.index.replaceAll(/[^\w.-]/g, "_");
    const pixels = images.map((bytes, image) => ({
      path: `${stem}${images.length > 1 ? `-${image + 1}` : ""}.${imageEnding(bytes)}`,
      bytes,
    }));
    return { type: "sample", number, sample: { ...sample, images: pixels.map(({ path }) => path) }, pixels };
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error;
    return {
      type: "rejected",
      rejected: { number, reason: "missing-image", detail: error.message, row: row.columns },
    };
  }
}

/** By the bytes that a file of each kind begins with. */
function imageEnding(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "jpg";
  if (bytes[0] === 0x52 && bytes[8] === 0x57) return "webp";
  return bytes[0] === 0x47 ? "gif" : "png";
}

/** The format that a file's first row is in. @throws InvalidOptionError where it is none that is known. */
export async function detectSampleFormat(
  file: DataFile,
  options: ReadWeThinkOptions = {},
): Promise<SampleFormat> {
  const rows = { ...options, format: options.format ?? (await detectFormat(file, options)) };
  if (rows.format === "tsv") return "vlmevalkit";
  for await (const raw of readRows(file, rows)) {
    if ("error" in raw || typeof raw.value !== "object" || raw.value === null) continue;
    const has = (...columns: string[]) => columns.every((column) => column in (raw.value as object));
    if (has("conversations") || has("messages")) return "sharegpt";
    if (has("prompt")) return "trl";
    if (has("image_path") || has("refined_cot")) return "wethink";
    if (has("problem", "answer")) return "easyr1";
    throw new InvalidOptionError(
      `${nameOf(file)}: columns`,
      Object.keys(raw.value),
      `those of one of ${sampleFormats.join(", ")}`,
    );
  }
  throw new ThinktabError(`${nameOf(file)}: got no row, expected at least one`);
}

export interface WriteSampleOptions {
  sharegpt?: ShareGptOptions;
  easyr1?: EasyR1Options;
  trl?: TrlOptions;
}

/** A sample as a line of JSON in a format that is lines of JSON. */
export function sampleLine(
  sample: DataSample,
  to: Exclude<SampleFormat, "vlmevalkit">,
  options: WriteSampleOptions = {},
): string {
  switch (to) {
    case "wethink":
      return JSON.stringify(recordOf(sample));
    case "sharegpt":
      return JSON.stringify(toShareGpt(sample, options.sharegpt));
    case "easyr1":
      return JSON.stringify(toEasyR1(sample, options.easyr1));
    case "trl":
      return JSON.stringify(toTrl(sample, options.trl));
  }
}
