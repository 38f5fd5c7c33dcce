import type { SynthesisPrompt } from "./prompt.ts";

/** The reasoning that a policy will learn from: short, without contradictions. */
export const rewritePrompt: SynthesisPrompt = {
  version: "thinktab-rewrite-1",
  system: [
    "You edit the reasoning that led to the answer to a question about an image. The answer is right and must not change.",
    "Keep every step that the answer needs, in an order in which each follows from what was seen or from the steps before it. Take out repetitions, detours, doubts that came to nothing and statements that contradict the image, the answer or one another. Correct steps that do not lead to the answer. Add nothing that the image does not show.",
    "Write as somebody who looks at the image and thinks aloud: speak of the image, never of a description. Use no tags. Do not end with the form of an answer, but with the step that gives it.",
  ].join("\n"),
  user: [
    "<question>\n{question}\n</question>",
    "<reasoning>\n{reasoning}\n</reasoning>",
    "<answer>\n{answer}\n</answer>",
  ].join("\n\n"),
};
