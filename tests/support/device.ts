import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import type { DeviceOptions } from "../../src/gpu/device.ts";

const devices = new Map<string, Promise<Device>>();

/**
 * A device on the adapter that the lane's VK_DRIVER_FILES selects, made once per test file and options. A lane without
 * an adapter fails here, with what to run; nothing is skipped.
 */
export function sharedDevice(options: Omit<DeviceOptions, "gpu" | "device"> = {}): Promise<Device> {
  const key = JSON.stringify(options);
  let device = devices.get(key);
  if (!device) devices.set(key, (device = open(options)));
  return device;
}

async function open(options: DeviceOptions): Promise<Device> {
  try {
    return await Device.create({ ...options, gpu: await dawnGpu() });
  } catch (cause) {
    throw new Error(
      `no WebGPU adapter in this lane: run \`node scripts/setup-system.mjs\` (${String(cause)})`,
      { cause },
    );
  }
}
