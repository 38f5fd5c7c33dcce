/** What rewards need on the command line: mathematics, a time limit, and a judge with the key that it asks with. */
import { openJudge, parseJudgeConfig } from "../language-models/judge-config.ts";
import type { JudgeHost, OpenJudge } from "../language-models/judge-config.ts";
import { judgeMetrics } from "../language-models/judge-metrics.ts";
import type { JudgeCounters } from "../language-models/judge.ts";
import { loadMathEngine } from "../rl/verifiers/math-engine.ts";
import type { JudgeRequest } from "../rl/hybrid-reward.ts";
import type { RewardServices } from "../tasks/record-reward.ts";
import { recordsTaskName } from "../tasks/task.ts";
import type { TaskSpec } from "../tasks/registry.ts";
import type { Task } from "../tasks/task.ts";
import type { Scorer } from "../train/grpo-trainer.ts";
import { isRecord } from "../util/is-record.ts";
import { UsageError } from "./arguments.ts";
import { ruleLimit } from "./rule-limit.ts";

/** The option of every command that rewards records. */
export const judgeKeyOption = {
  "judge-key-env": {
    type: "string",
    description: "Variable with the key of the judge's endpoint",
    valueHint: "NAME",
  },
} as const;

export interface NodeRewardHost extends Pick<JudgeHost, "policy" | "cache" | "signal" | "backoff"> {
  /** Name of the environment variable that holds the key. */
  keyEnv?: string;
}

/** Services for rewards, what their judge did, and its end. */
export interface NodeRewards {
  services: RewardServices;
  /** Rewards computed in this thread, each rule under its time limit. */
  scorer(task: Task): Scorer;
  /** Null without a judge, or before it was asked. */
  judgeCounters(): JudgeCounters | null;
  /** Opens the judge, if the task names one. @throws as `openJudge` does */
  ready(): Promise<void>;
  /** Judgements that failed since the last call, in words, with the first one's reason; null when none did. */
  takeFailures(): string | null;
  dispose(): void;
}

/**
 * What a task's rewards need. The judge, where the task names one, is opened by `ready`, or when it is first asked; its
 * configuration and its key are checked at once. A user's own reward function is under no limit here, as its page has it.
 * @throws InvalidOptionError for a judge that is none, UsageError for a variable that is not set.
 */
export function nodeRewards(spec: TaskSpec, host: NodeRewardHost = {}): NodeRewards {
  const { keyEnv, signal, ...models } = host;
  const key = keyEnv === undefined ? undefined : keyFrom(keyEnv);
  const reward = spec.name === recordsTaskName && isRecord(spec.reward) ? spec.reward : {};
  const config = reward.judge === undefined ? undefined : parseJudgeConfig(reward.judge);
  let opening: Promise<OpenJudge> | undefined;
  let opened: OpenJudge | undefined;
  const open = async () => {
    opening ??= openJudge(config, { ...models, key, signal });
    return (opened = await opening);
  };
  let failures = { count: 0, first: "" };
  const failed = (why: string) => {
    if (signal?.aborted !== true) failures = { count: failures.count + 1, first: failures.first || why };
  };
  const judge = async (request: JudgeRequest) => {
    try {
      const judgement = await (await open()).judge(request);
      if (judgement.score === null) failed(judgement.why ?? "the judge gave no reason");
      return judgement;
    } catch (error) {
      failed(String(error));
      throw error;
    }
  };
  let before: JudgeCounters | undefined;
  const metrics = () => {
    const now = opened?.counters();
    if (!now) return {};
    const made = judgeMetrics(now, before);
    before = now;
    return made;
  };
  return {
    services: {
      math: loadMathEngine,
      limit: ruleLimit(),
      signal,
      ...(config && { judge }),
    },
    scorer: (task) => {
      const score: Scorer = (completions, examples) =>
        Promise.all(completions.map(async (completion, i) => task.reward(completion, examples[i])));
      return config ? Object.assign(score, { metrics }) : score;
    },
    judgeCounters: () => opened?.counters() ?? null,
    async ready() {
      if (config) await open();
    },
    takeFailures() {
      const { count, first } = failures;
      failures = { count: 0, first: "" };
      return count === 0
        ? null
        : `${count} not judged, which leaves ${count === 1 ? "it" : "them"} out: ${first}`;
    },
    dispose: () =>
      void opening?.then(
        (open) => open.dispose(),
        () => undefined,
      ),
  };
}

function keyFrom(name: string): string {
  const key = process.env[name];
  // The name may be the key itself, put in the wrong place: it is not shown.
  if (key === undefined || key === "")
    throw new UsageError(
      "--judge-key-env: got a name that is not set, expected a variable that holds the key",
    );
  return key;
}
