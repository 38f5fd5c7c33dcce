import { extractChoice, type Options } from "../../rl/verifiers/multiple-choice.ts";
import { extractYesNo } from "../../rl/verifiers/yes-no.ts";
import type { EvalRow, JudgeQuestion } from "./benchmark.ts";

/** Version of the judge's prompts: in records, as another wording may score otherwise. */
export const judgePromptVersion = 1;

/** Longer responses are shown to the judge without their middle. */
const maxCharacters = 6000;

/** Which option a response chooses. */
export function choiceQuestion(row: EvalRow, options: Options, response: string): JudgeQuestion {
  const listed = Object.entries(options).map(([letter, text]) => `${letter}. ${text}`);
  return {
    key: "choice",
    prompt: [
      "A model was asked a single-choice question. Say which option its response chooses: the one that means the same.",
      "Reply with that option's letter alone. Reply Z when the response chooses none of them, refuses, or chooses several.",
      section("Question", row.question),
      section("Options", listed.join("\n")),
      section("Response", response),
      "Letter:",
    ].join("\n\n"),
    tries: 3,
    maxTokens: 16,
    options,
  };
}

/** Whether a response says yes or no. */
export function yesNoQuestion(row: EvalRow, response: string): JudgeQuestion {
  return {
    key: "yes-no",
    prompt: [
      "A model was asked a question that is answered by yes or no. Say which of the two its response means.",
      "Reply with one word: Yes, No, or Unknown when it means neither.",
      section("Question", row.question),
      section("Response", response),
      "Yes, No or Unknown:",
    ].join("\n\n"),
    tries: 5,
    maxTokens: 16,
  };
}

/** The short answer that a response comes to. @param form what the answer should look like. */
export function extractQuestion(row: EvalRow, response: string, form: string): JudgeQuestion {
  return {
    key: "extract",
    prompt: [
      "A model answered a question at length. Copy out its final answer.",
      `Reply with the answer alone, without explanation: ${form}. Do not solve or correct it. Reply null when there is none.`,
      section("Question", row.question),
      section("Response", response),
      "Final answer:",
    ].join("\n\n"),
    tries: 5,
    maxTokens: 128,
  };
}

/** Whether an extracted answer is the gold one. */
export function gradeQuestion(question: string, gold: string, extracted: string): JudgeQuestion {
  return {
    key: "grade",
    prompt: [
      "Say whether a model's answer to a question of mathematics agrees with the reference answer.",
      "They agree when they state the same in full: the same option, or the same value or expression, however written; " +
        "converted units agree. A part of the reference answer is not enough.",
      "Reply with one digit: 1 when they agree, 0 when they do not.",
      section("Question", question),
      section("Reference answer", gold),
      section("Model's answer", extracted),
      "0 or 1:",
    ].join("\n\n"),
    tries: 5,
    maxTokens: 8,
  };
}

/** Which letters a response chooses; several may be right. */
export function lettersQuestion(row: EvalRow, response: string): JudgeQuestion {
  return {
    key: "letters",
    prompt: [
      "A model was asked a question of which one or more options are right. Say which options its response chooses.",
      "Reply with the letters alone, in capitals and without anything between them: B, or ACD. Where it names no letter, " +
        "tell from the options of the question. Reply Z when it chooses none.",
      section("Question", row.question),
      section("Response", response),
      "Letters:",
    ].join("\n\n"),
    tries: 5,
    maxTokens: 16,
  };
}

/** How much of the gold answer a free response gets right. */
export function tenthsQuestion(row: EvalRow, gold: string, response: string): JudgeQuestion {
  return {
    key: "tenths",
    prompt: [
      "Grade a model's answer by the reference answer, in tenths from 0.0 (all wrong) to 1.0 (all right).",
      "Elements that the reference joins by <AND> must all be there for 1.0, and count in equal parts; of those that it " +
        "joins by <OR> one is enough. Count what is stated, not how it is worded.",
      "Reply with the number alone, with one decimal.",
      section("Question", row.question),
      section("Reference answer", gold.replaceAll(/\s*<(AND|OR)>\s*/g, " <$1> ")),
      section("Model's answer", response),
      "Grade:",
    ].join("\n\n"),
    tries: 5,
    maxTokens: 8,
  };
}

function section(title: string, text: string): string {
  const half = maxCharacters / 2;
  const shown = text.length > maxCharacters ? `${text.slice(0, half)}\n[…]\n${text.slice(-half)}` : text;
  return `${title}:\n${shown.trim()}`;
}

/**
 * What a judge's reply says: a letter (Z: none of the options), letters in order, "Yes", "No" or "Unknown", the answer's
 * text, 0 or 1, or a grade in tenths. null: it does not say, so that it should be asked again.
 */
export function readReply(question: JudgeQuestion, text: string): string | number | null {
  const reply = text.trim();
  switch (question.key) {
    case "choice":
      return extractChoice(reply, question.options ?? {}).letter;
    case "yes-no": {
      const said = extractYesNo(reply);
      return said !== "Unknown" || /\bunknown\b/i.test(reply) ? said : null;
    }
    case "letters":
      return /^[A-Z]{1,12}$/.test(reply) ? [...reply].sort().join("") : null;
    case "grade":
      return reply === "0" || reply === "1" ? Number(reply) : null;
    case "tenths":
      return /^(?:0(?:\.\d0*)?|1(?:\.0+)?)$/.test(reply) ? Number(reply) : null;
    case "extract":
      return reply === "" ? null : reply;
  }
}
