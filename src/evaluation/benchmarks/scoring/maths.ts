/** The benchmarks of mathematics whose free answers a judge copies out of the response where rules do not find them. */
import { extractChoice, optionsOf } from "../../../rl/verifiers/multiple-choice.ts";
import { parseNumber } from "../../../rl/verifiers/number.ts";
import type { SampleScore } from "../benchmark.ts";
import { extractQuestion, gradeQuestion } from "../judge.ts";
import { isEqualAnswer, numericValue, pythonFloat, pythonInt } from "../numeric.ts";
import { textsOf } from "../python-literal.ts";
import { scoreOptions } from "./choice.ts";
import { askJudge, byRule, compared, scored, undecided, unscored, type Answered } from "./context.ts";

/**
 * MathVista: the option's letter, or equality as integers, decimals or texts, of the response, else of what the judge
 * copied out of it. Without a judge the number that the response states last.
 */
export function scoreMathVista(answered: Answered): SampleScore {
  const { row, text } = answered;
  if (row.columns.question_type === "multi_choice") {
    const gold = row.columns.answer_option?.trim();
    return scoreListed(answered, gold ?? "");
  }
  const type = row.columns.answer_type ?? "";
  const read = type === "integer" ? pythonInt : type === "float" ? pythonFloat : null;
  const gold = read?.(answered.gold) ?? null;
  if (read && gold === null) return unscored(`the gold answer ${answered.gold} is no ${type}`);
  const judged = (given: string): boolean | null => {
    if (!read) return given.trim() === answered.gold;
    const value = read(given);
    return value === null ? null : value === gold;
  };
  const form = read ? `${type === "integer" ? "an integer" : "a decimal number"} without a unit` : "a short text or a Python list"; // prettier-ignore
  return scoreFree(answered, form, judged, () => {
    const number = read ? statedNumber(text) : null;
    return number === null
      ? null
      : { extracted: String(number), right: Math.abs(number - (gold ?? NaN)) < 1e-9 };
  });
}

/**
 * MathVision: the option's letter, or equality as texts or numbers (10⁻⁶), of the response, else of what the judge copied
 * out of it. Without a judge the number that the response states last.
 */
export function scoreMathVision(answered: Answered): SampleScore {
  const { row, gold, text } = answered;
  const choices = row.columns.choices;
  const hasChoices = choices !== undefined && choices.trim() !== "" && !/^\[\s*\]$/.test(choices.trim());
  if (hasChoices) return scoreListed(answered, gold);
  const judged = (given: string): boolean | null =>
    isEqualAnswer(given, gold) ? true : numericValue(given) !== null ? false : null;
  return scoreFree(answered, "a number, an expression or a short text", judged, () => {
    const number = statedNumber(text);
    return number === null ? null : { extracted: String(number), right: isEqualAnswer(String(number), gold) };
  });
}

/** The number that a text states last, units and the percent sign aside. */
function statedNumber(text: string): number | null {
  const number = parseNumber(text);
  return number && (number.percent ? number.value * 100 : number.value);
}

/** A choice whose options are a list in the column `choices`. */
function scoreListed(answered: Answered, gold: string): SampleScore {
  const texts = textsOf(answered.row.columns.choices ?? "[]");
  const options = Object.fromEntries(texts.map((text, index) => [String.fromCharCode(65 + index), text]));
  if (!Object.hasOwn(options, gold))
    return unscored(`the gold answer ${gold || "(none)"} is none of the ${texts.length} options`);
  return scoreOptions(answered, options, gold);
}

/** One line of a few words can only be the answer itself; a longer text may hold it. */
const isShort = (text: string): boolean => text.trim() !== "" && !/\s/.test(text.trim());

/**
 * A free answer.
 * @param judged whether a text is the gold answer; null: it is in no form that could be.
 * @param approximate finds an answer without a judge; null: it finds none.
 */
function scoreFree(
  answered: Answered,
  form: string,
  judged: (text: string) => boolean | null,
  approximate: () => { extracted: string; right: boolean } | null,
): SampleScore {
  const { row, gold, text } = answered;
  const ofText = judged(text);
  const given = text.trim();
  // A text that is no number may still hold one: only what has the form of an answer is wrong by rule.
  if (ofText === true || (ofText === false && isShort(text)))
    return byRule(ofText, given, compared(given, gold, ofText));
  return askJudge(
    answered,
    extractQuestion(row, text, form),
    (reply) => {
      const same = judged(String(reply)) ?? false;
      return scored(
        "judge",
        same,
        String(reply),
        compared(String(reply), gold, same, ", as the judge copied it,"),
      );
    },
    () => {
      const found = approximate();
      if (!found) return undecided("the response is not the answer alone and holds no number");
      return scored("approximation", found.right, found.extracted, compared(found.extracted, gold, found.right, ", the number stated last,")); // prettier-ignore
    },
  );
}

/**
 * MathVerse: the judge copies the answer out and, unless it is the gold answer to the letter, grades it. Without a judge
 * the option's letter, or equality as MathVision has it.
 */
export function scoreMathVerse(answered: Answered): SampleScore {
  const { row, gold, text } = answered;
  const given = text.trim();
  if (given === gold) return byRule(1, given, compared(given, gold, true));
  const question = row.columns.question_for_eval ?? row.question;
  return askJudge(
    answered,
    extractQuestion(row, text, "an option's letter, a value or an expression"),
    (reply) => {
      const extracted = String(reply).trim();
      if (extracted === gold)
        return scored("judge", 1, extracted, compared(extracted, gold, true, ", as the judge copied it,"));
      return askJudge(
        answered,
        gradeQuestion(question, gold, extracted),
        (grade) =>
          scored("judge", grade === 1, extracted, compared(extracted, gold, grade === 1, " by the judge's grade")), // prettier-ignore
        () => unscored("no judge"),
      );
    },
    () => approximateMathVerse(answered, question),
  );
}

function approximateMathVerse({ gold, text }: Answered, question: string): SampleScore {
  const options = optionsOf({ problem: question.replace(/^([\s\S]*?)Choices:\s*/, "") });
  if (Object.hasOwn(options, gold)) {
    const { letter, how } = extractChoice(text, options);
    if (letter === null) return undecided(`no choice: ${how}`);
    return scored("approximation", letter === gold, letter, compared(letter, gold, letter === gold, ` by ${how}`)); // prettier-ignore
  }
  const candidates = [text.trim(), String(statedNumber(text) ?? "")].filter((one) => one !== "");
  if (candidates.length === 0) return undecided("the response is empty");
  const same = candidates.find((one) => isEqualAnswer(one, gold));
  const extracted = same ?? candidates[0];
  return scored("approximation", same !== undefined, extracted, compared(extracted, gold, same !== undefined, ", by our rule in the judge's place,")); // prettier-ignore
}
