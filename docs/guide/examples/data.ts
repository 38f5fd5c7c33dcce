import {
  fileSource,
  folderImages,
  inspectDataset,
  readSamples,
  readWeThink,
  sampleLine,
} from "thinktab/engine";
import type { DataFile, ImageLookup, SampleFormat, WeThinkRecord } from "thinktab/engine";

// #region inspect
/** What is in a data set: a line for each kind of question, and one for each reason why rows are not taken. */
export async function contentsOf(file: DataFile, images?: ImageLookup): Promise<string[]> {
  const { rows, accepted, categories, rejected } = await inspectDataset(file, { images });
  return [
    `${accepted} of ${rows} rows`,
    ...categories.map(({ value, count }) => `${value}: ${count}`),
    ...Object.entries(rejected.byReason).map(([reason, count]) => `${reason}: ${count}`),
  ];
}

/** A file and the images beside it that a user picked: JSONL, JSON, Parquet or TSV. They stay where they are. */
export function picked(path: string, files: ReadonlyMap<string, Blob>): [DataFile, ImageLookup] {
  const source = fileSource(files);
  return [{ source, path }, folderImages(source)];
}
// #endregion

// #region search
/** The first records whose question has a word in it. Reading ends with the loop. */
export async function search(file: DataFile, word: string, most = 10): Promise<WeThinkRecord[]> {
  const found: WeThinkRecord[] = [];
  for await (const event of readWeThink(file)) {
    if (event.type === "rejected" || !event.row.record.problem.includes(word)) continue;
    if (found.push(event.row.record) === most) break;
  }
  return found;
}
// #endregion

// #region convert
/** The rows in another layout, a line at a time, from whichever layout the columns tell. */
export async function* linesOf(
  file: DataFile,
  to: Exclude<SampleFormat, "vlmevalkit">,
): AsyncGenerator<string> {
  for await (const event of readSamples(file)) {
    if (event.type === "rejected") console.log(`row ${event.rejected.number}: ${event.rejected.detail}`);
    else yield sampleLine(event.sample, to);
  }
}
// #endregion
