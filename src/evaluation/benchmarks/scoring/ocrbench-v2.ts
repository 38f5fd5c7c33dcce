import { parseBoxes } from "../../../rl/verifiers/iou.ts";
import type { SampleScore } from "../benchmark.ts";
import { parseLiteral, textsOf, type Literal } from "../python-literal.ts";
import { byRule, unscored, type Answered } from "./context.ts";
import { containsOne, oneLine, withoutSpaces } from "./texts.ts";

/** The tasks of each of OCRBench v2's categories, by language. */
export const ocrBenchV2Categories: Readonly<
  Record<"en" | "cn", Readonly<Record<string, readonly string[]>>>
> = {
  en: {
    "text recognition": ["text recognition en", "fine-grained text recognition en", "full-page OCR en"],
    "text detection": ["text grounding en", "VQA with position en"],
    "text spotting": ["text spotting en"],
    "relationship extraction": ["key information extraction en", "key information mapping en"],
    "element parsing": [
      "document parsing en",
      "chart parsing en",
      "table parsing en",
      "formula recognition en",
    ],
    "mathematical calculation": ["math QA en", "text counting en"],
    "visual text understanding": ["document classification en", "cognition VQA en", "diagram QA en"],
    "knowledge reasoning": [
      "reasoning VQA en",
      "science QA en",
      "APP agent en",
      "ASCII art classification en",
    ],
  },
  cn: {
    "text recognition": ["full-page OCR cn"],
    "relationship extraction": ["key information extraction cn", "handwritten answer extraction cn"],
    "element parsing": ["document parsing cn", "table parsing cn", "formula recognition cn"],
    "visual text understanding": ["cognition VQA cn"],
    "knowledge reasoning": ["reasoning VQA cn", "text translation cn"],
  },
};

/** Why tasks are not scored here. */
const withoutRule: Readonly<Record<string, string>> = {
  "fine-grained text recognition en": "BLEU and METEOR",
  "full-page OCR en": "BLEU and METEOR",
  "full-page OCR cn": "BLEU and METEOR",
  "text translation cn": "BLEU and METEOR",
  "text spotting en": "the matching of spotted words",
  "document parsing en": "the edit distance of trees",
  "document parsing cn": "the edit distance of trees",
  "chart parsing en": "the edit distance of trees",
  "table parsing en": "the edit distance of trees",
  "table parsing cn": "the edit distance of trees",
};

/** Tasks of which VLMEvalKit's way of scoring is not built: their samples are left out. */
export const ocrBenchV2Unscored: readonly string[] = Object.keys(withoutRule);

/** OCRBench v2: each task by its own rule; what needs more than a rule is left out, and says so. */
export function scoreOcrBenchV2(answered: Answered): SampleScore {
  const { row, gold, text } = answered;
  const task = row.category ?? "";
  const golds = textsOf(gold);
  if (Object.hasOwn(withoutRule, task))
    return unscored(`“${task}” is scored by ${withoutRule[task]}: not built`);
  switch (task) {
    case "formula recognition en":
      return containsOne(golds, text, withoutSpaces);
    case "formula recognition cn":
      return containsOne(golds, text, (one) => withoutSpaces(one.replaceAll(/\\text\{([^{}]*)\}/g, "$1")));
    case "text counting en":
      return scoreCount(golds, text, row.columns.eval ?? "");
    case "handwritten answer extraction cn":
      return scoreHandwritten(golds, answered);
    case "key information extraction en":
    case "key information mapping en":
    case "key information extraction cn":
      return scoreKeys(gold, text);
    case "text grounding en":
      return scoreGrounding(golds, text);
    case "VQA with position en":
      return scorePosition(golds, answered);
  }
  const known = Object.values(ocrBenchV2Categories).some((categories) =>
    Object.values(categories).some((tasks) => tasks.includes(task)),
  );
  if (!known) return unscored(`“${task}” is no task of OCRBench v2`);
  const by = row.columns.eval ?? "without eval";
  if (by === "multiple choice") {
    const letters = text.replaceAll(/[^\p{L}]/gu, "");
    return byRule(letters === golds[0], letters || null, `the letters ${letters || "(none)"}, expected ${golds[0]}`); // prettier-ignore
  }
  if (by !== "without eval" && by !== "case sensitive")
    return unscored(`the way of scoring “${by}” is not known`);
  if (task.endsWith(" cn") && by !== "case sensitive")
    return scoreTexts(golds, text, (one) => withoutSpaces(oneLine(one)), (one) => one.split(",").length < 4); // prettier-ignore
  const plain = by === "case sensitive" ? (one: string) => one.trim().replaceAll("\n", " ") : oneLine;
  return scoreTexts(golds, text, plain, (one) => one.split(/\s+/).length < 5);
}

/** A short gold text must be in the response; a long one may differ by up to half of its letters: ANLS. */
function scoreTexts(
  golds: readonly string[],
  response: string,
  plain: (text: string) => string,
  isShort: (text: string) => boolean,
): SampleScore {
  const given = plain(response);
  const scores = golds.map((gold) => {
    const wanted = plain(gold);
    if (wanted === "") return 0;
    if (isShort(wanted)) return given.includes(wanted) ? 1 : 0;
    const similarity = 1 - editDistance(given, wanted) / Math.max(given.length, wanted.length);
    return similarity >= 0.5 ? similarity : 0;
  });
  const best = Math.max(0, ...scores);
  const gold = golds.at(scores.indexOf(best)) ?? "";
  if (best === 0) return byRule(0, null, `the response is like none of ${golds.map((one) => `“${one}”`).join(", ")}`); // prettier-ignore
  return byRule(best, gold, best === 1 ? `“${gold}” is in the response` : `similarity ${best.toFixed(3)} to “${gold}”`); // prettier-ignore
}

