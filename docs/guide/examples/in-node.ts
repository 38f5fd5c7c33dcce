/** The kit in Node: Dawn gives the GPU device, and the folder of the policy that ships is read from disk. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { createThinktab, type PolicySource, type Thinktab } from "thinktab";
import { Device } from "thinktab/engine";
import { dawnGpu } from "thinktab/node";

export async function startInNode(): Promise<Thinktab> {
  const device = await Device.create({ gpu: await dawnGpu() });
  return createThinktab({ device: device.handle, storage: "memory" });
}

/** The folder of a policy, as a page gets it from a folder that its user picks. */
export async function policyFolder(folder = toyFolder()): Promise<PolicySource> {
  const files = new Map<string, Blob>();
  for (const name of await readdir(folder)) {
    files.set(name, new Blob([new Uint8Array(await readFile(join(folder, name)))]));
  }
  return { kind: "files", files, name: basename(folder) };
}

function toyFolder(): string {
  const manifest = createRequire(import.meta.url).resolve("thinktab/package.json");
  return join(dirname(manifest), "policies/toy");
}
