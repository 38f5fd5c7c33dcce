import type { SynthesisPrompt } from "./prompt.ts";

/** End of the refinement: one description of all that was found. */
export const mergePrompt: SynthesisPrompt = {
  version: "thinktab-merge-1",
  system: [
    "You see an image, a first description of it, and questions about it with their answers.",
    "Write one complete description that holds everything of both. Where the two contradict each other, look at the image and keep what is right. Repeat nothing, and mention neither the questions nor that there was an earlier description.",
    "Keep every number, text and position exactly as given.",
  ].join("\n"),
  user: ["<description>\n{description}\n</description>", "<dialogue>\n{dialogue}\n</dialogue>"].join("\n\n"),
};
