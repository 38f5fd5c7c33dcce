import { readFileSync } from "node:fs";

/** The package's folder, whether this runs from its sources (src/cli/) or as it was built (dist/). */
export function packageRoot(): URL {
  for (const path of ["../", "../../"]) {
    const folder = new URL(path, import.meta.url);
    if (readManifest(new URL("package.json", folder))?.name === "thinktab") return folder;
  }
  throw new Error("thinktab's package.json is not where it was installed");
}

/** Name and version in a package.json; undefined when there is no such file. */
export function readManifest(manifest: URL): { name?: unknown; version?: unknown } | undefined {
  let text: string;
  try {
    text = readFileSync(manifest, "utf8");
  } catch {
    return undefined;
  }
  return JSON.parse(text) as { name?: unknown; version?: unknown };
}
