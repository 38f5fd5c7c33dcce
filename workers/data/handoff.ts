/** A data set made ready for training elsewhere, as one archive. */
import type { SampleFormat } from "../../src/data/formats/sample.ts";
import type { ImageLookup } from "../../src/data/images/lookup.ts";
import type { DataFile } from "../../src/data/rows/rows.ts";
import { easyR1Handoff } from "../../src/handoff/easyr1.ts";
import { metricsOfLog, readExperimentLog } from "../../src/handoff/experiment-log.ts";
import { zipFiles } from "../../src/handoff/files.ts";
import { llamaFactoryHandoff } from "../../src/handoff/llamafactory.ts";
import { trlHandoff } from "../../src/handoff/trl.ts";
import type { RecordedStep } from "../../src/train/run-record.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import type { HandedOff, HandOffOptions, ReadLog, ReportRows } from "./protocol.ts";

/** @throws ThinktabError naming everything that the other trainer would stop at. */
export async function handOff(
  file: DataFile,
  from: SampleFormat,
  images: ImageLookup | undefined,
  { to, recipe, model, set }: HandOffOptions,
  report: ReportRows,
  signal: AbortSignal | undefined,
): Promise<HandedOff> {
  const options = {
    data: { file, from, images, signal },
    ...(recipe && { recipe }),
    ...(model !== undefined && { model }),
    ...(set && { set }),
  };
  const handoff =
    to === "easyr1"
      ? await easyR1Handoff(options)
      : to === "trl"
        ? await trlHandoff(options)
        : await llamaFactoryHandoff(options);
  const parts: Blob[] = [];
  for await (const bytes of zipFiles(handoff.files())) {
    signal?.throwIfAborted();
    parts.push(new Blob([new Uint8Array(bytes)])); // a part may be kept on disk
    if (parts.length % 200 === 0) await report(parts.length);
  }
  const { counts, notes } = handoff;
  return { name: `thinktab-${to}.zip`, archive: new Blob(parts, { type: "application/zip" }), counts, notes };
}

/** @throws InvalidOptionError for a file without a step in it. */
export async function readLog(file: Blob): Promise<ReadLog> {
  const log = readExperimentLog(await file.text());
  if (log.steps.length === 0)
    throw new InvalidOptionError("experiment log", "no step", "EasyR1's experiment_log.jsonl, a line a step");
  return { steps: metricsOfLog(log) as RecordedStep[], restarts: log.restarts, broken: log.broken };
}
