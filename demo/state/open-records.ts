/** The records that are open in the tab Data, as what trains on them takes them. */
import { signal } from "@preact/signals";
import type { DataFiles, DatasetFiles, RunRecipe, TaskSpec } from "../../workers/client.ts";

/** The files of the data set that is open; null when none is. */
export const openFiles = signal<DatasetFiles | null>(null);

const recordsTask = "records";

/** What the task `records` is told of a data set: where it is, or the files themselves. */
export interface RecordsSpec {
  data: unknown;
  images?: unknown;
  from?: DatasetFiles["format"];
}

/** Sizes stay in a saved run, whose files do not: other files of the same name are told apart. */
export function recordsSpec({ data, images, format }: DatasetFiles): RecordsSpec {
  return {
    data: oneFile(data),
    ...(images !== undefined && { images: severalFiles(images) }),
    ...(format !== undefined && { from: format }),
  };
}

function oneFile(files: DataFiles): unknown {
  if (typeof files === "string") return files;
  const [[name, file] = ["no file", new Blob()]] = tableOf(files);
  return { name, size: file.size, file };
}

function severalFiles(files: DataFiles): unknown {
  if (typeof files === "string") return files;
  const table = tableOf(files);
  const size = [...table.values()].reduce((sum, file) => sum + file.size, 0);
  return { name: table.size === 1 ? [...table.keys()][0] : `${table.size} files`, size, files: table };
}

function tableOf(files: Exclude<DataFiles, string>): ReadonlyMap<string, Blob> {
  return files instanceof Map
    ? (files as ReadonlyMap<string, Blob>)
    : new Map((files as readonly File[]).map((file) => [file.webkitRelativePath || file.name, file]));
}

/** A task as a saved run has it, with the files that it names where they are the ones that are open. */
export function withOpenFiles(task: TaskSpec): TaskSpec {
  const open = openFiles.value;
  if (!open || lacking(task).length === 0) return task;
  const spec = recordsSpec(open);
  const filled = { ...task };
  for (const part of ["data", "images"] as const)
    if (lacks(task[part]) && same(task[part], spec[part])) filled[part] = spec[part];
  return filled;
}

/** {@link withOpenFiles} of a recipe's task. */
export function withOpenRecords(recipe: RunRecipe): RunRecipe {
  return { ...recipe, task: withOpenFiles(recipe.task) };
}

/** Names of the files that a task needs and does not have: those of a saved run are not kept with it. */
export function lacking(task: TaskSpec): string[] {
  if (task.name !== recordsTask) return [];
  return [task.data, task.images].flatMap((files) => (lacks(files) ? [nameOf(files)] : []));
}

function lacks(files: unknown): files is object {
  if (typeof files !== "object" || files === null) return false;
  const { file, files: several } = files as { file?: unknown; files?: unknown };
  return !(file instanceof Blob) && !(several instanceof Map);
}

function same(saved: object, open: unknown): boolean {
  if (typeof open !== "object" || open === null) return false;
  const sizeOf = (files: object) => ("size" in files ? files.size : undefined);
  return nameOf(saved) === nameOf(open) && sizeOf(saved) === sizeOf(open);
}

function nameOf(files: object): string {
  return "name" in files && typeof files.name === "string" ? files.name : "a file";
}
