/** How the answers to a benchmark are scored. */
export const scoringKinds = [
  "choice",
  "circular-choice",
  "mmmu",
  "yes-no",
  "yes-no-figures",
  "ocrbench",
  "ocrbench-v2",
  "mathvista",
  "mathvision",
  "mathverse",
  "dynamath",
  "wemath",
  "logicvista",
  "mmvet",
  "exact",
] as const;
/** One of {@link scoringKinds}. */
export type ScoringKind = (typeof scoringKinds)[number];

/** A figure that others published, to stand beside a run's own. */
export interface PublishedFigure {
  model: string;
  /** In the unit of the figure it stands beside. */
  value: number;
  /** Name of the run's figure that it stands beside. Absent: the headline. */
  figure?: string;
  source: string;
  /** YYYY-MM-DD; null: the source does not say. */
  date: string | null;
  note?: string;
}

/** A benchmark: where its questions are, how answers are scored, what others got. */
export interface Benchmark {
  /** As VLMEvalKit calls it: "MMBench_DEV_EN_V11". */
  name: string;
  /** As boards call it: "MMBench v1.1". */
  title: string;
  /** Names of its tables; the first is the one that is meant when none is said. */
  files: readonly string[];
  scoring: ScoringKind;
  /** Name of the figure that boards show. */
  headline: string;
  /** The split that the headline is of. Absent: all rows. */
  split?: string;
  /** Whether a model must judge: never; what rules leave open; every answer. */
  judge: "none" | "undecided" | "all";
  /** False: WeThink's system prompt is left out, as in its own evaluation. */
  systemPrompt: boolean;
  /** Units that the whole benchmark has, where its formula is in them: 525 problems, 1000 questions. */
  size?: number;
  published: readonly PublishedFigure[];
  /** What is not as others do it, and what must not be compared. */
  notes: readonly string[];
}

/** A row of a benchmark as scoring needs it: no pixels. A `VlmEvalRow` fits. */
export interface EvalRow {
  index: string;
  question: string;
  /** Absent in a hidden test set. */
  answer?: string;
  hint?: string;
  /** By letter. */
  options: Readonly<Record<string, string>>;
  category?: string;
  l2Category?: string;
  split?: string;
  /** Every cell that has something in it, those above too. */
  columns: Readonly<Record<string, string>>;
}

/** A row again from the cells that a record of the run kept. */
export function rowOfColumns(columns: Readonly<Record<string, string>>): EvalRow {
  const cell = (name: string): string | undefined =>
    Object.hasOwn(columns, name) ? columns[name] : undefined;
  const given = {
    answer: cell("answer"),
    hint: cell("hint"),
    category: cell("category"),
    l2Category: cell("l2-category"),
    split: cell("split"),
  };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    index: (cell("index") ?? "").trim(),
    question: cell("question") ?? "",
    options: Object.fromEntries(Object.entries(columns).filter(([name]) => /^[A-Z]$/.test(name))),
    columns,
  };
}

/** A question to the judge. It is data: whoever has a model asks it, and the reply can be read again without one. */
export interface JudgeQuestion {
  /** Names the reply: "choice", "yes-no", "extract", "grade", "letters" or "tenths". */
  key: JudgeKey;
  prompt: string;
  /** How often it is asked while replies cannot be read. */
  tries: number;
  /** Enough for the reply. */
  maxTokens: number;
  /** Options by letter, of a question about a choice. */
  options?: Readonly<Record<string, string>>;
}

/** What a judge is asked for. */
export type JudgeKey = "choice" | "yes-no" | "extract" | "grade" | "letters" | "tenths";

/** The values of {@link ScoredBy}. */
export const scoredBy = [
  "rule",
  "judge",
  "approximation",
  "undecided",
  "judge-failed",
  "unscored",
  "pending",
] as const;
/**
 * How a score came about. `approximation`: a rule of ours in a judge's place. `undecided`: no rule found an answer and
 * there is no judge; it counts as wrong, as VLMEvalKit's exact matching does. `judge-failed`: no reply could be read; left
 * out and counted. `unscored`: there is nothing to score by. `pending`: the judge must be asked first.
 */
export type ScoredBy = (typeof scoredBy)[number];

/** What scoring says of one response. */
export interface SampleScore {
  /** 0 to 1; null: left out of every figure. */
  score: number | null;
  /** What was taken to be the answer; null when nothing was. */
  extracted: string | null;
  how: ScoredBy;
  /** One sentence for people. */
  why: string;
  /** What to ask the judge; only when `how` is "pending". */
  question?: JudgeQuestion;
}

/** How a response is scored. */
export interface ScoreOptions {
  /** Whether think and answer tags are cut first. Default true. */
  cutTags?: boolean;
  /** Whether a judge can be asked. Without one, rules alone decide, and the stated approximations. Default false. */
  judge?: boolean;
  /** What the judge replied, by the questions' keys; null where no reply could be read. */
  replies?: Readonly<Partial<Record<JudgeKey, string | null>>>;
}

/** A row and its score: what figures are made of. */
export interface ScoredSample {
  row: EvalRow;
  score: SampleScore;
}
