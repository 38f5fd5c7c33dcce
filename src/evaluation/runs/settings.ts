import type { SystemPromptIdentity } from "../../data/system-prompt.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import { CorruptFileError, InvalidOptionError } from "../../util/errors.ts";
import { isRecord } from "../../util/is-record.ts";
import { scoringKinds, type ScoringKind } from "../benchmarks/benchmark.ts";
import type { AnswerSampling } from "./answerer.ts";

/** What an answer depends on. A run goes on with the settings that it began with, and with no others. */
export interface EvaluationSettings {
  version: 1;
  /** A name of the registry, or a file's own. */
  benchmark: string;
  scoring: ScoringKind;
  /** Of the texts that questions are put in. */
  promptVersion: string;
  data: {
    /** The table's name, without its folder. */
    file: string;
    rows: number;
    /** Of every row's index and texts, in order; pixels left out. */
    sha256: string;
  };
  selection: {
    /** The rows of this split alone. */
    split: string | null;
    /** So many units were drawn: questions with all their rotations or variants. Null: all of them. */
    limit: number | null;
    seed: number;
    /** Rows that are asked. */
    rows: number;
  };
  /** Who answers: a name, and whatever else the caller tells apart by. */
  model: { name: string } & Record<string, string | number | boolean | null>;
  /** Null where the benchmark is asked without one. */
  system: (SystemPromptIdentity & { text: string }) | null;
  sampling: AnswerSampling;
}

const file = "settings.json";

/** Null for a store without a run. @throws CorruptFileError for settings that are none. */
export async function loadSettings(store: BlobStore): Promise<EvaluationSettings | null> {
  const bytes = await store.load(file);
  if (!bytes) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new CorruptFileError(`${file} in ${store.name}: it is not JSON`, { cause });
  }
  if (isSettings(value)) return value;
  throw new CorruptFileError(`${file} in ${store.name}: expected the settings of an evaluation, version 1`);
}

/** Whether a value is settings as they are stored; what is in them is checked as far as it is read. */
export function isSettings(value: unknown): value is EvaluationSettings {
  return (
    isRecord(value) &&
    value.version === 1 &&
    typeof value.benchmark === "string" &&
    scoringKinds.some((kind) => kind === value.scoring) &&
    [value.data, value.selection, value.sampling].every(isRecord) &&
    isRecord(value.model) &&
    typeof value.model.name === "string" &&
    (value.system === null || (isRecord(value.system) && typeof value.system.sha256 === "string"))
  );
}

export async function saveSettings(store: BlobStore, settings: EvaluationSettings): Promise<void> {
  await store.save(file, new TextEncoder().encode(`${JSON.stringify(settings, undefined, 2)}\n`));
}

/**
 * @param begun what the run began with.
 * @throws InvalidOptionError naming every setting that differs.
 */
export function checkSettings(store: BlobStore, begun: EvaluationSettings, now: EvaluationSettings): void {
  const differing = differences(begun, now).filter(
    // The prompt's hash and kind say the same as its text; how many rows are drawn follows from the rest.
    ([name]) => !/^system\.(sha256|kind)$|^selection\.rows$/.test(name),
  );
  if (differing.length === 0) return;
  const list = (side: 1 | 2) => differing.map((entry) => `${entry[0]} ${show(entry[side])}`).join(", ");
  throw new InvalidOptionError(
    `evaluation in ${store.name}`,
    list(2),
    `${list(1)}, as it was begun with: go on with these settings, or begin another elsewhere`,
  );
}

/** Paths at which two values differ. */
function differences(a: unknown, b: unknown, path = ""): [path: string, a: unknown, b: unknown][] {
  if (isRecord(a) && isRecord(b)) {
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return names.flatMap((name) => differences(a[name], b[name], path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [[path, a, b]];
}

function show(value: unknown): string {
  const text = (JSON.stringify(value) ?? "absent").replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1…");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
