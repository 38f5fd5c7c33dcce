import { InvalidOptionError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import { adjudicatePrompt } from "./prompts/adjudicate.ts";
import { answerImagePrompt } from "./prompts/answer-image.ts";
import { answerMissingPrompt } from "./prompts/answer-missing.ts";
import { answerTextPrompt } from "./prompts/answer-text.ts";
import { askMissingPrompt } from "./prompts/ask-missing.ts";
import { describePrompt } from "./prompts/describe.ts";
import { filterPrompt } from "./prompts/filter.ts";
import { mergePrompt } from "./prompts/merge.ts";
import type { SynthesisPrompt } from "./prompts/prompt.ts";
import { questionsPrompt } from "./prompts/questions.ts";
import { rewritePrompt } from "./prompts/rewrite.ts";
import type { AskingStage } from "./stages.ts";

export type { SynthesisPrompt };

/** The kit's own prompts. */
export const synthesisPrompts: Readonly<Record<AskingStage, SynthesisPrompt>> = {
  describe: describePrompt,
  "ask-missing": askMissingPrompt,
  "answer-missing": answerMissingPrompt,
  merge: mergePrompt,
  questions: questionsPrompt,
  filter: filterPrompt,
  "answer-text": answerTextPrompt,
  "answer-image": answerImagePrompt,
  adjudicate: adjudicatePrompt,
  rewrite: rewritePrompt,
};

const placeholder = /\{([a-z]+)\}/g;

/**
 * A prompt of one's own, from a text: what the model is told, a line `---`, and the user's turn with the placeholders
 * that the kit's has. Without such a line the text is what the model is told, and the user's turn stays the kit's.
 * @throws InvalidOptionError for a text without words, or a user's turn that lacks a placeholder or has an unknown one.
 */
export function parsePrompt(stage: AskingStage, text: string): SynthesisPrompt {
  const own = synthesisPrompts[stage];
  const [system, ...rest] = text.replaceAll("\r\n", "\n").split(/^---[ \t]*\n/m);
  const user = rest.length === 0 ? own.user : rest.join("---\n").trim();
  const what = `prompt of ${stage}`;
  if (system.trim() === "") throw new InvalidOptionError(what, "no words", "what the model is told");
  const wanted = placeholdersOf(own.user);
  const got = placeholdersOf(user);
  const missing = wanted.filter((name) => !got.includes(name));
  const unknown = got.filter((name) => !wanted.includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new InvalidOptionError(
      what,
      got.map((name) => `{${name}}`).join(", ") || "no placeholder",
      `in the user's turn each of ${wanted.map((name) => `{${name}}`).join(", ") || "none"}`,
    );
  }
  return { version: "own", system: system.trim(), user };
}

/** Names of placeholders, each once. */
function placeholdersOf(user: string): string[] {
  return [...new Set(Array.from(user.matchAll(placeholder), ([, name]) => name))];
}

/**
 * The user's turn. What could be taken for one of the prompt's own tags is made harmless in the texts that come from
 * models or images.
 */
export function fillPrompt({ user }: SynthesisPrompt, texts: Readonly<Record<string, string>>): string {
  const tags = placeholdersOf(user).join("|");
  const tag = tags === "" ? null : new RegExp(`<(?=\\s*/?\\s*(?:${tags})\\b)`, "gi");
  return user.replace(placeholder, (whole, name: string) => {
    if (!Object.hasOwn(texts, name)) return whole;
    return tag === null ? texts[name] : texts[name].replace(tag, "‹");
  });
}

/** What a record says of a prompt. */
export interface PromptIdentity {
  version: string;
  /** Of the words: system, a zero byte, user. */
  sha256: string;
}

export async function identifyPrompt({ version, system, user }: SynthesisPrompt): Promise<PromptIdentity> {
  return { version, sha256: await sha256Hex(new TextEncoder().encode(`${system}\0${user}`)) };
}
