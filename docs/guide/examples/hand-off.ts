import { easyR1Handoff, fileSource, folderImages, zipFiles } from "thinktab/engine";
import { metricsOfLog, readExperimentLog, type RunRecipe } from "thinktab/engine";

// #region out
/** Makes an archive for EasyR1 of picked files: `records.jsonl` and its images. */
export async function forEasyR1(picked: Map<string, Blob>, recipe: RunRecipe): Promise<Blob> {
  const source = fileSource(picked);
  const data = { file: { source, path: "records.jsonl" }, images: folderImages(source) };
  // Everything is checked here, before the first file: what EasyR1 would stop at is an error that names it.
  const handoff = await easyR1Handoff({ data, recipe, model: "Qwen/Qwen2.5-VL-3B-Instruct" });
  const parts: BlobPart[] = [];
  for await (const part of zipFiles(handoff.files())) parts.push(part as Uint8Array<ArrayBuffer>);
  return new Blob(parts, { type: "application/zip" });
}
// #endregion

// #region back
/** Rewards of a run that EasyR1 did, step by step, under the names that our runs have. */
export function rewardsOf(log: string): number[] {
  return metricsOfLog(readExperimentLog(log)).map((step) => step.reward);
}
// #endregion
