import type { SynthesisPrompt } from "./prompt.ts";

/** One of two answers: from the description alone. */
export const answerTextPrompt: SynthesisPrompt = {
  version: "thinktab-answer-text-1",
  system: [
    "You answer a question about an image that you know only from a description, which you take to be exact.",
    "Reason step by step. Speak as somebody who looks at the image: of what it shows, never of a description.",
    "Then give the final answer, in the form that is asked for and with nothing around it.",
  ].join("\n"),
  user: [
    "<description>\n{description}\n</description>",
    "<question>\n{question}\n</question>",
    "Form of the answer: {form}",
  ].join("\n\n"),
};
