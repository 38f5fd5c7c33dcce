import type { Benchmark, EvalRow, ScoringKind } from "./benchmark.ts";
import { InvalidOptionError } from "../../util/errors.ts";

/** Of the words that are put around questions: answers to other words are other answers. */
export const PROMPT_VERSION = "1";

/** A piece of a question: text, or the row's image of this index. */
export type PromptPart = { type: "text"; text: string } | { type: "image"; index: number };

const choiceKinds: readonly ScoringKind[] = ["choice", "circular-choice", "mmmu", "wemath"];

/**
 * What the model is asked for a row, in VLMEvalKit's form: the images, then the text; a choice with its hint, question,
 * options and a closing instruction (none for WeMath); MMMU's images where its text marks them by `<image k>`; DynaMath
 * with the JSON it is to answer in. The instructions are in our words.
 * @param images how many the row has.
 * @throws InvalidOptionError for a mark of an image that the row does not have.
 */
export function buildPrompt(
  benchmark: Pick<Benchmark, "scoring">,
  row: EvalRow,
  images: number,
): PromptPart[] {
  const text = questionText(benchmark.scoring, row);
  const all = Array.from({ length: images }, (_, index): PromptPart => ({ type: "image", index }));
  if (benchmark.scoring !== "mmmu" || !/<image \d+>/.test(text)) return [...all, { type: "text", text }];
  return interleaved(text, images, row);
}

function questionText(scoring: ScoringKind, row: EvalRow): string {
  if (scoring === "dynamath") return dynaMathText(row);
  if (!choiceKinds.includes(scoring)) return row.question;
  const options = Object.entries(row.options).map(([letter, option]) => `${letter}. ${option}`);
  const lines = [
    ...(row.hint === undefined ? [] : [`Hint: ${row.hint}`]),
    `Question: ${row.question}`,
    ...(options.length > 0 ? ["Options:", ...options] : []),
    ...(options.length > 0 && scoring !== "wemath" ? ["Choose the right answer from these options."] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** An image may be shown several times; those that no mark names are not shown, as in VLMEvalKit. */
function interleaved(text: string, images: number, row: EvalRow): PromptPart[] {
  const pieces = text.split(/<image (\d+)>/);
  return pieces
    .map((piece, at): PromptPart => {
      if (at % 2 === 0) return { type: "text", text: piece };
      const index = Number(piece) - 1;
      if (index >= 0 && index < images) return { type: "image", index };
      throw new InvalidOptionError(
        `row ${row.index}: image`,
        `<image ${piece}>`,
        `one of its ${images} images`,
      );
    })
    .filter((part) => part.type === "image" || part.text !== "");
}

const dynaMathForms: Readonly<Record<string, string>> = {
  "multiple choice":
    "Under 'short answer' give the letter of the option alone, such as 'A', 'B', 'C' or 'D'.",
  float: "Under 'short answer' give the number alone, with three decimals.",
};

function dynaMathText(row: EvalRow): string {
  const type = row.columns.answer_type ?? "";
  const form = Object.hasOwn(dynaMathForms, type) ? dynaMathForms[type] : "Give numbers in the answer with three decimals."; // prettier-ignore
  return [
    "## Question",
    row.question,
    "## Form of the answer",
    `Answer by a JSON object with two keys: 'solution', the steps in detail, and 'short answer', the answer in few words. ${form}`,
    JSON.stringify({ solution: "[the steps]", "short answer": "[the answer]" }, null, 4),
  ].join("\n");
}
