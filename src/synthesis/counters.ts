import type { KeptAnswer } from "./store.ts";
import { synthesisStages, type DropReason, type SynthesisStage } from "./stages.ts";

/** What a stage did. Tokens, time and cost are of all answers that were used, those of earlier runs included. */
export interface StageCounters {
  /** Images or questions that came into the stage. */
  entered: number;
  kept: number;
  dropped: Partial<Record<DropReason, number>>;
  /** Left for the next run, as a request failed. */
  pending: number;
  /** Questions to the model in this run. */
  asked: number;
  /** Answers that had been given before. */
  reused: number;
  /** Replies that could not be read, after which the model was asked again. */
  repeated: number;
  /** Requests that failed in this run. */
  failed: number;
  promptTokens: number;
  completionTokens: number;
  /** Sum of the answers' times. */
  ms: number;
  /** Null where no answer had a price. */
  cost: number | null;
}

/** How far a synthesis is. */
export interface SynthesisCounters {
  images: { total: number; done: number; pending: number };
  records: number;
  /** Of images and questions together. */
  drops: Partial<Record<DropReason, number>>;
  stages: Record<SynthesisStage, StageCounters>;
}

/** Counts as a synthesis goes on. */
export class SynthesisTally {
  readonly #counters: SynthesisCounters;

  constructor(total: number) {
    const none = (): StageCounters => ({
      entered: 0,
      kept: 0,
      dropped: {},
      pending: 0,
      asked: 0,
      reused: 0,
      repeated: 0,
      failed: 0,
      promptTokens: 0,
      completionTokens: 0,
      ms: 0,
      cost: null,
    });
    const stages = Object.fromEntries(synthesisStages.map((stage) => [stage, none()]));
    this.#counters = {
      images: { total, done: 0, pending: 0 },
      records: 0,
      drops: {},
      stages: stages as SynthesisCounters["stages"],
    };
  }

  add(stage: SynthesisStage, what: "entered" | "kept" | "pending" | "asked" | "repeated" | "failed"): void {
    this.#counters.stages[stage][what]++;
  }

  drop(stage: SynthesisStage, reason: DropReason): void {
    const { drops, stages } = this.#counters;
    drops[reason] = (drops[reason] ?? 0) + 1;
    stages[stage].dropped[reason] = (stages[stage].dropped[reason] ?? 0) + 1;
  }

  /** An answer is used. @param reused it was there before */
  used(stage: SynthesisStage, answer: KeptAnswer, reused: boolean): void {
    const counters = this.#counters.stages[stage];
    if (reused) counters.reused++;
    counters.promptTokens += answer.promptTokens ?? 0;
    counters.completionTokens += answer.completionTokens ?? 0;
    counters.ms += answer.ms;
    if (answer.cost !== undefined) counters.cost = (counters.cost ?? 0) + answer.cost;
  }

  image(records: number, pending: boolean): void {
    this.#counters.images[pending ? "pending" : "done"]++;
    this.#counters.records += records;
  }

  read(): SynthesisCounters {
    return structuredClone(this.#counters);
  }
}
