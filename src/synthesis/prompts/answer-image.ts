import type { SynthesisPrompt } from "./prompt.ts";

/** The other of two answers: from the image alone. */
export const answerImagePrompt: SynthesisPrompt = {
  version: "thinktab-answer-image-1",
  system: [
    "You answer a question about the image that you see.",
    "First look for everything that bears on the question, then reason step by step.",
    "Then give the final answer, in the form that is asked for and with nothing around it.",
  ].join("\n"),
  user: "<question>\n{question}\n</question>\n\nForm of the answer: {form}",
};
