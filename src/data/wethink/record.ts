import { checkImagePath } from "../images/lookup.ts";
import { hasMarkers, stripImageMarkers } from "./markers.ts";
import { stripAnswer, stripReasoning } from "./tags.ts";

/**
 * One example of WeThink (2025, arXiv:2506.07905), as its data set has it, in plain form: texts without the wrappers and
 * image markers that they may come with; a marker in them is a word. What is written of the names that `category`,
 * `abilities` and `reward` may hold is nowhere published: any are taken.
 */
export interface WeThinkRecord {
  /** The question. */
  problem: string;
  /** The answer that counts. */
  answer: string;
  /** Kind of question; "" where there is none. */
  category: string;
  /** What it takes to answer. */
  abilities: string[];
  /** The reasoning, without tags. */
  refined_cot: string;
  /** Relative to the folder of the images. */
  image_path: string;
  /** How an answer is rewarded; "" where there is none. */
  reward: string;
}

/** A record that was read. */
export interface DatasetRow {
  record: WeThinkRecord;
  /** Of the row in its file, from 1; of JSONL the line. */
  number: number;
  /** Reads the encoded image; absent where no images were given. */
  image?: () => Promise<Uint8Array>;
}

/** Why a row is not taken. */
export const rejectReasons = [
  "broken-json",
  "not-an-object",
  "missing-field",
  "wrong-type",
  "empty-problem",
  "empty-reasoning",
  "empty-answer",
  "unsafe-path",
  "duplicate",
  "missing-image",
] as const;
/** Why a row is no record. */
export type RejectReason = (typeof rejectReasons)[number];

/** A row that is not taken. */
export interface RejectedRow {
  number: number;
  reason: RejectReason;
  /** The reason in words. */
  detail: string;
  /** As the file has it; the text of a line that is no JSON. */
  row: unknown;
}

/** What was done to a row's texts. */
export const recordChanges = [
  "image-marker-removed",
  "reasoning-unwrapped",
  "answer-unwrapped",
  "literal-marker",
] as const;
/** What may have had to be changed in a row. */
export type RecordChange = (typeof recordChanges)[number];

/** A record, and what had to be changed in it; or why it is none. */
export type ParsedRecord =
  { record: WeThinkRecord; changes: RecordChange[] } | { reason: RejectReason; detail: string };

/** What a record must have. */
export interface ParseRecordOptions {
  /** Whether a row without reasoning is rejected. Reinforcement learning needs none. Default true. */
  requireReasoning?: boolean;
}

/** A record of a row, in plain form, or why it is none. `category`, `abilities` and `reward` may be left out. */
export function parseRecord(row: unknown, options: ParseRecordOptions = {}): ParsedRecord {
  const requireReasoning = options.requireReasoning ?? true;
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    return reject("not-an-object", `got ${kindOf(row)}, expected an object`);
  }
  const fields = row as Record<string, unknown>;
  const needed = ["problem", "answer", "image_path", ...(requireReasoning ? ["refined_cot"] : [])];
  for (const field of needed) {
    if (fields[field] === undefined || fields[field] === null)
      return reject("missing-field", `${field} is missing`);
  }
  for (const field of ["problem", "answer", "image_path", "refined_cot", "category", "reward"]) {
    const value = fields[field] ?? "";
    if (typeof value !== "string")
      return reject("wrong-type", `${field}: got ${kindOf(value)}, expected a text`);
  }
  const abilities = parseAbilities(fields.abilities);
  if (!abilities) {
    return reject(
      "wrong-type",
      `abilities: got ${kindOf(fields.abilities)}, expected a text or a list of texts`,
    );
  }
  const text = (field: string) => (fields[field] ?? "") as string;
  const { text: problem, removed } = stripImageMarkers(text("problem"));
  const answer = stripAnswer(text("answer"));
  const record: WeThinkRecord = {
    problem: problem.trim(),
    answer,
    category: text("category").trim(),
    abilities,
    refined_cot: stripReasoning(text("refined_cot"), answer),
    image_path: text("image_path").trim(),
    reward: text("reward").trim(),
  };
  if (record.problem === "") return reject("empty-problem", `problem: ${emptyBecause(text("problem"))}`);
  if (record.answer === "") return reject("empty-answer", `answer: ${emptyBecause(text("answer"))}`);
  if (requireReasoning && record.refined_cot === "")
    return reject("empty-reasoning", `refined_cot: ${emptyBecause(text("refined_cot"))}`);
  if (record.image_path === "") return reject("missing-field", "image_path is empty");
  const path = checkImagePath(record.image_path);
  if ("why" in path) return reject("unsafe-path", `image_path ${record.image_path}: ${path.why}`);
  record.image_path = path.path;

  const changes: RecordChange[] = [];
  if (removed > 0) changes.push("image-marker-removed");
  if (record.refined_cot !== text("refined_cot").trim()) changes.push("reasoning-unwrapped");
  if (record.answer !== text("answer").trim()) changes.push("answer-unwrapped");
  if ([record.problem, record.refined_cot, record.answer].some(hasMarkers)) changes.push("literal-marker");
  return { record, changes };
}

function reject(reason: RejectReason, detail: string): ParsedRecord {
  return { reason, detail };
}

function emptyBecause(text: string): string {
  return text.trim() === "" ? "is empty" : "is empty without its tags and markers";
}

/** A list, a text that is a list as JSON or Python write it, or names apart by commas; null where it is none of these. */
export function parseAbilities(value: unknown): string[] | null {
  const names =
    value === undefined || value === null ? [] : typeof value === "string" ? splitNames(value) : value;
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return null;
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))];
}

function splitNames(text: string): string[] {
  const list = /^\s*\[([\s\S]*)\]\s*$/.exec(text)?.[1];
  try {
    if (list !== undefined) return (JSON.parse(text) as unknown[]).map(String);
  } catch {
    // Python's quotes, or none.
  }
  const names = (list ?? text).split(/[,，、;]/);
  return list === undefined ? names : names.map((name) => name.trim().replace(/^(["'])(.*)\1$/, "$2"));
}

/** "a number", "a list", … for messages. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  const kind = typeof value;
  return kind === "string" ? "a text" : kind === "object" ? "an object" : `a ${kind}`;
}
