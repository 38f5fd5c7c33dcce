/** The files of a data set, as a page has them: picked, dropped, or under an address. */
import { folderImages, type ImageLookup } from "../../src/data/images/lookup.ts";
import { partStem, splitZipImages } from "../../src/data/images/split-archive.ts";
import { zipImages } from "../../src/data/images/zip-images.ts";
import type { DataFile } from "../../src/data/rows/rows.ts";
import { httpSource } from "../../src/storage/http-source.ts";
import { fileSource, type ReadOptions } from "../../src/storage/source.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import type { WireFiles } from "./protocol.ts";

/** The one file of a data set. @throws InvalidOptionError for several, or none. */
export function openDataFile(wire: WireFiles): DataFile {
  if (wire.kind === "url") return addressed(wire.url);
  const paths = [...wire.files.keys()];
  if (paths.length !== 1)
    throw new InvalidOptionError(
      "data set",
      paths.join(", ") || "no file",
      "one file: JSONL, JSON, Parquet or TSV",
    );
  return { source: fileSource(prefixed(wire.files), wire.name), path: paths[0] };
}

/**
 * Images that are files of their own, a zip archive, or the parts of one.
 * @throws MissingFileError, and CorruptFileError for an archive that is cut.
 */
export async function openImages(wire: WireFiles, options?: ReadOptions): Promise<ImageLookup> {
  if (wire.kind === "url") {
    if (wire.url.endsWith("/")) return folderImages(httpSource(wire.url));
    const { source, path } = addressed(wire.url);
    const stem = partStem(path);
    return stem === null ? zipImages({ source, path }, options) : splitZipImages(source, stem, options);
  }
  const names = [...wire.files.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1));
  const stem = names.map(partStem).find((found) => found !== null);
  if (stem !== undefined) return splitZipImages(fileSource(byName(wire.files), wire.name), stem, options);
  const [first] = names;
  if (names.length === 1 && /\.zip$/i.test(first))
    return zipImages({ source: fileSource(byName(wire.files), wire.name), path: first }, options);
  return pickedImages(wire.files, wire.name);
}

/** Records name their images from the folder that was picked, or from the one that it is in. */
function pickedImages(files: ReadonlyMap<string, Blob>, name: string): ImageLookup {
  const [first = ""] = files.keys();
  const folder = first.slice(0, first.indexOf("/") + 1);
  const common = [...files.keys()].every((path) => path.startsWith(folder)) ? folder : "";
  const images = folderImages(fileSource(prefixed(files), name));
  const find = async (path: string, options?: ReadOptions) =>
    (await images.has(path, options)) ? path : common + path;
  return {
    name,
    has: async (path, options) => images.has(await find(path, options), options),
    read: async (path, options) => images.read(await find(path, options), options),
  };
}

/** Under one folder more, which a source of files takes off. */
function prefixed(files: ReadonlyMap<string, Blob>): Map<string, Blob> {
  return new Map(Array.from(files, ([path, blob]) => [`files/${path}`, blob]));
}

/** Parts of an archive lie side by side, in whatever folder. */
function byName(files: ReadonlyMap<string, Blob>): Map<string, Blob> {
  return new Map(Array.from(files, ([path, blob]) => [path.slice(path.lastIndexOf("/") + 1), blob]));
}

/** @throws InvalidOptionError for what a source of files, which puts names behind an address, would lose. */
function addressed(address: string): DataFile {
  const url = new URL(address);
  if (url.username || url.password || url.search || url.hash)
    throw new InvalidOptionError(
      "address of a data set",
      `${url.origin}${url.pathname} with a user, password, query or fragment`,
      "one without: download the file and choose it",
    );
  const slash = url.pathname.lastIndexOf("/");
  return {
    source: httpSource(url.origin + url.pathname.slice(0, slash)),
    path: decodeURIComponent(url.pathname.slice(slash + 1)),
  };
}
