import { normaliseAnswer } from "../reward.ts";
import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/** Options by letter. */
export type Options = Readonly<Record<string, string>>;

/** What a model says that does not answer, as VLMEvalKit knows it. */
const refusals = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  "Cannot determine the answer",
];

/** The letter that stands for "no answer". */
export const noChoice = "Z";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXY";
/** Read where a question's options are not known. */
const usualLetters = ["A", "B", "C", "D"];
/** A letter further from the end is more likely to be a word: "A good picture of a dog". */
const lastTokens = 4;

/** The option that a response chose. */
export interface Choice {
  /** An option's letter, `Z` for a refusal, null when nothing can be inferred. */
  letter: string | null;
  /** The rule that found it. */
  how: string;
}

/**
 * Infers which option a text chooses, by VLMEvalKit's rules (vlmeval/utils/matching_util.py), in this order: a refusal;
 * exactly one option's letter among the tokens, and that within the last four; the token Z; "answer is X" for A to D;
 * exactly one option's text in a text of at most twice all options' length. Letters are upper case. Tags must be cut out
 * before: angle brackets do not part tokens.
 */
export function extractChoice(text: string, options: Options): Choice {
  if (refusals.some((refusal) => text.includes(refusal))) return { letter: noChoice, how: "a refusal" };
  const tokens = choiceTokens(text);
  const named = Object.keys(options).filter((letter) => tokens.includes(letter));
  if (named.length === 1 && tokens.indexOf(named[0]) >= tokens.length - lastTokens)
    return { letter: named[0], how: "its letter" };
  if (named.length === 0 && tokens.includes(noChoice)) return { letter: noChoice, how: "the letter Z" };
  const said = /\banswer\s+is:?\s*[*(]*([A-D])(?![\p{L}\d])/iu.exec(text)?.[1];
  if (said !== undefined && /[A-D]/.test(said) && Object.hasOwn(options, said))
    return { letter: said, how: "“answer is”" };
  const lower = text.toLowerCase();
  const entries = Object.entries(options).filter(([, option]) => option !== "");
  const length = entries.reduce((sum, [, option]) => sum + option.length, 0);
  const quoted = entries.filter(([, option]) => lower.includes(option.toLowerCase()));
  if (quoted.length === 1 && lower.length <= 2 * length) return { letter: quoted[0][0], how: "its text" };
  if (named.length > 1) return { letter: null, how: `${named.join(" and ")} are named` };
  if (quoted.length > 1) return { letter: null, how: `the texts of ${quoted.map(([letter]) => letter).join(" and ")} are in it` }; // prettier-ignore
  return { letter: null, how: "no option's letter near the end and no option's text" };
}

function choiceTokens(text: string): string[] {
  return text.split(/[\s.()[\],:;!*#{}]+/).filter((token) => token !== "");
}

/**
 * The options that a question lists: lines "A. cat", "(A) cat", "A) cat" or "A: cat", else "(A) cat (B) dog" in one line;
 * from A on and without a gap, two or more. Empty when there are none.
 */
export function parseOptions(problem: string): Record<string, string> {
  const lines = problem.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*(?:\(([A-Y])\)|([A-Y])\s?[.):、])\s*(\S.*)$/.exec(line);
    return match ? [[match[1] ?? match[2], match[3].trim()] as const] : [];
  });
  const listed = inSequence(lines);
  if (listed.length > 1) return Object.fromEntries(listed);
  const marks = [...problem.matchAll(/(?<![\p{L}\d])(?:\(([A-Y])\)|([A-Y])[.)](?=\s))/gu)];
  const inline = marks.map((mark, index) => {
    const text = problem.slice(mark.index + mark[0].length, marks[index + 1]?.index);
    return [mark[1] ?? mark[2], text.trim().replace(/[,;]$/, "")] as const;
  });
  const found = inSequence(inline);
  return found.length > 1 ? Object.fromEntries(found) : {};
}

/** The entries for A, B, C … as far as each comes behind the one before. */
function inSequence(entries: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const entry of entries) if (entry[0] === letters[found.length]) found.push(entry);
  return found;
}

