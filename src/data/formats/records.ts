import { readWeThink, type ReadEvent } from "../wethink/reader.ts";
import { readSamples, type ReadSamplesOptions } from "./convert.ts";
import { recordOf, type SampleFormat } from "./sample.ts";
import type { DataFile } from "../rows/rows.ts";

/**
 * The rows of a file in any of the formats as WeThink records, to be looked at: of several images a record has the
 * first, and reasoning is asked for in WeThink's own files alone.
 * @throws as {@link readSamples} does
 */
export async function* readRecords(
  file: DataFile,
  options: ReadSamplesOptions & { from: SampleFormat },
): AsyncGenerator<ReadEvent> {
  if (options.from === "wethink") {
    yield* readWeThink(file, options);
    return;
  }
  const { images: lookup, signal } = options;
  for await (const event of readSamples(file, options)) {
    if (event.type === "rejected") {
      yield event;
      continue;
    }
    const { number, sample, pixels } = event;
    const record = recordOf({ ...sample, images: sample.images.slice(0, 1) });
    const own = pixels?.[0]?.bytes;
    const image = own
      ? () => Promise.resolve(own)
      : lookup && record.image_path !== ""
        ? () => lookup.read(record.image_path, { signal })
        : undefined;
    yield { type: "row", row: { record, number, ...(image && { image }) }, changes: [] };
  }
}
