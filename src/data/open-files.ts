/** The files of a data set as a page has them: an address, or files that its user gave. */
import { httpSource } from "../storage/http-source.ts";
import { fileSource, type ReadOptions } from "../storage/source.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { folderImages, type ImageLookup } from "./images/lookup.ts";
import { partStem, splitZipImages } from "./images/split-archive.ts";
import { zipImages } from "./images/zip-images.ts";
import type { DataFile } from "./rows/data-file.ts";

/** A file that the user gave. Its name and size stay in a recipe that is saved; its content does not. */
export interface NamedFile {
  name: string;
  file: Blob;
  /** Bytes, where a saved run is to tell this file from another one of the name. */
  size?: number;
}

/** Several of them by their paths: a folder, or the parts of an archive. */
export interface NamedFiles {
  name: string;
  /** Bytes of all of them, as of {@link NamedFile}. */
  size?: number;
  files: ReadonlyMap<string, Blob>;
}

/**
 * A file under an `https:` address.
 * @throws InvalidOptionError for what is none, and for one with a user, password, query or fragment: a source of files,
 *   which puts names behind an address, would lose them.
 */
export function dataFileAt(address: string): DataFile {
  const { origin, pathname } = checkedAddress(address);
  const slash = pathname.lastIndexOf("/");
  return {
    source: httpSource(origin + pathname.slice(0, slash)),
    path: decodeURIComponent(pathname.slice(slash + 1)),
  };
}

/** Images under an address: a folder's ends with `/`; else an archive's, or that of a part of one. @throws as {@link dataFileAt} */
export async function imagesAt(address: string, options?: ReadOptions): Promise<ImageLookup> {
  if (address.endsWith("/")) return folderImages(httpSource(checkedAddress(address).href));
  return archived(dataFileAt(address), options);
}

/** A file that the user gave. */
export function dataFileOf({ name, file }: NamedFile): DataFile {
  const path = name.slice(name.lastIndexOf("/") + 1);
  return { source: fileSource(new Map([[path, file]]), "the given file"), path };
}

/** Images that the user gave: a zip archive, the parts of one, or a folder's files. */
export async function imagesOf(given: NamedFile | NamedFiles, options?: ReadOptions): Promise<ImageLookup> {
  if ("file" in given) return archived(dataFileOf(given), options);
  const { name, files } = given;
  const names = [...files.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1));
  const [stem, otherStem] = new Set(names.flatMap((one) => partStem(one) ?? []));
  const beside = () => fileSource(new Map([...files.values()].map((file, at) => [names[at], file])), name);
  if (stem !== undefined && otherStem === undefined) return splitZipImages(beside(), stem, options);
  if (names.length === 1 && /\.zip$/i.test(names[0]))
    return zipImages({ source: beside(), path: names[0] }, options);
  return pickedImages(given);
}

/** Records name their images from the folder that was picked, or from the one that it is in. */
function pickedImages({ name, files }: NamedFiles): ImageLookup {
  const [first = ""] = files.keys();
  const folder = first.slice(0, first.indexOf("/") + 1);
  const common = [...files.keys()].every((path) => path.startsWith(folder)) ? folder : "";
  // Under one folder more, which a source of files takes off.
  const images = folderImages(
    fileSource(new Map(Array.from(files, ([path, file]) => [`files/${path}`, file])), name),
  );
  const find = async (path: string, options?: ReadOptions) =>
    (await images.has(path, options)) ? path : common + path;
  return {
    name,
    has: async (path, options) => images.has(await find(path, options), options),
    read: async (path, options) => images.read(await find(path, options), options),
  };
}

function archived({ source, path }: DataFile, options?: ReadOptions): Promise<ImageLookup> {
  const stem = partStem(path);
  return stem === null ? zipImages({ source, path }, options) : splitZipImages(source, stem, options);
}

function checkedAddress(address: string): URL {
  if (!URL.canParse(address) || !/^https?:/.test(address))
    throw new InvalidOptionError("address", address, "one that begins with https:");
  const url = new URL(address);
  if (url.username || url.password || url.search || url.hash) {
    throw new InvalidOptionError(
      `${url.origin}${url.pathname}`,
      "an address with a user, password, query or fragment",
      "one without: download the file and name it by its path",
    );
  }
  return url;
}
