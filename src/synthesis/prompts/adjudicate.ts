import type { SynthesisPrompt } from "./prompt.ts";

/** A third opinion where two answers differ. */
export const adjudicatePrompt: SynthesisPrompt = {
  version: "thinktab-adjudicate-1",
  system: [
    "Two people answered a question about an image, each on their own, and their answers differ. Decide which is right. You are given a description of the image and perhaps the image itself; where the two contradict each other, believe the image.",
    "Work out the answer yourself before you compare. Judge what is said, not how: length, style and order do not matter.",
    "first, second: only this one is right. both: they mean the same, or each has everything that a right answer needs. neither: both are wrong or incomplete, or it cannot be decided.",
    "Say why in one sentence.",
  ].join("\n"),
  user: [
    "<description>\n{description}\n</description>",
    "<question>\n{question}\n</question>",
    "<first>\n{first}\n</first>",
    "<second>\n{second}\n</second>",
  ].join("\n\n"),
};
