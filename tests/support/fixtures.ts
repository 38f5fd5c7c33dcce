import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderSource } from "../../src/storage/folder-source.ts";
import type { FileSource } from "../../src/storage/source.ts";

const root = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** The path of a file or folder in tests/fixtures. */
export function fixturePath(...parts: string[]): string {
  return join(root, ...parts);
}

/** A folder of tests/fixtures as a source, e.g. `fixtureSource("qwen2_tiny")`. */
export function fixtureSource(...parts: string[]): FileSource {
  return folderSource(fixturePath(...parts));
}

/** A JSON fixture, typed by the test that reads it: the files are part of the repository. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller says what the file holds
export function fixtureJson<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(fixturePath(...parts), "utf8")) as T;
}
