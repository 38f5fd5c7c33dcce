import type { SampleRecord } from "./journal.ts";
import type { EvaluationReport } from "./report.ts";
import type { EvaluationSettings } from "./settings.ts";

/** What happens in a run, in order. */
export type EvaluationEvent =
  /** Rows that were looked through before anything is asked. */
  | { type: "scanning"; rows: number }
  /** `answered` of `total` had been answered before. */
  | { type: "begun"; settings: EvaluationSettings; answered: number; total: number }
  | { type: "answered"; sample: SampleRecord; answered: number; total: number }
  /** It stays without an answer; a second run asks it again. */
  | { type: "unanswered"; index: string; error: string; unanswered: number }
  | { type: "scoring"; done: number; total: number }
  | { type: "finished"; report: EvaluationReport };
