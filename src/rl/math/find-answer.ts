import { normaliseWords } from "./value.ts";

/** Where in a text its mathematical answer stands. */
export interface FoundAnswer {
  /** One expression each; several are the elements of a set. */
  pieces: string[];
  how: string;
}

/** Between boxes that belong together there is less text than this, and a comma or an "and" or "or" in it. */
const maxBoxGap = 70;
/** Boxes as near as this belong together whatever is between them. */
const closeBy = 10;

/**
 * Looks, in this order, into: what follows "final answer is" behind all boxes; boxes (several near each other are a set,
 * as Math-Verify has it); the text as a whole, when it is an expression and no sentence; what follows the last "answer is"
 * or "answer:"; the last formula or number. null when there is nothing of this.
 */
export function findAnswer(text: string): FoundAnswer | null {
  const { pieces: boxes, end } = boxedPieces(text);
  const final = /final answer\b/i.test(text.slice(end)) ? behindAnchor(text.slice(end)) : null;
  const finally_ = final === null ? null : firstOf(final);
  if (finally_) return { pieces: finally_, how: "what follows “answer”" };
  if (boxes.length > 0) return { pieces: boxes, how: boxes.length > 1 ? "the boxes" : "the box" };
  if (text.trim() !== "" && !isProse(text)) return { pieces: [unwrapped(text)], how: "the text as a whole" };
  const anchored = behindAnchor(text);
  const found = anchored === null ? null : firstOf(anchored);
  if (found) return { pieces: found, how: "what follows “answer”" };
  const formulas = formulaPieces(text);
  const number = plainNumbers(text).at(-1);
  if (number && number.index >= (formulas.at(-1)?.end ?? 0))
    return { pieces: [number[0]], how: "the last number" };
  return formulas.length > 0 ? { pieces: lastRun(formulas, text), how: "the last formula" } : null;
}

interface Piece {
  body: string;
  begin: number;
  end: number;
}

/** Bodies of `\boxed{…}`, from the first that the last belongs to; a percent sign behind the box counts to it. */
function boxedPieces(text: string): { pieces: string[]; end: number } {
  const boxes: Piece[] = [];
  const opening = /\\(?:boxed|fbox)\s*\{/g;
  for (let match = opening.exec(text); match; match = opening.exec(text)) {
    const begin = match.index + match[0].length;
    const end = closingBrace(text, begin);
    if (end < 0) break;
    boxes.push({ body: text.slice(begin, end), begin: match.index, end: end + 1 });
    opening.lastIndex = end + 1;
  }
  const last = boxes.at(-1);
  if (last && /^\s*\$?\s*(?:\\?%|percent|pct)/.test(text.slice(last.end, last.end + 20))) last.body += "\\%";
  const pieces = lastRun(boxes, text);
  return { pieces: pieces.filter((piece, index) => pieces.indexOf(piece) === index), end: last?.end ?? 0 };
}

/** Where the brace opened before `begin` closes; −1 when it does not. */
export function closingBrace(text: string, begin: number): number {
  let depth = 1;
  for (let index = begin; index < text.length; index++) {
    if (text[index] === "{") depth++;
    else if (text[index] === "}" && --depth === 0) return index;
  }
  return -1;
}

/** The last piece and those right before it that it belongs to. */
function lastRun(pieces: readonly Piece[], text: string): string[] {
  let first = pieces.length - 1;
  while (first > 0 && joins(text, pieces[first - 1], pieces[first])) first--;
  return pieces.slice(Math.max(first, 0)).map(({ body }) => body);
}

/** Boxes join across some words, formulas only across "and", "or" and commas. */
function joins(text: string, { end }: Piece, { begin }: Piece): boolean {
  if (begin - end > maxBoxGap) return false;
  const between = text.slice(end, begin);
  if (/^\\(?:boxed|fbox)/.test(text.slice(begin, begin + 7)))
    return between.length < closeBy || /\b(?:and|or)\b|[,;]/.test(between);
  return /^[\s,;]*(?:and|or)?[\s,;]*$/.test(between) && between.trim() !== "";
}

/** Bodies of $…$, $$…$$, \(…\) and \[…\]. */
function formulaPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  const marks = /\$\$|(?<!\\)\$|\\\(|\\\[/g;
  const closings: Readonly<Record<string, string>> = { $$: "$$", $: "$", "\\(": "\\)", "\\[": "\\]" };
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    const begin = match.index + match[0].length;
    const end = text.indexOf(closings[match[0]], begin);
    // "$5 and 6 dollars": a dollar sign without a partner is money.
    if (end < 0) continue;
    const body = text.slice(begin, end);
    const after = text.slice(end, end + 20);
    const percent = /^\S{1,2}\s*(?:%|percent\b|pct\b)/.test(after) ? "\\%" : "";
    if (body.trim() !== "")
      pieces.push({ body: body + percent, begin: match.index, end: end + match[0].length });
    marks.lastIndex = end + match[0].length;
  }
  return pieces;
}

/** The text behind the last mention of the answer, to the end of its sentence. */
function behindAnchor(text: string): string | null {
  const anchor = /\banswer\s*(?:is|:|=|to\b[^.:\n]{0,80}?\bis)[\s:]*/gi;
  let tail: string | null = null;
  for (let match = anchor.exec(text); match; match = anchor.exec(text)) tail = text.slice(anchor.lastIndex);
  return tail;
}

/** What an answer that follows here is: behind the sentence's last "is", the first formulas, the words, or a number. */
function firstOf(tail: string): string[] | null {
  const [sentence] = tail.trim().split(/\.(?=\s|$)|\n/, 1);
  const said = /^.*\b(?:is|are)\b:?\s*(?=\S)/.exec(sentence)?.[0].length ?? 0;
  const rest = tail.trim().slice(said);
  const formulas = formulaPieces(rest);
  if (formulas.length > 0 && formulas[0].begin <= sentence.length - said) {
    let count = 1;
    while (count < formulas.length && joins(rest, formulas[count - 1], formulas[count])) count++;
    return formulas.slice(0, count).map(({ body }) => body);
  }
  const words = sentence.slice(said);
  if (words.trim() !== "" && !isProse(words)) return [unwrapped(words)];
  const [number] = plainNumbers(words);
  return number === undefined ? null : [number[0]];
}

/** Numbers in a sentence, with the percent sign that belongs to them. */
function plainNumbers(text: string): RegExpExecArray[] {
  const pattern =
    /(?<![\w.,])[-−+]?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d{1,3}|\s?\/\s?\d+(?!\d|\.\d))?(?:\s?(?:%|percent\b|pct\b))?/g;
  return Array.from(text.matchAll(pattern));
}

