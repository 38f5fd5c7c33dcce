/** A set of one's own images with questions and answers, as a file has it and as the task `examples` takes it. */
import { CorruptFileError } from "../../workers/client.ts";

export interface OwnExample {
  /** A data URL, or an address; empty for a question without an image. */
  image: string;
  question: string;
  answer: string;
  /** How an ideal answer reasons: shown in supervised runs that think. */
  reasoning: string;
  /** As a set in a file may have it: accuracy is also reported by kind. */
  kind?: string;
}

/** What the task `examples` holds, texts and images together. */
export const mostBytes = 8 * 2 ** 20;
export const mostExamples = 512;

/**
 * Reads a set: `[{ image, question, answer, reasoning? }, …]`, the same under `examples`, or a whole recipe with it.
 * @throws CorruptFileError naming the file and the row.
 */
export function parseImageSet(text: string, name: string): OwnExample[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`${name}: it is not JSON`, { cause });
  }
  const rows = rowsOf(json);
  if (!rows)
    throw new CorruptFileError(`${name}: got no list of examples, expected [{ image, question, answer }, …]`);
  return rows.map((row, index) => {
    const at = `${name}: example ${index + 1}`;
    if (!isRecord(row)) throw new CorruptFileError(`${at}: expected { image, question, answer }`);
    const field = (key: string, needed: boolean) => {
      const value = row[key] ?? (needed ? undefined : "");
      if (typeof value !== "string")
        throw new CorruptFileError(`${at}: ${key}: got ${typeof value}, expected a text`);
      return value;
    };
    const kind = field("kind", false);
    return {
      image: field("image", false),
      question: field("question", true),
      answer: field("answer", true),
      reasoning: field("reasoning", false),
      ...(kind && { kind }),
    };
  });
}

/** The set as a file. */
export function writeImageSet(examples: readonly OwnExample[]): string {
  return `${JSON.stringify({ examples: taskExamples(examples) }, null, 2)}\n`;
}

/** The set as the task takes it: what is empty is left out. */
export function taskExamples(examples: readonly OwnExample[]): Record<string, string>[] {
  return examples.map(({ image, question, answer, reasoning, kind }) => ({
    ...(image && { image }),
    question: question.trim(),
    answer: answer.trim(),
    ...(reasoning.trim() && { reasoning: reasoning.trim() }),
    ...(kind && { kind }),
  }));
}

/** What has to be done before the set can be trained on; empty when it can. */
export function whatIsMissing(examples: readonly OwnExample[]): string {
  if (examples.length === 0) return "Add an image, and write a question and its answer.";
  const numbers = (rows: readonly number[]) =>
    rows.length > 5 ? `${rows.slice(0, 5).join(", ")} and ${rows.length - 5} more` : rows.join(", ");
  const without = (key: "question" | "answer") =>
    examples.flatMap((example, index) => (example[key].trim() === "" ? [index + 1] : []));
  for (const key of ["question", "answer"] as const) {
    const rows = without(key);
    if (rows.length > 0)
      return `Still without ${key}: ${rows.length === 1 ? "row" : "rows"} ${numbers(rows)}.`;
  }
  if (examples.length > mostExamples) return `${examples.length} rows: at most ${mostExamples} are taken.`;
  const bytes = sizeOf(examples);
  if (bytes > mostBytes)
    return `Together ${(bytes / 2 ** 20).toFixed(1)} MiB: at most ${mostBytes / 2 ** 20} MiB are taken.`;
  return "";
}

/** Bytes that the set has as text. */
export function sizeOf(examples: readonly OwnExample[]): number {
  return examples.reduce(
    (sum, { image, question, answer, reasoning, kind = "" }) =>
      sum + image.length + question.length + answer.length + reasoning.length + kind.length,
    0,
  );
}

function rowsOf(json: unknown): unknown[] | undefined {
  if (Array.isArray(json)) return json as unknown[];
  if (!isRecord(json)) return undefined;
  const { examples, task } = json;
  if (Array.isArray(examples)) return examples as unknown[];
  return isRecord(task) ? rowsOf(task) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
