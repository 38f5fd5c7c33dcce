/** What a synthesis keeps, and where: journal of answers, what became of each image, and how it was made. */
import type { WeThinkRecord } from "../data/wethink/record.ts";
import type { VerifierName } from "../rl/verifiers/choose.ts";
import type { PromptIdentity } from "./prompts.ts";
import type {
  AskingStage,
  DropReason,
  QuestionType,
  StageSampling,
  SynthesisRole,
  SynthesisStage,
} from "./stages.ts";

/** An answer as it is kept: written before it is used, so that the same is never asked twice. */
export interface KeptAnswer {
  stage: SynthesisStage;
  /** Name of the model. */
  model: string;
  /** One for each asking stage; of the policy as many as were sampled. */
  texts: readonly string[];
  promptTokens?: number;
  completionTokens?: number;
  cost?: number;
  /** Cut at the limit of tokens. */
  cut?: boolean;
  /** How long it took, queues left out. */
  ms: number;
}

/** How a run of the synthesis makes records; two runs with the same fingerprint make the same. */
export interface SynthesisRun {
  fingerprint: string;
  roles: Record<SynthesisRole, { name: string; identity: string }>;
  prompts: Record<AskingStage, PromptIdentity>;
  sampling: Record<AskingStage, StageSampling>;
  questions: number;
  turns: number;
  attempts: number;
  seed: number | null;
  /** Null: no filter by difficulty. */
  passRate: { policy: string; samples: number; above: number; below: number } | null;
}

/** How a record came about. */
export interface RecordProvenance {
  /** Fingerprint of the {@link SynthesisRun}. */
  run: string;
  image: { path: string; sha256: string };
  /** Of the image, from 0, as the asker wrote them. */
  question: number;
  type: QuestionType;
  /** The two answers, and who found that they agree, or decided between them. */
  answers: { text: string; image: string };
  agreement: { by: "rule" | "adjudicator"; verifier: VerifierName; taken: "text" | "image"; why: string };
  /** The reasoning before it was rewritten. */
  reasoning: string;
  /** Of the policy: the mean accuracy of its samples, and of how many. Absent without the filter. */
  passRate?: { rate: number | null; samples: number };
}

/** A record that was made. */
export interface KeptQuestion {
  record: WeThinkRecord;
  provenance: RecordProvenance;
}

/** An image or question that came to nothing. */
export interface SynthesisDrop {
  path: string;
  /** Null: the image. */
  question: number | null;
  stage: SynthesisStage;
  reason: DropReason;
  detail: string;
  /** The question, where there was one. */
  problem?: string;
}

/** An image or question whose request failed; the next run asks again. */
export interface PendingItem {
  path: string;
  /** Null: the image. */
  question: number | null;
  stage: SynthesisStage;
  error: string;
}

/** What became of an image. */
export interface ImageOutcome {
  /** Fingerprint of the {@link SynthesisRun}. */
  run: string;
  path: string;
  /** Null: it could not be read. */
  sha256: string | null;
  /** The description that its questions were made from; null when there is none. */
  description: string | null;
  kept: KeptQuestion[];
  drops: SynthesisDrop[];
  pending: PendingItem[];
}

/**
 * Where a synthesis keeps what it makes. What a promise of `keepAnswer` was fulfilled for is still there after a crash.
 * Methods throw StorageError where there is no room.
 */
export interface SynthesisStore {
  /** For messages. */
  readonly name: string;
  /** Null when this was never answered. */
  answer(key: string): Promise<KeptAnswer | null>;
  /** Kept from when the promise is fulfilled. */
  keepAnswer(key: string, answer: KeptAnswer): Promise<void>;
  /** Takes the place of a run with the same fingerprint. */
  keepRun(run: SynthesisRun): Promise<void>;
  /** Takes the place of what was kept for the same path. */
  keepOutcome(outcome: ImageOutcome): Promise<void>;
  /** Gives back what the store holds; what was kept stays. */
  close(): Promise<void>;
}

/** A store that earlier outcomes can be read from. */
export interface ReadableSynthesisStore extends SynthesisStore {
  /** Of all images in order of their paths, or of those of one run. */
  outcomes(run?: string): AsyncGenerator<ImageOutcome, void, void>;
  /** Every run that something was kept of. */
  runs(): Promise<SynthesisRun[]>;
}

/** Kept for as long as the object lives. */
export function memorySynthesisStore(): ReadableSynthesisStore {
  const answers = new Map<string, KeptAnswer>();
  const outcomes = new Map<string, ImageOutcome>();
  const runs = new Map<string, SynthesisRun>();
  return {
    name: "memory",
    answer: (key) => Promise.resolve(answers.get(key) ?? null),
    keepAnswer(key, answer) {
      answers.set(key, answer);
      return Promise.resolve();
    },
    keepRun(run) {
      runs.set(run.fingerprint, run);
      return Promise.resolve();
    },
    keepOutcome(outcome) {
      outcomes.set(outcome.path, outcome);
      return Promise.resolve();
    },
    async *outcomes(run) {
      for (const path of [...outcomes.keys()].sort()) {
        const outcome = outcomes.get(path);
        if (outcome && (run === undefined || outcome.run === run)) yield await Promise.resolve(outcome);
      }
    },
    runs: () => Promise.resolve([...runs.values()]),
    close: () => Promise.resolve(),
  };
}
