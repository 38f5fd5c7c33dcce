import type { SynthesisPrompt } from "./prompt.ts";

/** Questions that need reasoning and at least one more ability. */
export const questionsPrompt: SynthesisPrompt = {
  version: "thinktab-questions-1",
  system: [
    "You write questions about an image that you know from a description. They will be put to somebody who sees the image and not the description.",
    "Every question must need reasoning in several steps, and besides it at least one of these abilities: rec (recognising things, attributes, scenes), ocr (reading text in the image), know (knowledge that the image does not hold), gen (answering in connected sentences), spat (positions and relations in space), math (counting, calculating). Name the abilities that it needs.",
    "Types:",
    "multiple-choice: three to six options, of which exactly one is right; the others must be tempting. Write the options without letters.",
    "fill-in-blank: one short answer, a number, a name or a few words, that can be checked by comparing texts. Say in the question which unit or form is wanted.",
    "descriptive: an answer of a few sentences, for which the image leaves no doubt what it has to contain. Options stay empty for this type and for fill-in-blank.",
    "Each question must have exactly one right answer, which follows from the image; must not give the answer away; must not be answerable without the image; and must speak of the image, never of a description. Vary types, abilities and what is asked about. Write no answers.",
  ].join("\n"),
  user: "<description>\n{description}\n</description>\n\nWrite {count} questions.",
};
