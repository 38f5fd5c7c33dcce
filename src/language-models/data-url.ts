import { decodeImage, imageBlob, type ImageInput } from "../data/decode-image.ts";
import { encodePng } from "../data/encode-png.ts";
import type { RgbImage } from "../data/resize.ts";

/** Image formats that models' endpoints take, by the bytes that their files begin with. */
const formats: readonly (readonly [type: string, begins: (head: string) => boolean])[] = [
  ["image/png", (head) => head.startsWith("\x89PNG\r\n\x1a\n")],
  ["image/jpeg", (head) => head.startsWith("\xff\xd8\xff")],
  ["image/gif", (head) => head.startsWith("GIF8")],
  ["image/webp", (head) => head.startsWith("RIFF") && head.slice(8, 12) === "WEBP"],
];

/**
 * The file of an image: bytes as they are when they are PNG, JPEG, GIF or WebP, else decoded and written as PNG. Places
 * (URLs; in Node also paths) are read.
 * @throws ImageDecodeError, AbortError.
 */
export async function imageFile(input: ImageInput, signal?: AbortSignal): Promise<Blob> {
  if (isPixels(input)) return asPng(input, signal);
  const { blob } = await imageBlob(input, { signal });
  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  const type = formats.find(([, begins]) => begins(head))?.[0];
  return type === undefined ? asPng(blob, signal) : new Blob([blob], { type });
}

/** {@link imageFile} as a `data:` URL. */
export async function imageDataUrl(input: ImageInput, signal?: AbortSignal): Promise<string> {
  const file = await imageFile(input, signal);
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return `data:${file.type};base64,${btoa(binary)}`;
}

async function asPng(input: ImageInput, signal: AbortSignal | undefined): Promise<Blob> {
  return new Blob([await encodePng(await decodeImage(input, { signal }))], { type: "image/png" });
}

function isPixels(input: ImageInput): input is RgbImage | ImageBitmap | ImageData {
  return (
    typeof input === "object" &&
    !(input instanceof Blob || input instanceof URL || input instanceof ArrayBuffer) &&
    !(input instanceof Uint8Array)
  );
}
