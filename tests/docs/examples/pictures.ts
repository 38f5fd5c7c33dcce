/** Pictures as files, as a page gets them from its user. */
import sharp from "sharp";
import type { ContentPart } from "thinktab";
import type { Row } from "../../../docs/guide/examples/own-images.ts";
import fadedTask from "../../../docs/guide/examples/faded-task.js";

/** A picture that a task has drawn, as a PNG. */
export async function toPng(part: ContentPart): Promise<Blob> {
  if (part.type !== "image" || !("data" in (part.image as object)))
    throw new Error("expected a drawn picture");
  const { width, height, data } = part.image as { width: number; height: number; data: Uint8Array };
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return new Blob([new Uint8Array(png)], { type: "image/png" });
}

/** Rows of a set of one's own: pictures of faded squares, of which the colour is wanted in one word. */
export function ownRows(count: number): Promise<Row[]> {
  const task = fadedTask();
  return Promise.all(
    Array.from({ length: count }, async (_, seed) => {
      const { messages, answer } = await task.example(seed);
      const [picture] = messages[0].content as ContentPart[];
      return { image: await toPng(picture), question: "describe the picture .", answer };
    }),
  );
}
