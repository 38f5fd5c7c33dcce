import type { SynthesisPrompt } from "./prompt.ts";

/** Refinement, second half of a turn: a look at the image for what was asked. */
export const answerMissingPrompt: SynthesisPrompt = {
  version: "thinktab-answer-missing-1",
  system: [
    "You see an image. A colleague who knows only a description of it asks for what is missing.",
    "Look again for each question and answer it exactly, from what can be seen. If the description is wrong, correct it. If something cannot be seen or read, say that.",
    "Give one answer for each question, in their order.",
  ].join("\n"),
  user: [
    "<description>\n{description}\n</description>",
    "<dialogue>\n{dialogue}\n</dialogue>",
    "<questions>\n{questions}\n</questions>",
  ].join("\n\n"),
};
