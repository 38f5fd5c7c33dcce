/** A recorded run, run again in this tab and compared with the record step by step. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { DeviceLostError, InvalidOptionError, modelOptions } from "../../workers/client.ts";
import type { RecordedStep, RemotePolicy, RunRecord, Thinktab, TrainingRun } from "../../workers/client.ts";
import { withOpenRecords } from "../state/open-records.ts";
import { session as pageSession } from "../state/session.ts";
import type { Session } from "../state/session.ts";
import { judge } from "./run-facts.ts";
import type { Verdict } from "./run-facts.ts";

/** Under which the engine keeps it while it goes on; deleted afterwards. */
const runName = "replay";

export type ReplayState = "idle" | "loading" | "running" | "recovering" | "stopping";

/**
 * The run gets a policy of its own, loaded from the same source as the page's, which is left as it is. The evaluations
 * are left out: they change no weight.
 */
export class Replay {
  readonly #state: Signal<ReplayState> = signal("idle");
  readonly #target: Signal<RunRecord | null> = signal(null);
  readonly #steps: Signal<readonly RecordedStep[]> = signal([]);
  readonly #result: Signal<RunRecord | null> = signal(null);
  readonly #problem: Signal<unknown> = signal(undefined);
  readonly #stopped = signal(false);
  #training: TrainingRun | undefined;

  readonly state: ReadonlySignal<ReplayState> = this.#state;
  /** The record that is, or was, run again. */
  readonly target: ReadonlySignal<RunRecord | null> = this.#target;
  /** Steps done here. */
  readonly steps: ReadonlySignal<readonly RecordedStep[]> = this.#steps;
  /** The replay's own record, when it has come to its end. */
  readonly result: ReadonlySignal<RunRecord | null> = this.#result;
  readonly problem: ReadonlySignal<unknown> = this.#problem;
  /** It was stopped before its end. */
  readonly stopped: ReadonlySignal<boolean> = this.#stopped;
  /** The first step done here, from 0, that came out otherwise than recorded; null so far. */
  readonly firstDifferent: ReadonlySignal<number | null> = computed(() => {
    const recorded = this.#target.value?.metrics ?? [];
    const index = this.#steps.value.findIndex(({ digest }, i) => digest !== recorded.at(i)?.digest);
    return index < 0 ? null : index;
  });
  readonly verdict: ReadonlySignal<Verdict | null> = computed(() => {
    const [target, result] = [this.#target.value, this.#result.value];
    return target && result && judge(target, result);
  });

  constructor(private readonly session: Session) {}

  /** Never rejects: what goes wrong is in `problem`. */
  async run(record: RunRecord): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    batch(() => {
      this.#target.value = record;
      this.#steps.value = [];
      this.#result.value = null;
      this.#problem.value = undefined;
      this.#stopped.value = false;
    });
    let release: (() => void) | undefined;
    try {
      release = this.session.hold("replay");
      this.#state.value = "loading";
      await this.#untilEnd(record);
    } catch (error) {
      this.#problem.value = error;
    } finally {
      batch(() => {
        this.#stopped.value = this.#result.value === null && this.#problem.value === undefined;
        this.#state.value = "idle";
      });
      release?.();
    }
  }

  /** Ends it; what has been compared so far stays. */
  stop(): void {
    if (this.#state.peek() === "idle") return;
    this.#state.value = "stopping";
    void this.#training?.stop().catch(() => undefined); // whoever reads the events hears of what went wrong
  }

  clear(): void {
    if (this.#state.peek() === "idle") this.#target.value = null;
  }

  /** When the GPU is lost, it goes on from its last checkpoint on the next one. */
  async #untilEnd(record: RunRecord): Promise<void> {
    for (let resume = false; ; resume = true) {
      const before = this.session.policy.peek();
      try {
        await this.#once(record, resume);
        return;
      } catch (error) {
        if (!(error instanceof DeviceLostError) || this.#stopping()) throw error;
        this.#state.value = "recovering";
        await this.session.ready({ after: before });
      }
    }
  }

  async #once(record: RunRecord, resume: boolean): Promise<void> {
    const { kit } = await this.session.ready();
    const { recipe } = record;
    if (recipe.model !== this.session.model.peek()) {
      throw new InvalidOptionError(
        "replay: the policy in use",
        this.session.model.peek(),
        `${recipe.model}, which the run was of: load it under Ask first`,
      );
    }
    const policy = await kit.loadPolicy(this.session.source.peek(), modelOptions(recipe));
    try {
      if (this.#stopping()) return;
      this.#state.value = "running";
      await this.#follow(kit, policy, record, resume);
    } finally {
      this.#training = undefined;
      // After a loss the folder is what the next try goes on from; the engine is gone with all it had.
      await policy
        .dispose()
        .then(() => kit.discardRun(runName))
        .catch(() => undefined);
    }
  }

  async #follow(kit: Thinktab, policy: RemotePolicy, { recipe }: RunRecord, resume: boolean): Promise<void> {
    const shortened = { ...withOpenRecords(recipe), evaluation: { ...recipe.evaluation, scenes: 0 } };
    this.#training = policy.train(shortened, { name: runName, resume });
    for await (const event of this.#training) {
      if (event.type === "step") this.#steps.value = await stepsSoFar(kit);
      if (event.type === "finished") this.#result.value = event.record;
    }
  }

  #stopping(): boolean {
    return this.#state.peek() === "stopping";
  }
}

/** Every step with its digest: lines of the run's metrics, each of them whole before its event is told. */
async function stepsSoFar(kit: Thinktab): Promise<RecordedStep[]> {
  const bytes = await kit.runFile(runName, "metrics.jsonl");
  const lines = bytes ? new TextDecoder().decode(bytes).trimEnd().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as RecordedStep);
}

export const replay = new Replay(pageSession);
