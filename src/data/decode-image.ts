import { ImageDecodeError } from "../util/errors.ts";
import { importModule } from "../util/import-module.ts";
import { checkImage, type RgbImage } from "./resize.ts";

/**
 * An image in any of the forms a caller may have it: decoded, or encoded (PNG, JPEG, WebP, …) as bytes, a Blob, or the
 * place to get it from. A string is a URL (`https:`, `data:`, `blob:`, in a page also a relative one); in Node a string
 * that is none of these is a path.
 */
export type ImageInput = RgbImage | ImageBitmap | ImageData | Blob | ArrayBuffer | Uint8Array | URL | string;

/** How an image is fetched. */
export interface DecodeImageOptions {
  signal?: AbortSignal;
  /** Defaults to the platform's `fetch`. */
  fetch?: typeof fetch;
}

/**
 * Decodes an image to 8-bit RGB. As transformers does: the EXIF orientation is applied, colour profiles are ignored,
 * and an alpha channel is dropped, not blended. (A browser's canvas keeps colours multiplied by alpha, so there the
 * colour of a fully transparent pixel comes out black, and of a faint one rounded; opaque pixels are exact.)
 * Browsers decode with `createImageBitmap`, Node with the optional package `sharp`.
 * @throws ImageDecodeError naming what was got, AbortError.
 */
export async function decodeImage(input: ImageInput, options: DecodeImageOptions = {}): Promise<RgbImage> {
  options.signal?.throwIfAborted();
  if (typeof ImageBitmap !== "undefined" && input instanceof ImageBitmap) return fromBitmap(input);
  if (typeof ImageData !== "undefined" && input instanceof ImageData) return dropAlpha(input);
  if (isRgbImage(input)) {
    checkImage(input);
    return input;
  }
  if (!isEncoded(input)) {
    throw new ImageDecodeError(
      `image: got ${describe(input)}, expected an RGB image, ImageBitmap, ImageData, Blob, bytes, URL or path`,
    );
  }

  const { blob, name } = await imageBlob(input, options);
  options.signal?.throwIfAborted();
  try {
    const inBrowser = typeof createImageBitmap === "function" && typeof OffscreenCanvas === "function";
    return inBrowser ? await decodeInBrowser(blob) : await decodeInNode(blob);
  } catch (cause) {
    if (cause instanceof ImageDecodeError) throw cause;
    const type = blob.type ? ` of type ${blob.type}` : "";
    throw new ImageDecodeError(
      `${name}: got ${blob.size} bytes${type} that do not decode (${String(cause)}), expected PNG, JPEG, WebP or GIF`,
      { cause },
    );
  }
}

async function decodeInBrowser(blob: Blob): Promise<RgbImage> {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  });
  try {
    return fromBitmap(bitmap);
  } finally {
    bitmap.close();
  }
}

function fromBitmap(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  if (width === 0 || height === 0)
    throw new ImageDecodeError("ImageBitmap: got a closed one, expected pixels");
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context)
    throw new ImageDecodeError(`image of ${width} × ${height}: the browser gives no canvas of this size`);
  context.drawImage(bitmap, 0, 0);
  return dropAlpha(context.getImageData(0, 0, width, height));
}

function dropAlpha({ width, height, data }: Pick<ImageData, "width" | "height" | "data">): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return { width, height, data: rgb };
}

async function decodeInNode(blob: Blob): Promise<RgbImage> {
  const { default: sharp } = await loadSharp();
  const { data, info } = await sharp(new Uint8Array(await blob.arrayBuffer()), {
    ignoreIcc: true,
    failOn: "error",
  })
    .autoOrient()
    .toColourspace("srgb")
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) {
    throw new ImageDecodeError(`image: got ${info.channels} channels after decoding, expected 3`);
  }
  return { width: info.width, height: info.height, data: new Uint8Array(data) };
}

async function loadSharp(): Promise<typeof import("sharp")> {
  try {
    return (await importModule("sharp")) as typeof import("sharp");
  } catch (cause) {
    throw new ImageDecodeError("decoding images in Node needs the package sharp: `npm install sharp`", {
      cause,
    });
  }
}

/**
 * An encoded image as a Blob of its file's bytes, fetched or read where it is a place, and a name for messages.
 * @throws ImageDecodeError when it cannot be read, AbortError.
 */
export async function imageBlob(
  input: Blob | ArrayBuffer | Uint8Array | URL | string,
  options: DecodeImageOptions,
): Promise<{ blob: Blob; name: string }> {
  if (input instanceof Blob) return { blob: input, name: input instanceof File ? input.name : "image" };
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) {
    return { blob: new Blob([new Uint8Array(input)]), name: "image" };
  }
  const url = String(input);
  const name = url.length > 100 ? `${url.slice(0, 100)}…` : url;
  const inPage = typeof location !== "undefined";
  try {
    if (!inPage && (url.startsWith("file:") || !/^[a-z][a-z0-9+.-]+:/i.test(url))) {
      const { readFile } = (await importModule("node:fs/promises")) as typeof import("node:fs/promises");
      return { blob: new Blob([await readFile(url.startsWith("file:") ? new URL(url) : url)]), name };
    }
    const response = await (options.fetch ?? fetch)(url, { signal: options.signal });
    if (!response.ok) throw new ImageDecodeError(`${name}: got status ${response.status}, expected an image`);
    return { blob: await response.blob(), name };
  } catch (cause) {
    if (options.signal?.aborted || cause instanceof ImageDecodeError) throw cause;
    throw new ImageDecodeError(`${name}: could not be read (${String(cause)}), expected an image`, { cause });
  }
}

function isEncoded(input: unknown): input is Blob | ArrayBuffer | Uint8Array | URL | string {
  const classes = [Blob, ArrayBuffer, Uint8Array, URL];
  return typeof input === "string" || classes.some((type) => input instanceof type);
}

function isRgbImage(input: unknown): input is RgbImage {
  return (
    typeof input === "object" &&
    input !== null &&
    "width" in input &&
    "height" in input &&
    "data" in input &&
    input.data instanceof Uint8Array
  );
}

function describe(input: unknown): string {
  if (typeof input !== "object" || input === null) return String(input);
  return input.constructor?.name ?? "an object";
}
