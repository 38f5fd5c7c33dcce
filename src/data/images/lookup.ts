import type { Bytes, FileSource, ReadOptions } from "../../storage/source.ts";
import { InvalidOptionError } from "../../util/errors.ts";

/** The images of a data set, found by the path that its records give. Each is read when it is asked for. */
export interface ImageLookup {
  /** For messages. */
  readonly name: string;
  /** Whether there is an image under the path. */
  has(path: string, options?: ReadOptions): Promise<boolean>;
  /** The encoded image. @throws MissingFileError where there is none, InvalidOptionError for a path that leaves the set. */
  read(path: string, options?: ReadOptions): Promise<Bytes>;
}

/** Images that are files of their own: in a folder on disk, picked, under a URL. */
export function folderImages(source: FileSource): ImageLookup {
  return {
    name: source.name,
    has: async (path, options) => source.exists(safeImagePath(path), options),
    read: async (path, options) => source.read(safeImagePath(path), 0, undefined, options),
  };
}

/**
 * An image's path as it is looked up: relative, with forward slashes.
 * @throws InvalidOptionError for a path that leaves the folder of the images, or is an address.
 */
export function safeImagePath(path: string): string {
  const checked = checkImagePath(path);
  if ("why" in checked)
    throw new InvalidOptionError("image path", path, `a path inside the images: ${checked.why}`);
  return checked.path;
}

/** The path as it is looked up, or why it must not be. */
export function checkImagePath(given: string): { path: string } | { why: string } {
  const path = given.trim().replaceAll("\\", "/");
  // eslint-disable-next-line no-control-regex -- a control character in a path is an attempt at something
  if (/[\0-\x1f]/.test(path)) return { why: "it has control characters" };
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return { why: "it is an address or has a drive letter" };
  if (path.startsWith("/") || path.startsWith("~"))
    return { why: "it does not begin in the folder of the images" };
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return { why: "it leaves the folder of the images" };
  if (parts.length === 0) return { why: "it is empty" };
  return { path: parts.join("/") };
}
