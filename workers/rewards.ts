import { proxy, wrap } from "comlink";
import type { Endpoint, Remote } from "comlink";
import type { JudgeCounters } from "../src/language-models/judge.ts";
import { judgeMetrics } from "../src/language-models/judge-metrics.ts";
import type { JudgeAnswer, JudgeRequest } from "../src/rl/hybrid-reward.ts";
import type { Completion, RewardResult } from "../src/rl/reward.ts";
import { loadPlainTask } from "../src/tasks/module.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import { recordsTaskName } from "../src/tasks/task.ts";
import type { TaskExample } from "../src/tasks/task.ts";
import type { Scorer } from "../src/train/grpo-trainer.ts";
import { ThinktabError } from "../src/util/errors.ts";
import { isRecord } from "../src/util/is-record.ts";
import type {
  JudgeApi,
  ReportVerdict,
  RewardApi,
  RewardItem,
  RewardWorkerKind,
  Verdict,
} from "./protocol.ts";
import { installTransferHandlers } from "./transfer.ts";

/** A reward of whatever examples. */
export type AnyReward = (
  completion: Completion,
  example: TaskExample,
) => RewardResult | Promise<RewardResult>;

/** The reward worker's side: computes, and turns what a reward throws into a verdict without a value. */
export class RewardService implements RewardApi {
  ready(): true {
    return true;
  }

  async score(spec: TaskSpec, items: readonly RewardItem[], report: ReportVerdict): Promise<void> {
    let judgement: RewardItem["judgement"];
    let asks: JudgeRequest | undefined;
    const reward = await this.rewardOf(spec, ({ problem, answer, response }) => {
      if (judgement) return Promise.resolve(judgement);
      asks = { problem, answer, response };
      return Promise.reject(new Error("it has to be judged first"));
    });
    for (const [index, { completion, example, ...item }] of items.entries()) {
      judgement = item.judgement;
      asks = undefined;
      let verdict: Verdict;
      try {
        const result = await reward(completion, example);
        verdict = asks === undefined ? { result } : { result, asks };
      } catch (error) {
        verdict = { result: { value: null, parts: {} }, error: String(error) };
      }
      await report(index, verdict);
    }
  }

  /** @param judge for descriptive answers: what has been judged, or a note that it has to be */
  protected async rewardOf(...[spec]: [spec: TaskSpec, judge: JudgeAnswer]): Promise<AnyReward> {
    const task = await loadPlainTask(spec);
    return (completion, example) => task.reward(completion, example);
  }
}

/** A reward worker that was started. */
export interface RewardHost {
  endpoint: Endpoint;
  terminate(): void;
  /** Resolves with the reason when the worker dies: its script does not load, or throws outside of a reward. */
  died: Promise<string>;
}

/** What became of a batch of completions. */
export interface Scores {
  results: RewardResult[];
  /** One line for each verdict that was lost. */
  failures: string[];
}

export interface RewardLimits {
  /** A reward that takes longer has lost its verdict, and its worker is replaced. */
  verdictMs: number;
  /** A worker that takes longer to start counts as dead. */
  startMs: number;
  /**
   * When no judgement has come for so long, those that are missing are lost. A model has limits of its own, for each
   * request; this one is for a judge that hangs. Default ten minutes.
   */
  judgementMs?: number;
}

type Outcome = { kind: "done" } | { kind: "late" } | { kind: "died"; reason: string };
type Scored = Pick<RewardItem, "completion" | "example">;

/** What became of one completion in a round. */
interface Round {
  result: RewardResult;
  failure?: string;
  asks?: JudgeRequest;
}

/** A judge on either side of a channel. */
export type PoolJudge = JudgeApi | Remote<JudgeApi>;

/**
 * Computes rewards away from the engine. A reward that throws, hangs or takes its worker down loses its own verdict
 * (value null, so that the sample is left out of its group), not the run.
 *
 * What a model has to judge, the worker only names; it is judged here, as many at a time as the judge takes, and the
 * worker then finishes the reward. So a judge's time is not a rule's, and no key gets into the worker.
 */
export class RewardPool {
  readonly #hosts = new Map<RewardWorkerKind, { host: RewardHost; remote: Remote<RewardApi> }>();

  constructor(
    private readonly start: (kind: RewardWorkerKind) => RewardHost,
    private readonly limits: RewardLimits = { verdictMs: 10_000, startMs: 60_000 },
  ) {
    installTransferHandlers();
  }

  /** A scorer for a trainer; `onFailures` hears of verdicts that were lost. */
  scorer(task: TaskSpec, onFailures: (failures: string[]) => void, judge?: PoolJudge): Scorer {
    let counters: JudgeCounters | undefined;
    let metrics: Record<string, number> = {};
    const score: Scorer = async (completions, examples) => {
      const items = completions.map((completion, i) => ({ completion, example: examples[i] }));
      const { results, failures } = await this.score(task, items, judge);
      if (failures.length > 0) onFailures(failures);
      if (judge) {
        const now = await judge.counters();
        metrics = judgeMetrics(now, counters);
        counters = now;
      }
      return results;
    };
    return Object.assign(score, { metrics: () => metrics });
  }

