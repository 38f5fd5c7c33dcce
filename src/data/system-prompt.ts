import { sha256Hex } from "../util/sha256.ts";

/**
 * Asks for the form that the format reward checks: the reasoning inside think tags, then the final answer inside answer
 * tags. The contract of WeThink (2025, arXiv:2506.07905), in our own words.
 */
export const REASONING_SYSTEM_PROMPT =
  "First reason about the question step by step, as if talking to yourself, and only then answer it. " +
  "Write the reasoning inside <think></think> tags, and after it the final answer, and nothing else, inside " +
  "<answer></answer> tags.";

/** SHA-256 of the two lines that WeThink's own model is asked with (its inference.py and VLMEvalKit, 2025). */
export const WETHINK_PROMPT_SHA256 = "32879f26141db8b6040d533178973ed5c7ef008175042372d08f80ba2b1931cb";

/**
 * Whose system prompt a text is: "default" is {@link REASONING_SYSTEM_PROMPT}, "wethink" the original that it stands in
 * for, "none" no text at all.
 */
export type SystemPromptKind = "default" | "wethink" | "custom" | "none";

/** What a record says of a system prompt. */
export interface SystemPromptIdentity {
  kind: SystemPromptKind;
  /** Of the text's UTF-8 bytes as given; of no bytes for none. */
  sha256: string;
}

/**
 * Recognises a system prompt by its hash. WeThink's original is also recognised with the line ends of Windows and with
 * white space around it, as editors leave them in files; `sha256` is that of the text as it was given.
 */
export async function identifySystemPrompt(text: string | null | undefined): Promise<SystemPromptIdentity> {
  const given = text ?? "";
  const sha256 = await hash(given);
  if (given === "") return { kind: "none", sha256 };
  const plain = given.replaceAll("\r\n", "\n").trim();
  if (plain === REASONING_SYSTEM_PROMPT) return { kind: "default", sha256 };
  const bare = plain === given ? sha256 : await hash(plain);
  return { kind: bare === WETHINK_PROMPT_SHA256 ? "wethink" : "custom", sha256 };
}

const hash = (text: string) => sha256Hex(new TextEncoder().encode(text));
