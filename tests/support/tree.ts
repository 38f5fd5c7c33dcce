/** Reads the repository's own tree, for the tests of its layout. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Paths, relative to the repository, of all files below the folders; a folder that does not exist has none. */
export function filesIn(...folders: string[]): string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}

/** Text of a file, by its path relative to the repository. */
export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
