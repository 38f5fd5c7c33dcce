/** What a page hands over, in the form that crosses to a worker. */
import type { ContentPart, Message } from "../src/data/chat-template.ts";
import { moduleTaskName, recordsTaskName } from "../src/tasks/task.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import { isRecord } from "../src/util/is-record.ts";
import type { WireSource } from "./protocol.ts";

/** Where a policy comes from. */
export type PolicySource =
  /** The built-in miniature with random weights. */
  | { kind: "tiny"; seed?: number }
  /** A Hugging Face folder on a server, e.g. `https://huggingface.co/OWNER/REPO/resolve/main`. */
  | { kind: "url"; base: string }
  /** A Hugging Face folder picked or dropped by the user; a map has paths as keys. */
  | { kind: "files"; files: readonly File[] | ReadonlyMap<string, Blob>; name?: string };

export function toWire(source: PolicySource): WireSource {
  switch (source.kind) {
    case "tiny":
      return { kind: "tiny", seed: source.seed ?? 1 };
    case "url":
      return { kind: "url", base: absolute(source.base) };
    case "files": {
      const table = fileTable(source.files);
      if (table.size === 0)
        throw new InvalidOptionError("policy files", "none", "the files of a Hugging Face folder");
      const folder = [...table.keys()][0].split("/").at(-2);
      return { kind: "files", name: source.name ?? folder ?? "picked files", files: table };
    }
  }
}

/** Files by their paths. */
export function fileTable(files: readonly File[] | ReadonlyMap<string, Blob>): ReadonlyMap<string, Blob> {
  return files instanceof Map
    ? (files as ReadonlyMap<string, Blob>)
    : new Map((files as readonly File[]).map((file) => [file.webkitRelativePath || file.name, file]));
}

/** Addresses are resolved here: a worker would take them relative to its own script. */
export function absolute(url: string): string {
  return typeof location === "undefined" ? url : new URL(url, location.href).href;
}

/** Addresses in messages are made absolute. */
export function portableMessages(messages: readonly Message[]): Message[] {
  return messages.map(portableMessage);
}

/** A module of the user's, a task's or a reward's, is found from wherever it is imported; so are a data set's files. */
export function portableTask(task: TaskSpec): TaskSpec {
  const resolved = { ...task };
  const names =
    task.name === moduleTaskName ? ["url"] : task.name === recordsTaskName ? ["data", "images"] : [];
  for (const name of names) {
    const value = task[name];
    if (typeof value === "string") resolved[name] = absolute(value);
  }
  if (task.name === recordsTaskName && isRecord(task.reward) && typeof task.reward.module === "string")
    resolved.reward = { ...task.reward, module: absolute(task.reward.module) };
  return resolved;
}

export function portableRecipe(recipe: RunRecipe): RunRecipe {
  const task = portableTask(recipe.task);
  if ("sft" in recipe || !recipe.grpo.objective) return { ...recipe, task };
  const { objective } = recipe.grpo;
  return {
    ...recipe,
    task,
    grpo: { ...recipe.grpo, objective: { ...objective, module: absolute(objective.module) } },
  };
}

function portableMessage({ role, content }: Message): Message {
  return { role, content: typeof content === "string" ? content : content.map(portablePart) };
}

function portablePart(part: ContentPart): ContentPart {
  if (part.type === "image_url")
    return { type: "image_url", image_url: { url: absolute(part.image_url.url) } };
  if (part.type === "image" && (typeof part.image === "string" || part.image instanceof URL)) {
    return { type: "image", image: absolute(String(part.image)) };
  }
  return part;
}
