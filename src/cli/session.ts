/** What the commands share: the device, model folders, cancelling by Ctrl-C, files of results. */
import { stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dawnGpu } from "../gpu/dawn.ts";
import { Device } from "../gpu/device.ts";
import { tinyPolicySource } from "../models/tiny-policy.ts";
import { folderSource } from "../storage/folder-source.ts";
import type { FileSource } from "../storage/source.ts";
import { GpuUnavailableError, MissingFileError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import { packageRoot } from "./package-root.ts";

/**
 * The default adapter through Dawn.
 * @throws GpuUnavailableError with what to install.
 */
export async function openDevice(): Promise<Device> {
  try {
    return await Device.create({ gpu: await dawnGpu() });
  } catch (cause) {
    if (!(cause instanceof GpuUnavailableError) || process.platform !== "linux") throw cause;
    throw new GpuUnavailableError(
      `${cause.message}. On Linux Dawn needs a Vulkan driver: your GPU's own, or Mesa 24 or newer for the CPU ` +
        "(mesa-vulkan-drivers); VK_DRIVER_FILES may name its manifest.",
      { cause },
    );
  }
}

/** The name of the policy that ships with the kit. */
export const toyModel = "toy";
/** The name of the model that needs no files. */
export const tinyModel = "tiny";

/**
 * A Hugging Face folder; or, under their names, the policy that ships with the kit and the tiny random one.
 * @throws MissingFileError when there is no such folder.
 */
export async function openModel(path: string): Promise<FileSource> {
  if (path === tinyModel) return tinyPolicySource();
  if (path === toyModel) {
    const folder = fileURLToPath(new URL(`policies/${toyModel}`, packageRoot()));
    return { ...(await openFolder(folder, "the policy that ships with thinktab")), name: "toy policy" };
  }
  return openFolder(
    path,
    `a model's folder with config.json and weights, ${toyModel} for the policy that ships with thinktab, or ` +
      `${tinyModel} for a random one`,
  );
}

/** @throws MissingFileError when there is no such folder, saying that `expected` is wanted. */
export async function openFolder(path: string, expected: string): Promise<FileSource> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new MissingFileError(`${path}: no such folder, expected ${expected}`);
  if (!found.isDirectory()) throw new MissingFileError(`${path}: got a file, expected ${expected}`);
  return folderSource(path);
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/**
 * Runs `work` with a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once.
 * @throws AbortError when the work stopped for it.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new DOMException("interrupted", "AbortError"));
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Of an adapter's weights: others under the same path are told apart from them. @throws MissingFileError */
export async function adapterSha256(folder: string): Promise<string> {
  const name = "adapter_model.safetensors";
  const source = await openFolder(folder, `a PEFT adapter's folder with ${name}`);
  return (await sha256Hex(await source.read(name, 0))).slice(0, 16);
}
