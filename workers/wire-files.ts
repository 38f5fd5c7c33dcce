/** Files of a data set on their way to the data worker. */
import { InvalidOptionError } from "../src/util/errors.ts";
import type { WireFiles } from "./data/files.ts";
import { absolute, fileTable } from "./portable.ts";

/** Files of a data set: an address, or what was picked or dropped; a map has paths as keys. */
export type DataFiles = string | readonly File[] | ReadonlyMap<string, Blob>;

/** @param what they are, for the message. @throws InvalidOptionError for none. */
export function filesToWire(files: DataFiles, what: string): WireFiles {
  if (typeof files === "string") return { kind: "url", url: absolute(files) };
  const table = fileTable(files);
  if (table.size === 0) throw new InvalidOptionError(what, "no files", "at least one");
  return { kind: "files", name: "chosen files", files: table };
}
