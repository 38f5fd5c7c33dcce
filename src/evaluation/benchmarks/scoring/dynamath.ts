import type { SampleScore } from "../benchmark.ts";
import { extractQuestion } from "../judge.ts";
import { pythonFloat } from "../numeric.ts";
import { askJudge, byRule, compared, scored, undecided, unscored, type Answered } from "./context.ts";

/** Largest difference of a number that is right. */
const tolerance = 0.001;

type Kind = "float" | "multiple choice" | "text";

/**
 * DynaMath: the value of "short answer" in the JSON that the prompt asks for, else of the whole response, else of what the
 * judge copied out: a number within 0.001 of the gold one, the letter, or a text that is part of the gold text (an empty
 * one, which VLMEvalKit takes, is none). Without a judge a letter that the answer begins with.
 */
export function scoreDynaMath(answered: Answered): SampleScore {
  const { row, gold, text } = answered;
  const type = row.columns.answer_type ?? "";
  const kind: Kind = type === "float" || type === "multiple choice" ? type : "text";
  if (kind === "float" && parseShort(gold, "float") === null)
    return unscored(`the gold answer ${gold} is no number`);
  const stated = shortAnswer(text);
  const plain = stated === null ? text.trim() : stated;
  const parsed = parseShort(stated ?? plain, kind);
  if (parsed !== null && (stated !== null || kind !== "text" || plain.length <= gold.length))
    return decide(parsed, gold, kind, byRule);
  return askJudge(
    answered,
    extractQuestion(row, text, forms[kind]),
    (reply) => {
      const read = parseShort(String(reply), kind);
      if (read === null) return scored("judge", 0, String(reply), `what the judge copied is no ${kind}`);
      return decide(read, gold, kind, (score, extracted, why) =>
        scored("judge", score, extracted, `${why} (the judge copied it)`),
      );
    },
    () => {
      if (kind !== "multiple choice") return undecided("the response has no short answer");
      const whole = text.trim();
      const begins = whole
        .slice(Math.max(0, whole.indexOf("{")))
        .slice(0, 3)
        .toUpperCase();
      if (begins.includes(gold.toUpperCase())) return byRule(1, gold, `the response begins with ${gold}`);
      const marked = /^\(?([A-E])[).:]/.exec(plain)?.[1];
      return marked === undefined
        ? undecided("the response names no letter, or several")
        : scored("approximation", marked === gold, marked, compared(marked, gold, marked === gold, ", which the answer begins with,")); // prettier-ignore
    },
  );
}

const forms: Readonly<Record<Kind, string>> = {
  float: "a decimal number with three decimals",
  "multiple choice": "the option's letter",
  text: "a short text, numbers in it with three decimals",
};

function decide(
  given: string,
  gold: string,
  kind: Kind,
  score: (score: boolean, extracted: string, why: string) => SampleScore,
): SampleScore {
  const same =
    kind === "float"
      ? isNear(given, gold)
      : kind === "multiple choice"
        ? given === gold.toUpperCase()
        : gold.toLowerCase().includes(given.toLowerCase());
  return score(same, given, compared(given, gold, same));
}

function isNear(given: string, gold: string): boolean {
  const difference = Math.abs(Number(given) - Number(parseShort(gold, "float")));
  return difference <= tolerance * (1 + 1e-9); // 2.001 - 2 is a little more than 0.001
}

/** The value of "short answer" in the text's outermost braces; null without any. */
function shortAnswer(text: string): string | null {
  const begin = text.indexOf("{");
  const end = text.lastIndexOf("}");
  if (begin < 0 || end < begin) return null;
  const json = text.slice(begin, end + 1).replaceAll("\\", "");
  try {
    // Line ends inside of texts are what models write; JSON wants them escaped.
    const value = JSON.parse(json.replaceAll(/[\n\r\t]/g, " ")) as Record<string, unknown>;
    const answer = value["short answer"];
    return typeof answer === "string" || typeof answer === "number" ? String(answer).trim() || null : null;
  } catch {
    return (
      /"short answer"\s*:\s*"?([^"{}]*?)"?\s*[,}]/.exec(json.replaceAll(/\s+/g, " "))?.[1].trim() ?? null
    );
  }
}

/** The answer in the form of its kind; null when it has none. */
function parseShort(text: string, kind: Kind): string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (kind === "float") {
    const [first] = trimmed.split(" ");
    const [factor, ...rest] = first.split("π");
    const value = pythonFloat(factor);
    return value === null ? null : String(rest.length > 0 ? value * Math.PI : value);
  }
  if (kind === "text") return trimmed;
  const upper = trimmed.toUpperCase();
  if (upper.length === 1) return upper;
  const letters = ["A", "B", "C", "D", "E"].filter((letter) => upper.includes(letter));
  return letters.length === 1 ? letters[0] : null;
}
