import type { SynthesisCounters } from "./counters.ts";
import type { SynthesisStage } from "./stages.ts";
import type { ImageOutcome, KeptQuestion, PendingItem, SynthesisDrop, SynthesisRun } from "./store.ts";

/**
 * What happens in a synthesis; `image` is an image's index in the list. Events come as things happen, but for "image",
 * which comes for each image in the order of the list.
 */
export type SynthesisEvent =
  | { type: "started"; images: number; run: SynthesisRun }
  /** A stage begins. */
  | { type: "stage"; image: number; path: string; question: number | null; stage: SynthesisStage }
  | { type: "kept"; image: number; question: number; kept: KeptQuestion }
  | { type: "dropped"; image: number; drop: SynthesisDrop }
  /** A request failed: the next run asks again. */
  | { type: "pending"; image: number; pending: PendingItem }
  /** Now and then, as long as something happens. */
  | { type: "counters"; counters: SynthesisCounters }
  /** Everything of an image is done, or pending. */
  | { type: "image"; image: number; outcome: ImageOutcome; counters: SynthesisCounters }
  /** Complete: nothing is pending. */
  | { type: "finished"; counters: SynthesisCounters; complete: boolean };
