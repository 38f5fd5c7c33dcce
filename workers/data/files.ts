/** The files of a data set, as a page has them: picked, dropped, or under an address. */
import type { ImageLookup } from "../../src/data/images/lookup.ts";
import { dataFileAt, dataFileOf, imagesAt, imagesOf } from "../../src/data/open-files.ts";
import type { DataFile } from "../../src/data/rows/rows.ts";
import type { ReadOptions } from "../../src/storage/source.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

/** Files as they cross: by path, since a cloned File does not keep its path everywhere. An address is absolute. */
export type WireFiles =
  { kind: "url"; url: string } | { kind: "files"; name: string; files: ReadonlyMap<string, Blob> };

/** The one file of a data set. @throws InvalidOptionError for several, or none. */
export function openDataFile(wire: WireFiles): DataFile {
  if (wire.kind === "url") return dataFileAt(wire.url);
  const [given, ...others] = wire.files;
  if (given === undefined || others.length > 0)
    throw new InvalidOptionError(
      "data set",
      [...wire.files.keys()].join(", ") || "no file",
      "one file: JSONL, JSON, Parquet or TSV",
    );
  return dataFileOf({ name: given[0], file: given[1] });
}

/**
 * Images that are files of their own, a zip archive, or the parts of one.
 * @throws MissingFileError, and CorruptFileError for an archive that is cut.
 */
export function openImages(wire: WireFiles, options?: ReadOptions): Promise<ImageLookup> {
  return wire.kind === "url" ? imagesAt(wire.url, options) : imagesOf(wire, options);
}