  /** @throws ThinktabError when the worker cannot be started. */
  async score(task: TaskSpec, items: readonly Scored[], judge?: PoolJudge): Promise<Scores> {
    const rounds = await this.#round(task, items);
    const asking = rounds.flatMap(({ asks }, index) => (asks ? [{ index, asks }] : []));
    if (asking.length > 0) {
      const sees = judgeSees(task);
      const requests = asking.map(({ index, asks }) => ({
        ...asks,
        ...(sees && { images: items[index].example.images as JudgeRequest["images"] }),
      }));
      const judgements = judge
        ? await this.#judgements(judge, requests)
        : requests.map(() => ({ score: null, why: "there is no judge" }));
      const judged = asking.map(({ index }, i) => ({ ...items[index], judgement: judgements[i] }));
      for (const [i, round] of (await this.#round(task, judged)).entries()) {
        const { score, why } = judgements[i];
        const failure = score === null ? `not judged: ${why ?? "the judge gave no reason"}` : undefined;
        rounds[asking[i].index] = { result: round.result, failure: round.failure ?? failure };
      }
    }
    return {
      results: rounds.map(({ result }) => result),
      failures: rounds.flatMap(({ failure }, index) =>
        failure === undefined ? [] : [`completion ${index}: ${failure}`],
      ),
    };
  }

  /** What the worker makes of these. */
  async #round(task: TaskSpec, items: readonly RewardItem[]): Promise<Round[]> {
    const isRecords = task.name === recordsTaskName;
    const kind = isRecords ? "records" : "tasks";
    const spec = isRecords ? { name: task.name, reward: task.reward } : task;
    const sent = isRecords ? withoutImages(items) : items;
    const rounds: Round[] = [];
    const lose = (failure: string) => rounds.push({ result: { value: null, parts: {} }, failure });
    while (rounds.length < items.length) {
      const { host, remote } = await this.#worker(kind);
      const watch = new Watch(this.limits.verdictMs);
      const report = (_index: number, { result, error, asks }: Verdict) => {
        if (watch.over) return; // a verdict after its time: already counted as lost
        watch.restart();
        if (error === undefined) rounds.push({ result, asks });
        else lose(`the reward threw ${error}`);
      };
      const outcome = await Promise.race<Outcome>([
        remote.score(spec, sent.slice(rounds.length), proxy(report)).then(() => ({ kind: "done" })),
        watch.late.then(() => ({ kind: "late" })),
        host.died.then((reason) => ({ kind: "died", reason })),
      ]).finally(() => watch.stop());
      if (outcome.kind === "done") break;
      lose(
        outcome.kind === "late"
          ? `no verdict within ${this.limits.verdictMs} ms`
          : `the worker died: ${outcome.reason}`,
      );
      this.#end(kind);
    }
    if (rounds.length !== items.length) {
      throw new ThinktabError(`reward worker: got ${rounds.length} verdicts, expected ${items.length}`);
    }
    return rounds;
  }

  /** Judgements in the requests' order; one that fails, or does not come, has score null. */
  async #judgements(
    judge: PoolJudge,
    requests: readonly JudgeRequest[],
  ): Promise<{ score: number | null; why?: string }[]> {
    const limit = this.limits.judgementMs ?? 600_000;
    const watch = new Watch(limit);
    const late = watch.late.then(() => ({ score: null, why: `no judgement came for ${limit / 1000} s` }));
    const one = async (request: JudgeRequest) => {
      try {
        const judgement = await judge.judge(request);
        watch.restart();
        return judgement;
      } catch (error) {
        return { score: null, why: String(error) };
      }
    };
    return Promise.all(requests.map((request) => Promise.race([one(request), late]))).finally(() =>
      watch.stop(),
    );
  }

  /** Ends the workers. The next use starts others. */
  dispose(): void {
    for (const kind of [...this.#hosts.keys()]) this.#end(kind);
  }

  #end(kind: RewardWorkerKind): void {
    this.#hosts.get(kind)?.host.terminate();
    this.#hosts.delete(kind);
  }

  async #worker(kind: RewardWorkerKind): Promise<{ host: RewardHost; remote: Remote<RewardApi> }> {
    const known = this.#hosts.get(kind);
    if (known) return known;
    const host = this.start(kind);
    const remote = wrap<RewardApi>(host.endpoint);
    const watch = new Watch(this.limits.startMs);
    const problem = await Promise.race([
      remote.ready().then(() => undefined),
      watch.late.then(() => `it did not answer within ${this.limits.startMs} ms`),
      host.died,
    ]).finally(() => watch.stop());
    if (problem !== undefined) {
      host.terminate();
      throw new ThinktabError(`the reward worker does not start: ${problem}`);
    }
    const started = { host, remote };
    this.#hosts.set(kind, started);
    return started;
  }
}

/** Records without their pictures, which no reward of theirs reads; one object for each example, as before. */
function withoutImages(items: readonly RewardItem[]): RewardItem[] {
  const light = new Map<TaskExample, TaskExample>();
  for (const { example } of items)
    if (!light.has(example)) light.set(example, { ...example, images: undefined, messages: [] });
  return items.map((item) => ({ ...item, example: light.get(item.example) ?? item.example }));
}

/** Whether the judge is one that is shown images; only then they are sent to it. */
function judgeSees({ reward }: TaskSpec): boolean {
  const judge = isRecord(reward) ? reward.judge : undefined;
  const model = isRecord(judge) ? judge.model : undefined;
  return isRecord(model) && model.takesImages === true;
}

/** A time limit that begins anew with each sign of life. */
class Watch {
  over = false;
  readonly late: Promise<void>;
  #fire: () => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly limitMs: number) {
    this.late = new Promise((resolve) => {
      this.#fire = () => {
        this.over = true;
        resolve();
      };
    });
    this.restart();
  }

  restart(): void {
    if (this.over) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#fire, this.limitMs);
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.#timer);
  }
}
