import type { SynthesisPrompt } from "./prompt.ts";

/** Refinement, first half of a turn: what the description leaves open. */
export const askMissingPrompt: SynthesisPrompt = {
  version: "thinktab-ask-missing-1",
  system: [
    "You cannot see an image, but know a description of it, and perhaps some questions about it that were answered since. You will have to write demanding questions about the image from these words alone.",
    "List what you would have to know about the image and cannot tell from the words: exact counts, positions, sizes, colours, texts, values, relations.",
    "Ask for one thing in each question, the most important first, and no more than you are told. Do not ask for what has been said, for opinions, or for what no image could show.",
    "When nothing important is missing, give an empty list.",
  ].join("\n"),
  user: [
    "<description>\n{description}\n</description>",
    "<dialogue>\n{dialogue}\n</dialogue>",
    "At most {most} questions.",
  ].join("\n\n"),
};
