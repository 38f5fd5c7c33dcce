/** A response as it is shown: the reasoning apart from the answer, also while it streams. */

export interface Response {
  /** What stands between the think tags, as far as it goes; null for a response without reasoning. */
  thinking: string | null;
  /** The reasoning has ended, or there is none. */
  thought: boolean;
  answer: string;
}

/**
 * Splits the text of a response. Text without tags is all answer; a tag that is not whole yet is kept back until it is,
 * or the response has ended.
 * @param ended nothing more will come.
 */
export function splitResponse(text: string, ended: boolean): Response {
  const seen = ended ? text : text.replace(/<\/?[a-z]*$/, "");
  const [, thinking, closed, rest] = /^\s*<think>([\s\S]*?)(?:(<\/think>)([\s\S]*))?$/.exec(seen) ?? [];
  if (thinking === undefined) return { thinking: null, thought: true, answer: withoutTags(seen) };
  return { thinking: thinking.trim(), thought: closed !== undefined, answer: withoutTags(rest ?? "") };
}

function withoutTags(text: string): string {
  return text.replace(/<\/?answer>/g, "").trim();
}
