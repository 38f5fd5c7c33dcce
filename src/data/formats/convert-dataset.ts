import { CorruptFileError, InvalidOptionError, MissingFileError } from "../../util/errors.ts";
import { safeImagePath } from "../images/lookup.ts";
import type { DataFile } from "../rows/rows.ts";
import type { RejectedRow, RejectReason } from "../wethink/record.ts";
import { readSamples, sampleLine, type ReadSamplesOptions } from "./convert.ts";
import type { DataSample, SampleFormat } from "./sample.ts";
import { isOptionLetter, VlmEvalWriter } from "./vlmevalkit.ts";

export interface ConvertDatasetOptions extends ReadSamplesOptions {
  to: SampleFormat;
  /** System prompt of the formats that have one. */
  system?: string;
  /** Yields the images, too, each once. Those that the file itself holds are yielded in any case, but into a table. */
  withImages?: boolean;
}

/** What a conversion gives, in order. */
export type ConvertedPart =
  | { type: "header"; text: string }
  /** A row and its line's end, behind its images. */
  | { type: "row"; text: string }
  | { type: "image"; path: string; bytes: Uint8Array }
  | { type: "rejected"; rejected: RejectedRow };

/** Endings of the formats' files. */
export function sampleFileEnding(format: SampleFormat): "tsv" | "jsonl" {
  return format === "vlmevalkit" ? "tsv" : "jsonl";
}

/**
 * A data set in another format, piece by piece. A table is read twice: its header has every letter that a row has an
 * option for.
 * @throws as {@link readSamples} does; a row that the format cannot hold, or whose image is not there, is rejected.
 */
export async function* convertDataset(
  file: DataFile,
  options: ConvertDatasetOptions,
): AsyncGenerator<ConvertedPart> {
  const { to, images, system, withImages = false, signal } = options;
  /** The images of the row in hand that are in the file itself. */
  let pixels: ReadonlyMap<string, Uint8Array> = new Map();
  const readImage = async (path: string): Promise<Uint8Array> => {
    const bytes = pixels.get(path) ?? (await images?.read(path, { signal }));
    if (!bytes)
      throw new InvalidOptionError(`image ${path}`, "no images", "the folder or archive that it is in");
    return bytes;
  };
  const table = to === "vlmevalkit" ? await tableWriter(file, options, readImage) : undefined;
  if (table) yield { type: "header", text: table.header() };
  const lines = { sharegpt: { system }, trl: { system } };
  const yielded = new Set<string>();
  for await (const event of readSamples(file, options)) {
    if (event.type === "rejected") {
      yield event;
      continue;
    }
    const { number, sample } = event;
    pixels = new Map(event.pixels?.map(({ path, bytes }) => [path, bytes]));
    const parts: ConvertedPart[] = [];
    try {
      const text = to === "vlmevalkit" ? await table!.row(sample) : `${sampleLine(sample, to, lines)}\n`;
      const wanted = sample.images.filter((path) => !yielded.has(path) && (withImages || pixels.has(path)));
      if (!table)
        for (const path of new Set(wanted))
          parts.push({ type: "image", path: safeImagePath(path), bytes: await readImage(path) });
      parts.push({ type: "row", text });
      for (const path of wanted) yielded.add(path);
    } catch (error) {
      const reason = rowFault(error);
      if (!reason) throw error;
      yield { type: "rejected", rejected: { number, reason, detail: (error as Error).message, row: sample } };
      continue;
    }
    yield* parts;
  }
}

/** Why a row is not written, where the fault is its own; of any other the conversion ends. */
function rowFault(error: unknown): RejectReason | undefined {
  if (error instanceof InvalidOptionError) return "wrong-type";
  return error instanceof MissingFileError || error instanceof CorruptFileError ? "missing-image" : undefined;
}

/** A table's header has every letter that any of its rows has an option for. */
async function tableWriter(
  file: DataFile,
  options: ReadSamplesOptions,
  readImage: (path: string) => Promise<Uint8Array>,
): Promise<VlmEvalWriter> {
  const letters = new Set<string>();
  let hasPixels = options.images !== undefined;
  for await (const event of readSamples(file, { ...options, images: undefined })) {
    if (event.type !== "sample") continue;
    for (const letter of optionLetters(event.sample)) letters.add(letter);
    hasPixels ||= event.pixels !== undefined;
  }
  return VlmEvalWriter.create({ options: [...letters].sort().join(""), ...(hasPixels && { readImage }) });
}

function optionLetters({ options = {} }: DataSample): string[] {
  return Object.keys(options).filter(isOptionLetter);
}
