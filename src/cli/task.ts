/** A recipe's task with what Node gives: files by their paths, and what rewards a record. */
import { pathToFileURL } from "node:url";
import { loadMathEngine } from "../rl/verifiers/math-engine.ts";
import { loadTask } from "../tasks/module.ts";
import type { RecordsReport } from "../tasks/records.ts";
import type { TaskSpec } from "../tasks/registry.ts";
import { recordsTaskName, type Task } from "../tasks/task.ts";
import { openDataFile, openImages } from "./data-files.ts";
import type { Progress } from "./format.ts";

export interface OpenTaskOptions {
  /** The environment's variable that has the key of a judge's endpoint. */
  keyVariable?: string;
  progress: Progress;
  signal: AbortSignal;
}

/** Paths and a module's relative address are relative to where the command runs. */
export async function openTask(
  spec: TaskSpec,
  { progress, signal }: OpenTaskOptions,
): Promise<{ task: Task; notes: string[] }> {
  if (spec.name !== recordsTaskName) {
    const base = pathToFileURL(`${process.cwd()}/`).href;
    return { task: await loadTask(spec, { base }), notes: [] };
  }
  progress.show("reading the records");
  const task = await loadTask(spec, {
    records: {
      openData: openDataFile,
      openImages: (path) => openImages(path, { signal }),
      services: { math: loadMathEngine, signal },
      signal,
      onProgress: (rows) => progress.show("reading the records", `${rows} rows`),
    },
  });
  progress.clear();
  return { task, notes: "report" in task ? describeRejected(task.report as RecordsReport) : [] };
}

/** Said once, before the run. */
function describeRejected({ rejected }: RecordsReport): string[] {
  const [first] = rejected.listed;
  if (!first) return [];
  const count = `${rejected.total} row${rejected.total === 1 ? " was" : "s were"} rejected`;
  return [
    `${count}, the first of them row ${first.number}: ${first.detail}. ` +
      "`thinktab data inspect` lists them all, with their reasons.",
  ];
}
