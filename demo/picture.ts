/** Scenes of a task as pictures on the page. */
import type { Message, TaskExample } from "../workers/client.ts";

type Part = Exclude<Message["content"], string>[number];
export type Picture = Extract<Part, { type: "image" }>["image"];
export type Pixels = Extract<Picture, { width: number; data: Uint8Array }>;

/** The last picture and question of an example's messages. */
export function sceneOf({ messages }: TaskExample): { picture: Pixels | undefined; question: string } {
  let picture: Pixels | undefined;
  let question = "";
  for (const part of messages.flatMap(({ content }) => (typeof content === "string" ? [] : content))) {
    if (part.type === "text") question = part.text;
    if (part.type === "image" && isPixels(part.image)) picture = part.image;
  }
  return { picture, question };
}

export function toBitmap({ width, height, data }: Pixels): Promise<ImageBitmap> {
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++)
    pixels.data.set([data[i * 3], data[i * 3 + 1], data[i * 3 + 2], 255], i * 4);
  return createImageBitmap(pixels);
}

/** Draws with at most `most` pixels an edge: a preview needs no more than the screen shows of it. */
export function draw(canvas: HTMLCanvasElement, bitmap: ImageBitmap, name: string, most = 1024): void {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.classList.toggle("small", bitmap.width < 128);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
}

function isPixels(image: Picture): image is Pixels {
  return typeof image === "object" && "data" in image && image.data instanceof Uint8Array;
}
