import { proxy } from "comlink";
import type { ProxyMarked } from "comlink";
import type { OpenJudge } from "../src/language-models/judge-config.ts";
import { recordsTaskName } from "../src/tasks/task.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import { isRecord } from "../src/util/is-record.ts";
import type { JudgeHostOptions } from "./page-judge.ts";
import type { JudgeApi } from "./protocol.ts";

/** A judge for the engine, and how it is ended. */
export interface RemoteJudge {
  api: JudgeApi & ProxyMarked;
  dispose(): void;
}

/**
 * The judge that a task's reward names, for the engine to ask; undefined for a task without one. Its code is fetched now,
 * by those who have one.
 * @throws InvalidOptionError, LanguageModelError, … when it cannot be opened.
 */
export async function remoteJudge(task: TaskSpec, host: JudgeHostOptions): Promise<RemoteJudge | undefined> {
  const config = task.name === recordsTaskName && isRecord(task.reward) ? task.reward.judge : undefined;
  if (config === undefined || config === null) return undefined;
  const { openPageJudge } = await import("./page-judge.ts");
  const ended = new AbortController();
  const { signal } = host;
  const judge: OpenJudge = await openPageJudge(config, {
    ...host,
    signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
  });
  const api: JudgeApi = {
    judge: async (request) => {
      const { score, why } = await judge.judge(request);
      return { score, why };
    },
    counters: () => judge.counters(),
  };
  return {
    api: proxy(api),
    dispose() {
      ended.abort(new DOMException("the run has ended", "AbortError"));
      judge.dispose();
    },
  };
}
