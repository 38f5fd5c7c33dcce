/** Think and answer tags that a text came with. */
const answerBlock = /<\s*answer\s*>([\s\S]*?)<\s*\/\s*answer\s*>/gi;
const thinkBlock = /<\s*think\s*>[\s\S]*?<\s*\/\s*think\s*>/gi;
const openAnswer = /<\s*answer\s*>([\s\S]*)$/i;
const anyTag = /<\s*\/?\s*(?:think|answer)\s*>/gi;

/**
 * Reasoning without the wrappers that it may have come in: answer blocks go with what is in them, think tags and stray
 * tags go alone. An answer block that is never closed goes if it stands behind the reasoning's end, or holds nothing but
 * the answer: else the tag was only spoken of.
 */
export function stripReasoning(text: string, answer: string): string {
  const closed = text.replace(answerBlock, "\n");
  const behind = openAnswer.exec(closed);
  const before = behind ? closed.slice(0, behind.index) : closed;
  const isAnswer = behind && (/<\s*\/\s*think\s*>/i.test(before) || behind[1].trim() === answer.trim());
  return (isAnswer ? before : closed).replace(anyTag, "").trim();
}

/** An answer without wrappers: what the last answer block holds where there is one, and no reasoning. */
export function stripAnswer(text: string): string {
  const last = [...text.matchAll(answerBlock)].at(-1)?.[1];
  return (last ?? text).replace(thinkBlock, "").replace(anyTag, "").trim();
}

/** Reasoning and answer of a response; what has neither block, nor an end of the reasoning, is all answer. */
export function splitResponse(text: string): { reasoning: string; answer: string } {
  const block = [...text.matchAll(answerBlock)].at(-1)?.[1];
  if (block !== undefined) return { reasoning: stripReasoning(text, block), answer: block.trim() };
  const end = /^([\s\S]*)<\s*\/\s*think\s*>([\s\S]*)$/i.exec(text);
  if (!end) return { reasoning: "", answer: stripAnswer(text) };
  return { reasoning: stripReasoning(end[1], ""), answer: stripAnswer(end[2]) };
}

/** Reasoning, then the answer, each in its block: what supervised training learns. Without reasoning the answer alone. */
export function joinResponse(reasoning: string, answer: string): string {
  return `${reasoning === "" ? "" : `<think>${reasoning}</think>\n`}<answer>${answer}</answer>`;
}
