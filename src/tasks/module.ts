import type { Completion } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { createTask } from "./registry.ts";
import type { TaskSpec } from "./registry.ts";
import type { RecordsHost } from "./records.ts";
import { moduleTaskName, recordsTaskName } from "./task.ts";
import type { Split, TaughtTask, Task, TaskExample } from "./task.ts";

/** What {@link loadTask} may need. */
export interface LoadTaskOptions {
  /** What a module's relative address is relative to; without it only absolute ones are taken. */
  base?: string;
  /** How the task `records` opens its files, and what rewards it. Default: addresses and given files, rules alone. */
  records?: RecordsHost;
}

/**
 * {@link createTask}, and the tasks that take their time: `records` reads its data set through (see
 * {@link RecordsOptions}), `module` imports the user's own. For the latter `url` names an ES module whose default export is a function from the
 * spec's other options to a {@link Task}, or the task itself. It is imported wherever the task is needed, for example in
 * the worker that computes rewards, so it must not depend on the page. `example` has to be a pure function of seed and
 * split, or runs cannot be repeated.
 * @throws InvalidOptionError when the module cannot be imported, or its default export is none of the two; what
 *   `openRecords` throws.
 */
export async function loadTask(spec: TaskSpec, { base, records }: LoadTaskOptions = {}): Promise<Task> {
  if (spec.name === recordsTaskName) return loadRecords(spec, records);
  if (spec.name !== moduleTaskName) return createTask(spec);
  const { name, url, ...options } = spec;
  if (typeof url !== "string" || url === "")
    throw new InvalidOptionError("task module: url", url, "the address of an ES module");
  const address = absolute(url, base);
  let exports: { default?: unknown };
  try {
    // A name that a bundler cannot know: the module is the user's.
    exports = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address)) as { default?: unknown };
  } catch (cause) {
    throw new InvalidOptionError(
      `task module ${address}`,
      String(cause),
      "an ES module that can be imported",
    );
  }
  const made: unknown =
    typeof exports.default === "function"
      ? await (exports.default as (options: object) => unknown)(options)
      : exports.default;
  if (!isTask(made)) {
    throw new InvalidOptionError(
      `task module ${address}: default export`,
      made === undefined ? "none" : typeof made,
      "a task with `example` and `reward`, or a function that makes one",
    );
  }
  const task: Task = {
    name,
    description: made.description ?? `The task of ${address}`,
    example: (seed: number, split: Split = "train") => made.example(seed, split),
    reward: (completion: Completion, example: TaskExample) => made.reward(completion, example),
  };
  // What a task need not have is there or not, and asked for in this way.
  if (made.sizes) Object.assign(task, { sizes: made.sizes });
  if (isTaught(made)) {
    const demonstration: TaughtTask["demonstration"] = (example, mode) => made.demonstration(example, mode);
    Object.assign(task, { demonstration });
  }
  return task;
}

let lastRecords: { key: string; task: Promise<Task> } | undefined;

/** Records of a page are asked for one by one, and their data set is not read through each time. */
async function loadRecords(task: TaskSpec, host: RecordsHost | undefined): Promise<Task> {
  const spec = Object.fromEntries(Object.entries(task).filter(([option]) => option !== "name"));
  const open = async () => (await import("./records.ts")).openRecords(spec, host);
  if (host) return open();
  const key = JSON.stringify(spec, (_key, value: unknown) =>
    value instanceof File
      ? [value.name, value.size, value.lastModified]
      : value instanceof Map
        ? [...(value as Map<string, Blob>)].map(([path, blob]) => [path, blob.size])
        : value,
  );
  if (lastRecords?.key !== key) {
    const task = open();
    lastRecords = { key, task };
    task.catch(() => {
      if (lastRecords?.task === task) lastRecords = undefined; // the network may be back the next time
    });
  }
  return lastRecords.task;
}

/** What a module has to give; the rest of a task is filled in. */
type ModuleTask = Pick<Task, "example" | "reward"> & Partial<Pick<Task, "description" | "sizes">>;

function isTaught(task: ModuleTask): task is ModuleTask & Pick<TaughtTask, "demonstration"> {
  return "demonstration" in task && typeof task.demonstration === "function";
}

function isTask(value: unknown): value is ModuleTask {
  if (typeof value !== "object" || value === null) return false;
  return (
    "example" in value &&
    typeof value.example === "function" &&
    "reward" in value &&
    typeof value.reward === "function"
  );
}

function absolute(url: string, base: string | undefined): string {
  try {
    return new URL(url, base).href;
  } catch {
    throw new InvalidOptionError("task module: url", url, "an absolute address");
  }
}
