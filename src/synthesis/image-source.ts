import { checkImagePath } from "../data/images/lookup.ts";
import { decodeImage } from "../data/decode-image.ts";
import { encodePng } from "../data/encode-png.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { AskedImage } from "./asking.ts";
import type { DropReason } from "./stages.ts";

/** An image that records are to be made of. */
export interface SynthesisImage {
  /** Relative to the folder of the images; becomes the records' `image_path`. */
  path: string;
  /** The encoded file. Called once in a run; whatever it rejects with, the image is dropped. */
  read(signal?: AbortSignal): Promise<Uint8Array>;
}

/** An image cannot be used. */
export class UnusableImage extends Error {
  constructor(
    readonly reason: DropReason,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads an image. It is decoded, to see that it is one, when something is asked of it that was not asked before.
 * @throws UnusableImage
 */
export async function openImage(image: SynthesisImage, signal: AbortSignal): Promise<AskedImage> {
  const { path } = image;
  const checked = checkImagePath(path);
  if ("why" in checked) throw new UnusableImage("unsafe-path", `${path}: ${checked.why}`);
  if (checked.path !== path)
    throw new UnusableImage("unsafe-path", `${path}: a record would name it ${checked.path}`);
  const bytes = await image.read(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new UnusableImage("unreadable-image", error instanceof Error ? error.message : String(error));
  });
  let decoded: Promise<void> | undefined;
  return { bytes, sha256: await sha256Hex(bytes), check: () => (decoded ??= decodes(bytes)) };
}

async function decodes(bytes: Uint8Array): Promise<void> {
  await (canDecode ??= tryDecoding());
  await decodeImage(bytes).catch((error: unknown) => {
    throw new UnusableImage("unreadable-image", error instanceof Error ? error.message : String(error));
  });
}

let canDecode: Promise<void> | undefined;

/** Where nothing can be decoded that is no image's fault. @throws ImageDecodeError */
async function tryDecoding(): Promise<void> {
  await decodeImage(await encodePng({ width: 1, height: 1, data: new Uint8Array(3) }));
}
