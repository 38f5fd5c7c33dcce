import type { Completion } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { createTask } from "./registry.ts";
import type { TaskSpec } from "./registry.ts";
import { moduleTaskName } from "./task.ts";
import type { Split, TaughtTask, Task, TaskExample } from "./task.ts";

/**
 * {@link createTask}, and tasks that are modules: `url` names an ES module whose default export is a function from the
 * spec's other options to a {@link Task}, or the task itself. It is imported wherever the task is needed, for example in
 * the worker that computes rewards, so it must not depend on the page. `example` has to be a pure function of seed and
 * split, or runs cannot be repeated.
 * @param base what a relative address is relative to; without it only absolute ones are taken.
 * @throws InvalidOptionError when the module cannot be imported, or its default export is none of the two.
 */
export async function loadPlainTask(spec: TaskSpec, base?: string): Promise<Task> {
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
