import { crc32 } from "../../util/crc32.ts";
import { CorruptFileError, InvalidOptionError, ThinktabError } from "../../util/errors.ts";
import { checkImagePath, safeImagePath } from "../images/lookup.ts";
import { nameOf } from "../rows/data-file.ts";
import { detectFormat, readRows, type DataFile } from "../rows/rows.ts";
import { readWeThink, type ReadWeThinkOptions } from "../wethink/reader.ts";
import { parseRecord, type RejectedRow } from "../wethink/record.ts";
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
    const names = new PixelNames();
    for await (const row of readVlmEvalTsv(file, options)) yield await benchmarkSample(row, names, options);
  } else {
    const parse = rowParsers[from];
    for await (const raw of readRows(file, options)) {
      if ("error" in raw) {
        const { number, error: detail, text: row } = raw;
        yield { type: "rejected", rejected: { number, reason: "broken-json", detail, row } };
      } else {
        yield await parsedSample(raw.number, raw.value, parse, options);
      }
    }
  }
}

/**
 * The sample of one row, as {@link readSamples} gave it before: for files whose rows are read again one by one.
 * @throws CorruptFileError for a row that is none: the file is another by now.
 */
export function sampleOfRow(row: unknown, from: Exclude<SampleFormat, "vlmevalkit">): DataSample {
  if (from === "wethink") {
    const parsed = parseRecord(row, { requireReasoning: false });
    if ("record" in parsed) return sampleOf(parsed.record);
    throw new CorruptFileError(`row: ${parsed.detail}, expected the WeThink record that was read before`);
  }
  try {
    const sample = rowParsers[from](row);
    return { ...sample, images: sample.images.map(safeImagePath) };
  } catch (cause) {
    if (!(cause instanceof InvalidOptionError)) throw cause;
    throw new CorruptFileError(`${cause.message}, as it was before`, { cause });
  }
}

const rowParsers = { sharegpt: fromShareGpt, easyr1: fromEasyR1, trl: fromTrl } as const;

async function parsedSample(
  number: number,
  row: unknown,
  parse: (row: unknown) => DataSample,
  options: ReadSamplesOptions,
): Promise<SampleEvent> {
  const rejected = (reason: RejectedRow["reason"], detail: string): SampleEvent => ({
    type: "rejected",
    rejected: { number, reason, detail, row },
  });
  try {
    const sample = parse(row);
    if (sample.problem.trim() === "") return rejected("empty-problem", "the question is empty");
    return await withCheckedPaths(number, sample, row, options);
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    return rejected("wrong-type", error.message);
  }
}

/** The sample with its images' paths as they are looked up; rejected for one that must not be, or is not there. */
async function withCheckedPaths(
  number: number,
  sample: DataSample,
  row: unknown,
  { images: lookup, checkImages = true, signal }: ReadSamplesOptions,
): Promise<SampleEvent> {
  const rejected = (reason: RejectedRow["reason"], detail: string): SampleEvent => ({
    type: "rejected",
    rejected: { number, reason, detail, row },
  });
  const images: string[] = [];
  for (const given of sample.images) {
    const checked = checkImagePath(given);
    if ("why" in checked) return rejected("unsafe-path", `image path ${given}: ${checked.why}`);
    if (lookup && checkImages && !(await lookup.has(checked.path, { signal })))
      return rejected("missing-image", `${checked.path}: not found in ${lookup.name}`);
    images.push(checked.path);
  }
  return { type: "sample", number, sample: { ...sample, images } };
}

/** A sample has paths: what is in the table itself keeps those it is given with, or gets a name after its row. */
async function benchmarkSample(
  row: VlmEvalRow,
  names: PixelNames,
  options: ReadSamplesOptions,
): Promise<SampleEvent> {
  const { number } = row;
  const sample = fromVlmEval(row);
  if (sample.problem.trim() === "") {
    const detail = "the question is empty";
    return { type: "rejected", rejected: { number, reason: "empty-problem", detail, row: row.columns } };
  }
  if (!row.hasPixels) return withCheckedPaths(number, sample, row.columns, options);
  try {
    const bytes = await row.images({ signal: options.signal });
    const images = names.name(row, sample.images, bytes);
    const pixels = images.map((path, image) => ({ path, bytes: bytes[image] }));
    return { type: "sample", number, sample: { ...sample, images }, pixels };
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error;
    return {
      type: "rejected",
      rejected: { number, reason: "missing-image", detail: error.message, row: row.columns },
    };
  }
}

/** Paths for the images that a table holds: none stands for two different ones. */
class PixelNames {
  /** What is under each path, by length and checksum. Paths in lower case: many file systems know no other. */
  readonly #taken = new Map<string, string>();

  /** The row's own paths where there is one for each image, else names after its index. */
  name({ index, number }: VlmEvalRow, given: readonly string[], images: readonly Uint8Array[]): string[] {
    const named = given.length === images.length && given.every((path) => "path" in checkImagePath(path));
    const own = given.map((path) => (named ? safeImagePath(path) : path));
    if (named && this.#take(own, images)) return own;
    for (let stem = index.replaceAll(/[^\w.-]/g, "_"); ; stem = `${stem}-${number}`) {
      const made = images.map((bytes, image) => {
        const count = images.length > 1 ? `-${image + 1}` : "";
        return `${stem}${count}.${imageEnding(bytes)}`;
      });
      if (this.#take(made, images)) return made;
    }
  }

  /** False where one of the paths is another image's. */
  #take(paths: readonly string[], images: readonly Uint8Array[]): boolean {
    const wanted = new Map<string, string>();
    for (const [at, path] of paths.entries()) {
      const key = path.toLowerCase();
      const mark = `${images[at].byteLength}-${crc32(images[at])}`;
      if ((wanted.get(key) ?? this.#taken.get(key) ?? mark) !== mark) return false;
      wanted.set(key, mark);
    }
    for (const [key, mark] of wanted) this.#taken.set(key, mark);
    return true;
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

/** How a sample is written in each format. */
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
