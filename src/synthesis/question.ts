/** What a question is before it is answered, and when two answers to it are the same. Rules alone, no model. */
import { hybridReward, type HybridReward } from "../rl/hybrid-reward.ts";
import type { MathEngine } from "../rl/math/math-json.ts";
import { normaliseAnswer } from "../rl/reward.ts";
import { chooseVerifier, type VerifierName } from "../rl/verifiers/choose.ts";
import { extractChoice, noChoice, parseOptions } from "../rl/verifiers/multiple-choice.ts";
import { stripAnswer } from "../data/wethink/tags.ts";
import type { WrittenQuestion } from "./forms.ts";
import { categoryNames, type QuestionType } from "./stages.ts";

/** A question in the form in which it is asked and recorded. */
export interface PosedQuestion {
  /** Of the image, from 0. */
  index: number;
  type: QuestionType;
  category: string;
  /** Options stand in lines of their own behind the question: "A. cat". */
  problem: string;
  /** By letter; empty for other types than multiple choice. */
  options: Record<string, string>;
  /** Reasoning first. */
  abilities: string[];
}

const letters = "ABCDEFGHIJ";

/** The question as it is posed, or what is wrong with it that no model need be asked for. */
export function poseQuestion(
  { type, question, options, abilities }: WrittenQuestion,
  index: number,
): PosedQuestion | { problem: string; wrong: string } {
  // Letters that the asker wrote although it was told not to.
  const given = options.map((option) => option.replace(/^\s*(?:\([A-J]\)|[A-J][.):])\s+/, "").trim());
  const stem = question.trim();
  const isChoice = type === "multiple-choice";
  const lines = given.map((option, at) => `${letters[at]}. ${option}`);
  const problem = isChoice ? [stem, ...lines].join("\n") : stem;
  const wrong = (what: string) => ({ problem, wrong: what });
  if (abilities.length === 0) return wrong("it names no ability besides reasoning");
  if (isChoice && (given.length < 2 || given.length > letters.length))
    return wrong(`it has ${given.length} options, expected 2 to ${letters.length}`);
  if (isChoice && new Set(given.map(normaliseAnswer)).size < given.length)
    return wrong("two of its options are the same");
  if (!isChoice && given.length > 0) return wrong(`it is ${type} and has options`);
  const known = isChoice ? Object.fromEntries(given.map((option, at) => [letters[at], option])) : {};
  if (isChoice && JSON.stringify(parseOptions(problem)) !== JSON.stringify(known))
    return wrong("its options cannot be told from its words");
  return {
    index,
    type,
    category: categoryNames[type],
    problem,
    options: known,
    abilities: ["reasoning", ...new Set(abilities)],
  };
}

/** Words that are the same but for case and signs pose the same question. */
export function sameQuestionKey({ problem }: { problem: string }): string {
  return problem
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** What an answerer is told of the answer's form. */
export const answerForms: Readonly<Record<QuestionType, string>> = {
  "multiple-choice": "the letter of the right option, and nothing else",
  "fill-in-blank": "one number, name or few words, and nothing else",
  descriptive: "a few sentences",
};

/** An answer in the form in which it is compared and recorded, or what is wrong with it. */
export function readAnswerOf(
  { type, options }: PosedQuestion,
  given: string,
): { answer: string } | { wrong: string } {
  const answer = stripAnswer(given);
  if (answer === "") return { wrong: "the answer is empty without its tags" };
  if (type !== "multiple-choice") return { answer };
  const { letter, how } = extractChoice(answer, options);
  if (letter === null || letter === noChoice)
    return { wrong: `the answer has to be one of ${Object.keys(options).join(", ")}: ${how}` };
  return { answer: letter };
}

/** How a record's answers are rewarded: choices and blanks by a rule, by the form of the answer; descriptions by a model. */
export function rewardOf({ type }: PosedQuestion, answer: string): VerifierName {
  if (type === "multiple-choice") return "multiple-choice";
  if (type === "descriptive") return "model-judge";
  const { verifier } = chooseVerifier({ answer });
  // The answer of a blank is compared with, however long it is; a letter is a word.
  return verifier === "model-judge" || verifier === "multiple-choice" ? "fill-in-blank" : verifier;
}

/** Whether two answers are the same, as far as a rule can tell. */
export interface Agreement {
  agree: boolean;
  verifier: VerifierName;
  why: string;
}

/** Compares two answers by the verifier that the record will be rewarded by. */
export class AnswerComparison {
  readonly #reward: HybridReward;

  constructor(math?: MathEngine | (() => Promise<MathEngine>)) {
    this.#reward = hybridReward({ math });
  }

  /** Each must be right where the other is the reference: "5 cm" for "5" is left to a model. */
  async compare(question: PosedQuestion, text: string, image: string): Promise<Agreement> {
    const verifier = rewardOf(question, text);
    if (normaliseAnswer(text) === normaliseAnswer(image))
      return { agree: true, verifier, why: "the answers are equal" };
    if (verifier === "model-judge")
      return { agree: false, verifier, why: "the descriptions differ, and no rule compares them" };
    const forth = await this.#accuracy(question, verifier, text, image);
    const back = await this.#accuracy(question, verifier, image, text);
    return { agree: forth.accuracy === 1 && back.accuracy === 1, verifier, why: forth.why };
  }

  #accuracy({ problem, category }: PosedQuestion, reward: VerifierName, answer: string, response: string) {
    const completion = { text: response, tokens: [], finishReason: "stop" as const };
    return this.#reward(completion, { problem, category, reward, answer });
  }
}
