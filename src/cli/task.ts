/** A recipe's task with what Node gives: files by their paths, and what rewards a record. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { UserObjective } from "../rl/user-objective.ts";
import type { Policy } from "../rollout/policy.ts";
import { loadTask } from "../tasks/load.ts";
import type { RecordsReport } from "../tasks/records.ts";
import type { TaskSpec } from "../tasks/registry.ts";
import { recordsTaskName, type Task } from "../tasks/task.ts";
import type { Scorer } from "../train/grpo-trainer.ts";
import { loadObjective } from "../train/load-objective.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import { openDataFile, openImages } from "./data-files.ts";
import type { Progress } from "./format.ts";
import { nodeRewards } from "./reward-services.ts";

export interface OpenTaskOptions {
  /** The environment's variable that has the key of a judge's endpoint. */
  keyEnv?: string;
  progress: Progress;
  signal: AbortSignal;
}

export interface OpenTask {
  task: Task;
  /** What there is to say of it before a run. */
  notes: string[];
  scorer: Scorer;
  /** The policy that is trained, for a judge that is the policy itself. */
  setPolicy: (policy: Policy) => void;
  /** See {@link NodeRewards.takeFailures}. */
  takeFailures(): string | null;
  dispose(): void;
}

/**
 * Opens a task. Paths in it, and relative addresses of modules, are relative to where the command runs.
 * @throws what `loadTask` and `nodeRewards` throw.
 */
export async function openTask(
  spec: TaskSpec,
  { keyEnv, progress, signal }: OpenTaskOptions,
): Promise<OpenTask> {
  let policy: Policy | undefined;
  const loaded = () => {
    if (policy) return policy;
    throw new InvalidOptionError("judge: policy", "one that is not loaded yet", "a loaded one");
  };
  const rewards = nodeRewards(spec, {
    keyEnv,
    signal,
    policy: { generate: (messages, options) => loaded().generate(messages, options) },
  });
  try {
    await rewards.ready(); // a judge that cannot be opened is told of before the records are read
    if (spec.name === recordsTaskName) progress.show("reading the records");
    const task = await loadTask(withModuleAddress(spec), {
      base: pathToFileURL(`${process.cwd()}/`).href,
      records: {
        openData: openDataFile,
        openImages: (path) => openImages(path, { signal }),
        services: rewards.services,
        signal,
        onProgress: (rows) => progress.show("reading the records", `${rows} rows`),
      },
    });
    progress.clear();
    return {
      task,
      notes: "report" in task ? describeRejected(task.report as RecordsReport) : [],
      scorer: rewards.scorer(task),
      setPolicy: (trained) => (policy = trained),
      takeFailures: () => rewards.takeFailures(),
      dispose: () => rewards.dispose(),
    };
  } catch (error) {
    rewards.dispose();
    throw error;
  }
}

/** A recipe's own objective, if it has one; a relative address is relative to where the command runs. */
export async function openObjective(recipe: RunRecipe): Promise<UserObjective | undefined> {
  const spec = "grpo" in recipe ? recipe.grpo.objective : null;
  return spec ? loadObjective(spec, pathToFileURL(`${process.cwd()}/`).href) : undefined;
}

/** A reward's module may be named by its path. */
function withModuleAddress(spec: TaskSpec): TaskSpec {
  const { reward } = spec;
  if (!isRecord(reward) || typeof reward.module !== "string" || URL.canParse(reward.module)) return spec;
  return { ...spec, reward: { ...reward, module: pathToFileURL(resolve(reward.module)).href } };
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