/** Options from a record's field or, where that is missing or empty, from the question. */
export function optionsOf({ options, problem = "" }: Pick<VerifierInput, "options" | "problem">): Options {
  const given = isList(options)
    ? Object.fromEntries(options.map((option, index) => [letters[index], option]))
    : (options ?? {});
  return Object.keys(given).length > 0 ? given : parseOptions(problem);
}

const isList = (options: VerifierInput["options"]): options is readonly string[] => Array.isArray(options);

/**
 * 1 when the response chooses the gold option, by letter or by the option's text: {@link extractChoice}. The gold answer
 * is a letter ("B", "(B)", "B. dog"), several ("A, C": all of them and no other) or an option's text; a letter alone is
 * that option, whatever the texts are.
 */
export function verifyMultipleChoice(input: VerifierInput): Verdict {
  const options = optionsOf(input);
  const known = Object.keys(options).length > 0;
  const gold = goldLetters(input.answer, options);
  if (gold === null) {
    // Without options a gold text can only be compared as it is.
    if (known || input.answer.trim() === "")
      return undecided(`the gold answer ${input.answer.trim() || "(none)"} is no option`);
    const same = normaliseAnswer(input.response) === normaliseAnswer(input.answer);
    return (same ? right : wrong)(input.response.trim(), "no options are known: the texts are compared");
  }
  const choices: Options = known
    ? options
    : Object.fromEntries([...new Set([...usualLetters, ...gold])].map((letter) => [letter, ""]));
  if (gold.length > 1) return verifySeveral(input.response, gold, choices);
  const { letter, how } = extractChoice(input.response, choices);
  if (letter === null) return wrong(null, `no choice: ${how}`);
  const text = options[letter] ? ` (${options[letter]})` : "";
  return letter === gold[0]
    ? right(letter, `${letter}${text} by ${how} is the gold answer`)
    : wrong(letter, `${letter}${text} by ${how}, expected ${gold[0]}`);
}

/** null: it is neither letters nor an option's text. */
function goldLetters(answer: string, options: Options): string[] | null {
  const trimmed = answer.trim();
  const allowed = (one: string) => Object.keys(options).length === 0 || Object.hasOwn(options, one);
  const exact = /^\(?([A-Y])[).:]?$/.exec(trimmed)?.[1];
  if (exact !== undefined && allowed(exact)) return [exact];
  const byText = Object.entries(options).filter(
    ([, text]) => normaliseAnswer(text) === normaliseAnswer(trimmed),
  );
  if (byText.length === 1) return [byText[0][0]];
  const [letter] = /^\(?[A-Y](?=\)|[.:、]|\s*$)/.exec(trimmed) ?? [];
  const list =
    /^\(?[A-Y]\)?(?:\s*(?:,|;|\band\b)\s*\(?[A-Y]\)?)+\.?$/.test(trimmed) || /^[A-Y]{2,6}$/.test(trimmed);
  if (list) {
    const all = trimmed.replaceAll("and", "").match(/[A-Y]/g) ?? [];
    if (all.every(allowed) && new Set(all).size === all.length) return all.sort();
  }
  const one = letter?.replace("(", "");
  if (one !== undefined && allowed(one)) return [one];
  const lower = /^\(?([a-y])[.)]?$/.exec(trimmed)?.[1].toUpperCase();
  return lower !== undefined && allowed(lower) ? [lower] : null;
}

function verifySeveral(response: string, gold: readonly string[], choices: Options): Verdict {
  const tokens = choiceTokens(response).flatMap((token) =>
    /^[A-Y]{2,6}$/.test(token) ? Array.from(token) : [token],
  );
  const named = Object.keys(choices)
    .filter((letter) => tokens.includes(letter))
    .sort();
  if (named.length === 0) return wrong(null, "no option's letter");
  const extracted = named.join(", ");
  return extracted === gold.join(", ")
    ? right(extracted, "the options of the gold answer, and no other")
    : wrong(extracted, `${extracted}, expected ${gold.join(", ")}`);
}
