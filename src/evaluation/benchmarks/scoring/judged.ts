/** Benchmarks that a judge scores, every answer of them. */
import { extractChoice } from "../../../rl/verifiers/multiple-choice.ts";
import type { SampleScore } from "../benchmark.ts";
import { lettersQuestion, tenthsQuestion } from "../judge.ts";
import { askJudge, compared, scored, undecided, unscored, type Answered } from "./context.ts";

/** MMVet: the judge's grade in tenths. Nothing stands in for it. */
export function scoreMmVet(answered: Answered): SampleScore {
  return askJudge(
    answered,
    tenthsQuestion(answered.row, answered.gold, answered.text),
    (grade) =>
      scored("judge", Number(grade), answered.text.trim() || null, `graded ${Number(grade).toFixed(1)}`),
    () => unscored("a judge must grade it, and there is none"),
  );
}

/** The letters that LogicVista's pictures name options by. */
const letters = "ABCDEFGH";

/**
 * LogicVista: the letters that the judge reads out of the response are those of the gold answer, whatever their order.
 * Without a judge the letters that stand alone in the response, or the one that its rules find.
 */
export function scoreLogicVista(answered: Answered): SampleScore {
  const gold = sorted(answered.gold.toUpperCase().match(/[A-Z]/g) ?? []);
  if (gold === "") return unscored(`the gold answer ${answered.gold} names no letter`);
  const compare = (how: "judge" | "approximation", given: string, by: string) =>
    scored(how, given === gold, given, compared(given, gold, given === gold, by));
  return askJudge(
    answered,
    lettersQuestion(answered.row, answered.text),
    (said) => compare("judge", String(said), " by the judge"),
    () => {
      const given = statedLetters(answered.text);
      if (given === "") return undecided("the response names no letter, or names some in a longer text");
      return compare("approximation", given, ", the letters of the response,");
    },
  );
}

/** More words than this are a text, in which a letter alone may be a word. */
const mostTokens = 8;

function statedLetters(text: string): string {
  const options = Object.fromEntries(Array.from(letters, (letter) => [letter, ""]));
  const { letter } = extractChoice(text, options);
  if (letter !== null) return letter;
  const tokens = text.split(/[^\p{L}\d]+/u).filter((token) => token !== "" && token.toLowerCase() !== "and");
  const named = tokens.filter((token) => /^[A-H]{1,8}$/.test(token) && new Set(token).size === token.length);
  return tokens.length <= mostTokens ? sorted(named.flatMap((token) => Array.from(token))) : "";
}

const sorted = (list: readonly string[]): string => [...new Set(list)].sort().join("");
