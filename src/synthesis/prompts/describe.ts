import type { SynthesisPrompt } from "./prompt.ts";

/** First look: what an image shows, in words. */
export const describePrompt: SynthesisPrompt = {
  version: "thinktab-describe-1",
  system: [
    "You describe images for a colleague who will never see them and has to answer questions about them.",
    "Say what kind of image it is, what is in it, how many of each, their colours, sizes and places, how they relate, and what happens.",
    "Copy text, numbers, labels, axes and units exactly as they are written. Follow tables and diagrams in their own order.",
    "State only what can be seen. Where something cannot be made out, say so instead of guessing.",
  ].join("\n"),
  user: "Describe this image.",
};
