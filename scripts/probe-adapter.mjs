/**
 * Prints, as one line of JSON, the WebGPU adapter that Dawn finds here, or null. Runs in a process of its own, because a
 * broken driver may take the process down with it.
 */
import { create } from "webgpu";

const gpu = create([]);
const adapter = await gpu.requestAdapter();
const device = await adapter?.requestDevice();
const info = adapter && device ? adapter.info : undefined;
const found = info && { vendor: info.vendor, architecture: info.architecture, description: info.description };
console.log(JSON.stringify(found ?? null));
device?.destroy();
process.exit(gpu ? 0 : 1); // also keeps `gpu` alive to the end: collected earlier, it would crash the process
