/**
 * Prints the name of the WebGPU adapter that Dawn finds here, and exits 1 if there is none that gives a device. Runs in
 * a process of its own, because a broken driver may take the process down with it.
 */
import { create } from "webgpu";

// Dawn crashes when its instance is collected while in use: kept on the global scope to the end.
const gpu = Object.assign(globalThis, { dawn: create([]) }).dawn;
const adapter = await gpu.requestAdapter();
const device = await adapter?.requestDevice();
if (!adapter || !device) process.exit(1);
const { vendor, architecture, description } = adapter.info;
console.log([vendor, architecture, description].filter(Boolean).join(", "));
process.exit(0);
