import { normaliseAnswer } from "../../../rl/reward.ts";
import type { SampleScore } from "../benchmark.ts";
import { parseLiteral, textsOf } from "../python-literal.ts";
import { byRule, unscored, type Answered } from "./context.ts";

/** The same text as the gold answer, or as one of them where the cell is a list of texts; case and a final stop aside. */
export function scoreExact({ gold, text }: Answered): SampleScore {
  const given = normaliseAnswer(text);
  const literal = parseLiteral(gold);
  const isList = Array.isArray(literal) && literal.every((one) => typeof one === "string");
  const same = (isList ? literal : [gold]).some((one) => normaliseAnswer(one) === given);
  return byRule(same, text.trim() || null, same ? "the text is the gold answer" : `expected ${gold}`);
}

/** OCRBench's category in which spaces do not count and case does. */
const handwrittenMath = "Handwritten Mathematical Expression Recognition";

/** OCRBench: 1 when one of the gold texts is in the response. */
export function scoreOcrBench({ row, gold, text }: Answered): SampleScore {
  const plain = row.category === handwrittenMath ? withoutSpaces : oneLine;
  return containsOne(textsOf(gold), text, plain);
}

/** Lower case, in one line. */
export const oneLine = (text: string): string => text.toLowerCase().trim().replaceAll("\n", " ");
/** Without spaces and line ends; case counts. */
export const withoutSpaces = (text: string): string => text.trim().replaceAll(/[\n ]/g, "");

/** Whether one of the texts is in the response, both in the form that `plain` gives. */
export function containsOne(
  golds: readonly string[],
  response: string,
  plain: (text: string) => string,
): SampleScore {
  const usable = golds.map((gold) => ({ gold, wanted: plain(gold) })).filter(({ wanted }) => wanted !== "");
  if (usable.length === 0) return unscored("the gold answer is empty");
  const given = plain(response);
  const found = usable.find(({ wanted }) => given.includes(wanted));
  return found
    ? byRule(1, found.gold, `“${found.gold}” is in the response`)
    : byRule(0, null, `the response holds none of ${usable.map(({ gold }) => `“${gold}”`).join(", ")}`);
}