/** Whether a text is sentences around an answer rather than the answer: four words or more that are no mathematics. */
export function isProse(text: string): boolean {
  const plain = text
    .replaceAll(/\\(?:text|mbox|mathrm|textbf|textnormal|operatorname)\s*\{[^{}]*\}/g, " ")
    .replaceAll(/\\[a-zA-Z]+/g, " ");
  const words = plain.match(/[\p{L}']{2,}/gu) ?? [];
  const mathematics =
    /^(?:and|or|sin|cos|tan|sqrt|log|ln|pi|percent|pct|percentage|frac|exp|infinity|square|cubic|per)$/i;
  const real = words.filter((word) => !mathematics.test(word));
  const formulas = formulaPieces(text);
  const trimmed = text.trim().replace(/(?<=[^.\s])\.$/, "");
  if (unwrapped(text) !== trimmed) return false;
  // Words around a formula: "$12$ apples" is an answer with its unit, "So $x$ is $5$" a sentence.
  if (formulas.length > 0 && real.length > 0)
    return real.length > 2 || formulas.length > 1 || formulas[0].begin > 0;
  if (/\banswer\b/i.test(plain)) return true;
  const sentence = /\b(?:is|are|was|equals|therefore|thus|hence|so|because|it's)\b/i;
  if (sentence.test(plain) && words.length > 1) return true;
  return real.length > 3 && normaliseWords(text).length > 24;
}

/** Without the one math environment around all of it, and without the final full stop. */
export function unwrapped(text: string): string {
  const emphasis = /^\s*(\*\*|`|__)([^]*)\1\s*\.?\s*$/.exec(text)?.[2] ?? text;
  const trimmed = emphasis.trim().replace(/(?<=[^.\s])\.$/, "");
  for (const [open, close] of [
    ["$$", "$$"],
    ["$", "$"],
    ["\\(", "\\)"],
    ["\\[", "\\]"],
  ]) {
    // prettier-ignore
    const body = trimmed.slice(open.length, trimmed.length - close.length);
    if (trimmed.length > open.length + close.length && trimmed.startsWith(open) && trimmed.endsWith(close) && !body.includes(open) && !body.includes(close)) return body.trim(); // prettier-ignore
  }
  return trimmed;
}
