import { loadPlainTask } from "./module.ts";
import type { RecordsHost } from "./records.ts";
import type { TaskSpec } from "./registry.ts";
import { recordsTaskName } from "./task.ts";
import type { Task } from "./task.ts";

/** What {@link loadTask} may need. */
export interface LoadTaskOptions {
  /** What a module's relative address is relative to; without it only absolute ones are taken. */
  base?: string;
  /** How the task `records` opens its files, and what rewards it. Default: addresses and given files, rules alone. */
  records?: RecordsHost;
}

/**
 * A task of any kind: those that ship, the user's own modules (see `loadPlainTask`), and `records`, which reads its
 * data set through (see {@link RecordsOptions}). What only computes rewards needs no records and takes the former.
 * @throws as `loadPlainTask` and `openRecords` do.
 */
export async function loadTask(spec: TaskSpec, { base, records }: LoadTaskOptions = {}): Promise<Task> {
  return spec.name === recordsTaskName ? loadRecords(spec, records) : loadPlainTask(spec, base);
}

let lastRecords: { key: string; task: Promise<Task> } | undefined;

/** Records of a page are asked for one by one, and their data set is not read through each time. */
async function loadRecords(task: TaskSpec, host: RecordsHost | undefined): Promise<Task> {
  const spec = Object.fromEntries(Object.entries(task).filter(([option]) => option !== "name"));
  const open = async () => (await import("./records.ts")).openRecords(spec, host);
  if (host) return open();
  const key = keyOf(spec);
  if (lastRecords?.key !== key) {
    const task = open();
    lastRecords = { key, task };
    task.catch(() => {
      if (lastRecords?.task === task) lastRecords = undefined; // the network may be back the next time
    });
  }
  return lastRecords.task;
}

const blobNumbers = new WeakMap<Blob, number>();
let blobs = 0;

/** What tells a spec from others. A file is told by its name, size and date; a Blob has none: only itself is the same. */
function keyOf(spec: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(spec, (_key, value: unknown) => {
    if (value instanceof Map) return [...(value as Map<string, Blob>)];
    if (value instanceof File) return [value.name, value.size, value.type, value.lastModified];
    if (!(value instanceof Blob)) return value;
    const number = blobNumbers.get(value) ?? ++blobs;
    blobNumbers.set(value, number);
    return number;
  });
}
