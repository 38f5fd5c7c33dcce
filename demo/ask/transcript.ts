/** An answer as plain text, for the clipboard. */
import type { Asked } from "./ask-store.ts";
import type { Sample } from "./sample.ts";

export function transcript(
  asked: Pick<Asked, "question" | "title"> | null,
  samples: readonly Sample[],
): string {
  if (!asked) return "";
  const answers = samples.map((sample, index) => {
    const { thinking, answer } = sample.response.peek();
    return [
      ...(samples.length > 1 ? [`Sample ${index + 1}`] : []),
      ...(thinking === null ? [] : [`Reasoning: ${thinking}`]),
      `Answer: ${answer}`,
    ].join("\n");
  });
  return [`Question: ${asked.question}`, ...answers, `(${asked.title}, in Thinktab)`].join("\n\n");
}
