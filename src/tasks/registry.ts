import { InvalidOptionError } from "../util/errors.ts";
import { digitsTask } from "./digits.ts";
import { examplesTask } from "./examples.ts";
import { letterShareTask } from "./letter-share.ts";
import { shapesTask } from "./shapes.ts";
import { isTaught, moduleTaskName, recordsTaskName, type TaughtTask, type Task } from "./task.ts";

/** A task by name, and its options: plain values, as a recipe file or a worker's message has them. */
export interface TaskSpec {
  name: string;
  [option: string]: unknown;
}

interface Entry {
  options: readonly string[];
  create(options: object): Task;
}

/**
 * The tasks that ship with the kit. To add one: its file or folder beside these, and a line here with the options that
 * it takes. A task checks the values of its options itself.
 */
const tasks: Readonly<Record<string, Entry>> = {
  "letter-share": { options: ["letters", "size"], create: letterShareTask },
  shapes: { options: ["reward", "difficulty", "size"], create: shapesTask },
  digits: { options: ["reward", "size"], create: digitsTask },
  examples: { options: ["examples", "reward", "heldOut", "seed"], create: examplesTask },
};

/** Names of the tasks that ship, for a recipe. */
export const taskNames: readonly string[] = Object.keys(tasks);

/** @throws InvalidOptionError for an unknown task or option, or an option's value that the task does not take. */
export function createTask({ name, ...options }: TaskSpec): Task {
  if (name === recordsTaskName || name === moduleTaskName)
    throw new InvalidOptionError("task", name, "one that is there at once: `loadTask` loads this one");
  if (!Object.hasOwn(tasks, name)) throw new InvalidOptionError("task", name, ["one of", ...taskNames]);
  const entry = tasks[name];
  const unknown = Object.keys(options).find((option) => !entry.options.includes(option));
  if (unknown !== undefined)
    throw new InvalidOptionError(`task ${name}: ${unknown}`, "an unknown option", [
      "one of",
      ...entry.options,
    ]);
  return entry.create(options);
}

/** {@link createTask} for a task that knows the ideal response. @throws InvalidOptionError when it does not. */
export function createTaughtTask(spec: TaskSpec): TaughtTask {
  const task = createTask(spec);
  if (!isTaught(task))
    throw new InvalidOptionError("task", spec.name, "a task with demonstrations, such as shapes");
  return task as TaughtTask; // all that ship have their examples at once
}
