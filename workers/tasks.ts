import { letterShareTask } from "../src/tasks/letter-share.ts";
import type { Task } from "../src/tasks/task.ts";
import { InvalidOptionError } from "../src/util/errors.ts";

/** A task by name and options: plain values, so that every worker can make the same task of them. */
export interface TaskSpec {
  name: "letter-share";
  /** Characters that are rewarded. */
  letters?: string;
  /** Edge of the picture, pixels. */
  size?: number;
}

/** @throws InvalidOptionError for a task that is not known. */
export function makeTask(spec: TaskSpec): Task {
  const { name, ...options } = spec;
  // The name may come from a file or another version of the page, whatever the type says.
  if ((name as string) !== "letter-share") throw new InvalidOptionError("task", name, "letter-share");
  return letterShareTask(options);
}