/** Levenshtein's. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** The text itself, or a number that loses by its relative difference and is wrong from a half on. */
function scoreCount(golds: readonly string[], text: string, by: string): SampleScore {
  if (by === "exact match") return containsOne(golds, text, oneLine);
  if (by !== "regression") return unscored(`the way of scoring “${by}” is not known`);
  const digits = /\d+/.exec(text)?.[0];
  if (digits === undefined) return byRule(0, null, "no number in the response");
  const scores = golds.map((gold) => {
    const near = 1 - Math.abs(Number(digits) - Number(gold)) / Number(gold);
    return Number(digits) > 0 && near > 0.5 ? near : 0;
  });
  return byRule(Math.max(0, ...scores), digits, `${digits}, expected ${golds.join(" or ")}`);
}

const joints = ["", ".", ". ", ",", ", ", "、", ";", "; ", " ", "和"];

/** Chosen letters, however they are parted; an essay question (简答) is scored by BLEU and METEOR. */
function scoreHandwritten(golds: readonly string[], { row, text }: Answered): SampleScore {
  if (row.question.includes("简答"))
    return unscored("essay questions are scored by BLEU and METEOR: not built");
  const [gold = ""] = golds;
  if (gold === "") return unscored("the gold answer is empty");
  const found = joints.map((joint) => [...gold].join(joint)).find((one) => text.includes(one));
  return byRule(
    found !== undefined,
    found ?? null,
    found ? `“${found}” is in the response` : `expected ${gold}`,
  );
}

/** The mean over all keys of both sides of 1 where the values are the same without spaces and case, else 0. */
function scoreKeys(gold: string, text: string): SampleScore {
  const outer = parseLiteral(gold);
  const first = Array.isArray(outer) ? outer[0] : outer;
  const wanted = typeof first === "string" ? parseLiteral(first) : first;
  if (!isObject(wanted)) return unscored("the gold answer holds no keys and values");
  const given = readKeys(text);
  const keys = new Set([...Object.keys(wanted), ...Object.keys(given)]);
  if (keys.size === 0) return byRule(0, null, "no keys");
  const same = [...keys].filter((key) => {
    if (!Object.hasOwn(wanted, key) || !Object.hasOwn(given, key)) return false;
    const values = [wanted[key]].flat().map((value) => compact(literalText(value)));
    return values.includes(compact(given[key]));
  });
  const extracted = JSON.stringify(given);
  return byRule(same.length / keys.size, extracted, `${same.length} of ${keys.size} values are right`);
}

const literalText = (value: Literal): string => (typeof value === "string" ? value : JSON.stringify(value));

const compact = (text: string): string => withoutSpaces(text.toLowerCase());

/** Keys and values of a response: JSON or a Python dict, fenced or not, else pairs that look like some. */
function readKeys(text: string): Record<string, string> {
  const content = /```(?:python|json)?\n([\s\S]*?)\n```/i.exec(text)?.[1] ?? text.trim();
  const literal = parseLiteral(content);
  const entries: [string, Literal][] = isObject(literal)
    ? Object.entries(literal)
    : [
        ...content.matchAll(/["']?([\w ]{1,200})["']?\s{0,20}[:=]\s{0,20}["']?([^\n,"'{}]{1,2000})["']?/g),
      ].map(([, key, value]) => [key, value]);
  return Object.fromEntries(entries.map(([key, value]) => [key.trim(), literalText(value).trim()]));
}

const isObject = (value: Literal | undefined): value is Record<string, Literal> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The IoU of the last box that the response names, in whole numbers from 0 to 1000. */
function scoreGrounding(golds: readonly string[], text: string): SampleScore {
  const corners = golds.map(Number);
  if (corners.length !== 4 || corners.some(Number.isNaN)) return unscored("the gold answer is no box");
  const pattern = /[([]\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*[)\]]/g;
  const boxes = [...text.matchAll(pattern)].map((match) => match.slice(1).map(Number));
  const box = boxes.filter((one) => one.every((value) => value <= 1000)).at(-1);
  if (!box) return byRule(0, null, "no box in the response");
  const value = overlap(box, corners);
  return byRule(value, JSON.stringify(box), `IoU ${value.toFixed(3)} with ${JSON.stringify(corners)}`);
}

/** Half for the answer's text, half for the IoU of its box. */
function scorePosition(golds: readonly string[], { row, text }: Answered): SampleScore {
  const gold = parseLiteral(row.columns.bbox ?? "");
  if (!Array.isArray(gold) || gold.length !== 4) return unscored("the row has no box");
  const given = readKeys(text);
  const content = Object.hasOwn(given, "answer")
    ? (scoreTexts(golds, given.answer, oneLine, (one) => one.split(/\s+/).length < 5).score ?? 0)
    : 0;
  const box = Object.hasOwn(given, "bbox") ? parseBoxes(given.bbox).at(0) : undefined;
  const position = box ? overlap(box.map(Math.trunc), gold.map(Number)) : 0;
  const extracted = JSON.stringify({ answer: given.answer, bbox: box });
  return byRule((content + position) / 2, extracted, `text ${content}, IoU ${position.toFixed(3)}`);
}

function overlap(a: readonly number[], b: readonly number[]): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box: readonly number[]) => (box[2] - box[0]) * (box[3] - box[1]);
  const union = area(a) + area(b) - width * height;
  return union > 0 ? Math.min(1, (width * height) / union) : 0;
}
