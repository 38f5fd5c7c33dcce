import { createRequire } from "node:module";
import { packageRoot, readManifest } from "./package-root.ts";

/** Of this package. */
export function kitVersion(): string {
  const version = versionIn(new URL("package.json", packageRoot()), "thinktab");
  if (version === undefined) throw new Error("thinktab's package.json has no version");
  return version;
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

/** The versions that decide what a run computes: for run records and checkpoints. */
export function runVersions(): { version: string; [name: string]: string } {
  return { version: kitVersion(), node: process.versions.node, webgpu: dawnVersion() ?? "unknown" };
}

function versionIn(manifest: URL, name: string): string | undefined {
  const content = readManifest(manifest);
  return content?.name === name && typeof content.version === "string" ? content.version : undefined;
}
