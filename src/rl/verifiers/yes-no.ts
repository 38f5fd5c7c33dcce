import { right, undecided, wrong, type Verdict, type VerifierInput } from "./verdict.ts";

/** Punctuation that goes; a full stop between digits stays. An asterisk is none: "**Yes**" is Unknown, as in VLMEvalKit. */
const punctuation = /[;/[\]"{}()=+\\_><@`,?!-]|(?<!\d)\.|\.(?!\d)/g;

/**
 * VLMEvalKit's rule (vlmeval/dataset/utils/yorn.py): in lower case and without punctuation, "Yes" when there is a word
 * yes and no word no, "No" the other way round, else "Unknown".
 */
export function extractYesNo(text: string): "Yes" | "No" | "Unknown" {
  const words = new Set(text.toLowerCase().replaceAll(punctuation, " ").split(/\s+/));
  if (words.has("yes") === words.has("no")) return "Unknown";
  return words.has("yes") ? "Yes" : "No";
}

/** 1 when the response says what the gold answer says, yes or no; a response that says neither or both is wrong. */
export function verifyYesNo({ response, answer }: VerifierInput): Verdict {
  const gold = extractYesNo(answer);
  if (gold === "Unknown")
    return undecided(`the gold answer ${answer.trim() || "(none)"} is neither yes nor no`);
  const said = extractYesNo(response);
  if (said === "Unknown") return wrong(null, "the answer says neither yes nor no, or both");
  return said === gold ? right(said, `${said} is the gold answer`) : wrong(said, `${said}, expected ${gold}`);
}
