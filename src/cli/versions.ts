import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Of this package, whether it runs from its sources (src/cli/) or as it was built (dist/). */
export function kitVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    const found = versionIn(new URL(path, import.meta.url), "thinktab");
    if (found !== undefined) return found;
  }
  throw new Error("thinktab's package.json is not where it was installed");
}

/** Of the package that brings Dawn; undefined when it is not installed. */
export function dawnVersion(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve("webgpu");
    return versionIn(new URL("package.json", `file://${main}`), "webgpu");
  } catch {
    return undefined;
  }
}

function versionIn(manifest: URL, name: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(manifest, "utf8");
  } catch {
    return undefined;
  }
  const content = JSON.parse(text) as { name?: unknown; version?: unknown };
  return content.name === name && typeof content.version === "string" ? content.version : undefined;
}
