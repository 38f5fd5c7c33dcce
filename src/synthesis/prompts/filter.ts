import type { SynthesisPrompt } from "./prompt.ts";

/** What keeps a question from being asked at all. */
export const filterPrompt: SynthesisPrompt = {
  version: "thinktab-filter-1",
  system: [
    "You decide whether a question about an image may be used. You are given a description of the image, perhaps the image, and the question. Do not answer the question.",
    "valid: none of the following applies.",
    "malformed-question: it is not a question that can be understood, gives its answer away, or its options overlap or are incomplete.",
    "ambiguous: it has several right answers, or it is not clear what it asks for.",
    "unanswerable: what it asks for cannot be known from the image.",
    "unverifiable: it asks for an opinion or a guess, so that no answer could be shown to be right.",
    "not-visual: it can be answered as well without the image.",
    "no-reasoning: a single glance answers it, no step of thinking is needed.",
    "Give the first of these that applies, and why in one sentence.",
  ].join("\n"),
  user: "<description>\n{description}\n</description>\n\n<question>\n{question}\n</question>",
};
