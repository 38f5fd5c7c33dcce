import { proxy, wrap } from "comlink";
import type { Endpoint, Remote } from "comlink";
import type { RewardResult } from "../src/rl/reward.ts";
import { loadTask } from "../src/tasks/module.ts";
import type { TaskSpec } from "../src/tasks/registry.ts";
import type { TaskExample } from "../src/tasks/task.ts";
import type { Scorer } from "../src/train/grpo-trainer.ts";
import { ThinktabError } from "../src/util/errors.ts";
import type { ReportVerdict, RewardApi, RewardItem, Verdict } from "./protocol.ts";
import { installTransferHandlers } from "./transfer.ts";

/** The reward worker's side: computes, and turns what a reward throws into a verdict without a value. */
export class RewardService implements RewardApi {
  ready(): true {
    return true;
  }

  async score(spec: TaskSpec, items: readonly RewardItem[], report: ReportVerdict): Promise<void> {
    const task = await loadTask(spec);
    for (const [index, { completion, example }] of items.entries()) {
      let verdict: Verdict;
      try {
        verdict = { result: await task.reward(completion, example) };
      } catch (error) {
        verdict = { result: { value: null, parts: {} }, error: String(error) };
      }
      await report(index, verdict);
    }
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
}

type Outcome = { kind: "done" } | { kind: "late" } | { kind: "died"; reason: string };

/**
 * Computes rewards away from the engine. A reward that throws, hangs or takes its worker down loses its own verdict
 * (value null, so that the sample is left out of its group), not the run.
 */
export class RewardPool {
  #host: { host: RewardHost; remote: Remote<RewardApi> } | undefined;

  constructor(
    private readonly start: () => RewardHost,
    private readonly limits: RewardLimits = { verdictMs: 10_000, startMs: 60_000 },
  ) {
    installTransferHandlers();
  }

  /** A scorer for a trainer; `onFailures` hears of verdicts that were lost. */
  scorer(task: TaskSpec, onFailures: (failures: string[]) => void): Scorer {
    return async (completions, examples) => {
      const items = completions.map((completion, i) => ({ completion, example: examples[i] }));
      const { results, failures } = await this.score(task, items);
      if (failures.length > 0) onFailures(failures);
      return results;
    };
  }

  /** @throws ThinktabError when the worker cannot be started. */
  async score(
    task: TaskSpec,
    items: readonly { completion: RewardItem["completion"]; example: TaskExample }[],
  ): Promise<Scores> {
    const results: RewardResult[] = [];
    const failures: string[] = [];
    const lose = (reason: string) => {
      failures.push(`completion ${results.length}: ${reason}`);
      results.push({ value: null, parts: {} });
    };
    while (results.length < items.length) {
      const { host, remote } = await this.#worker();
      const watch = new Watch(this.limits.verdictMs);
      const report = (_index: number, { result, error }: Verdict) => {
        if (watch.over) return; // a verdict after its time: already counted as lost
        watch.restart();
        if (error === undefined) results.push(result);
        else lose(`the reward threw ${error}`);
      };
      const outcome = await Promise.race<Outcome>([
        remote.score(task, items.slice(results.length), proxy(report)).then(() => ({ kind: "done" })),
        watch.late.then(() => ({ kind: "late" })),
        host.died.then((reason) => ({ kind: "died", reason })),
      ]).finally(() => watch.stop());
      if (outcome.kind === "done") break;
      lose(
        outcome.kind === "late"
          ? `no verdict within ${this.limits.verdictMs} ms`
          : `the worker died: ${outcome.reason}`,
      );
      this.dispose();
    }
    if (results.length !== items.length) {
      throw new ThinktabError(`reward worker: got ${results.length} verdicts, expected ${items.length}`);
    }
    return { results, failures };
  }

  /** Ends the worker. The next use starts another. */
  dispose(): void {
    this.#host?.host.terminate();
    this.#host = undefined;
  }

  async #worker(): Promise<{ host: RewardHost; remote: Remote<RewardApi> }> {
    if (this.#host) return this.#host;
    const host = this.start();
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
    this.#host = { host, remote };
    return this.#host;
  }
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
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#fire, this.limitMs);
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.#timer);
  }
}
