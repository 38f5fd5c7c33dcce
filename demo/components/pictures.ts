/** Pictures of a task's examples. */
import type { Message, TaskExample } from "../../workers/client.ts";

type Part = Exclude<Message["content"], string>[number];
/** An image as a message takes it. */
export type PictureSource = Extract<Part, { type: "image" }>["image"];
/** RGB bytes, row by row. */
export type Pixels = Extract<PictureSource, { width: number; data: Uint8Array }>;

/** The last picture and the last words of an example's messages. */
export function sceneOf({ messages }: Pick<TaskExample, "messages">): {
  picture: Pixels | undefined;
  /** The last picture, where it is an image file's bytes. */
  encoded: Uint8Array | undefined;
  question: string;
} {
  let picture: Pixels | undefined;
  let encoded: Uint8Array | undefined;
  let question = "";
  for (const part of messages.flatMap(({ content }) => (typeof content === "string" ? [] : content))) {
    if (part.type === "text") question = part.text;
    if (part.type !== "image") continue;
    picture = isPixels(part.image) ? part.image : undefined;
    encoded = part.image instanceof Uint8Array ? part.image : undefined;
  }
  return { picture, encoded, question };
}

export function isPixels(image: unknown): image is Pixels {
  return typeof image === "object" && image !== null && "data" in image && image.data instanceof Uint8Array;
}

/** As the canvas has it: with an alpha channel. */
export function toImageData({ width, height, data }: Pixels): ImageData {
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++)
    pixels.data.set([data[i * 3], data[i * 3 + 1], data[i * 3 + 2], 255], i * 4);
  return pixels;
}
