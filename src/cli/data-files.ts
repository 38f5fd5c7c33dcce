/** The files of a data set, as the command line names them: paths and addresses. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { folderImages, type ImageLookup } from "../data/images/lookup.ts";
import { partStem, splitZipImages } from "../data/images/split-archive.ts";
import { zipImages } from "../data/images/zip-images.ts";
import type { DataFile } from "../data/rows/rows.ts";
import { folderSource } from "../storage/folder-source.ts";
import { httpSource } from "../storage/http-source.ts";
import type { ReadOptions } from "../storage/source.ts";
import { MissingFileError } from "../util/errors.ts";
import { UsageError } from "./arguments.ts";

/** A file on disk, or under an address. @throws MissingFileError when there is none on disk, UsageError for an address with a query. */
export async function openDataFile(path: string): Promise<DataFile> {
  if (isAddress(path)) return addressed(path);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new MissingFileError(`${path}: ${found ? "it is a folder" : "no such file"}, expected a data set`);
  }
  return { source: folderSource(dirname(path)), path: basename(path) };
}

/**
 * Images in a folder, a zip archive, or the parts of one: any part's path, the archive's path without the parts'
 * endings, or the folder that they are in.
 * @throws MissingFileError, and CorruptFileError for an archive that is cut.
 */
export async function openImages(path: string, options?: ReadOptions): Promise<ImageLookup> {
  if (isAddress(path)) {
    if (path.endsWith("/")) return folderImages(httpSource(checkedUrl(path).href));
    const { source, path: name } = addressed(path);
    const stem = partStem(name);
    return stem === null ? zipImages({ source, path: name }, options) : splitZipImages(source, stem, options);
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const stems = new Set((await readdir(path)).flatMap((name) => partStem(name) ?? []));
    const [stem] = stems;
    return stems.size === 1
      ? splitZipImages(folderSource(path), stem, options)
      : folderImages(folderSource(path));
  }
  const source = folderSource(dirname(path));
  const stem = partStem(basename(path));
  if (stem !== null) return splitZipImages(source, stem, options);
  if (found) return zipImages({ source, path: basename(path) }, options);
  if (await hasParts(path)) return splitZipImages(source, basename(path), options);
  throw new MissingFileError(
    `${path}: no such folder or file, expected images, a zip archive, or parts of one`,
  );
}

async function hasParts(path: string): Promise<boolean> {
  const names = await readdir(dirname(path)).catch((): string[] => []);
  return names.some((name) => partStem(name) === basename(path));
}

function isAddress(path: string): boolean {
  return /^https?:\/\//.test(path);
}

function addressed(address: string): DataFile {
  const { origin, pathname } = checkedUrl(address);
  const slash = pathname.lastIndexOf("/");
  return {
    source: httpSource(origin + pathname.slice(0, slash)),
    path: decodeURIComponent(pathname.slice(slash + 1)),
  };
}

/** @throws UsageError for an address with what a source of files, which puts names behind it, would lose. */
function checkedUrl(address: string): URL {
  if (!URL.canParse(address)) throw new UsageError(`${address}: expected an address`);
  const url = new URL(address);
  if (url.username || url.password || url.search || url.hash)
    throw new UsageError(
      `${url.origin}${url.pathname}: got an address with a user, password, query or fragment, expected one without: ` +
        "download the file and name it by its path",
    );
  return url;
}
