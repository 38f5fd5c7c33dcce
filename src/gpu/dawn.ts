/** WebGPU in Node: the `webgpu` package (Dawn). Imported only by Node entry points, never by what runs in a browser. */
import { GpuUnavailableError } from "../util/errors.ts";

// Dawn's instance crashes the process when it is collected while a device lives, so it is kept for good.
const kept = new Map<string, GPU>();

/**
 * Dawn's `GPU` object, with WebGPU's constants put on the global scope.
 * @param flags Dawn's own switches, such as "enable-dawn-features=allow_unsafe_apis".
 * @throws GpuUnavailableError when the optional package `webgpu` is not installed or has no binary for this platform.
 */
export async function dawnGpu(flags: readonly string[] = []): Promise<GPU> {
  const key = flags.join(" ");
  const known = kept.get(key);
  if (known) return known;
  let dawn: typeof import("webgpu");
  try {
    dawn = await import("webgpu");
  } catch (cause) {
    throw new GpuUnavailableError(
      "WebGPU in Node needs the optional package `webgpu` (Dawn), which could not be loaded; `npm install webgpu` adds it",
      { cause },
    );
  }
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([...flags]);
  kept.set(key, gpu);
  return gpu;
}
