import { create, globals } from "webgpu";

/**
 * Dawn's GPU object. Kept alive for the whole process: Dawn crashes when it is collected while devices exist.
 * `VK_DRIVER_FILES` in the environment chooses among several Vulkan drivers.
 */
export const gpu: GPU = create([]);

/** What the table and the JSON say about where the figures come from. */
export interface AdapterRecord {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  features: string[];
  /** Runtime and its version, e.g. "Node v20.20.2". */
  runtime: string;
}

/**
 * Makes this Node process look enough like a page for the peers: `navigator.gpu`, the `GPU*` constants, the iterator
 * helpers that Node 20 lacks (jax-js uses them), and a `queue.writeBuffer` that takes views of shared memory, which
 * Dawn for Node refuses and ONNX Runtime Web passes from its WebAssembly heap.
 */
export function installBrowserGlobals(): void {
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "", hardwareConcurrency: 1 },
    configurable: true,
    writable: true,
  });
  installIteratorHelpers();
  installSharedWriteBuffer();
}

/** One adapter of the process's GPU object, with the record that names it. */
export async function findAdapter(): Promise<{ adapter: GPUAdapter; record: AdapterRecord }> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter: got null, expected a Vulkan driver (see VK_DRIVER_FILES)");
  const { vendor, architecture, device, description } = adapter.info;
  const record = {
    vendor,
    architecture,
    device,
    description,
    features: [...adapter.features].sort(),
    runtime: `Node ${process.version}`,
  };
  return { adapter, record };
}

/** A device with everything the adapter has, so that nobody is measured with a hand tied. */
export async function requestFullDevice(adapter: GPUAdapter, label: string): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const key in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[key];
    if (typeof value === "number") requiredLimits[key] = value;
  }
  const requiredFeatures = [...adapter.features] as GPUFeatureName[];
  return adapter.requestDevice({ label, requiredFeatures, requiredLimits });
}

function installIteratorHelpers(): void {
  const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]()) as object;
  const prototype = Object.getPrototypeOf(arrayIterator) as object;
  const define = (name: string, value: (this: Iterable<unknown>, f: (item: unknown, i: number) => unknown) => unknown) => {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  };
  define("map", function* (f) {
    let i = 0;
    for (const item of this) yield f(item, i++);
  });
  define("filter", function* (f) {
    let i = 0;
    for (const item of this) if (f(item, i++)) yield item;
  });
  define("some", function (f) {
    let i = 0;
    for (const item of this) if (f(item, i++)) return true;
    return false;
  });
  define("every", function (f) {
    let i = 0;
    for (const item of this) if (!f(item, i++)) return false;
    return true;
  });
  define("toArray", function () {
    return [...this];
  });
}

function installSharedWriteBuffer(): void {
  const prototype = GPUQueue.prototype;
  const writeBuffer = prototype.writeBuffer;
  prototype.writeBuffer = function (
    this: GPUQueue,
    buffer: GPUBuffer,
    bufferOffset: number,
    data: GPUAllowSharedBufferSource,
    dataOffset?: number,
    size?: number,
  ) {
    const memory = ArrayBuffer.isView(data) ? data.buffer : data;
    if (!(memory instanceof SharedArrayBuffer)) {
      return writeBuffer.call(this, buffer, bufferOffset, data, dataOffset, size);
    }
    // Offsets count elements of the view, or bytes of a bare buffer; the copy is bytes.
    const unit = ArrayBuffer.isView(data) && "BYTES_PER_ELEMENT" in data ? Number(data.BYTES_PER_ELEMENT) : 1;
    const whole = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const begin = (dataOffset ?? 0) * unit;
    const end = size === undefined ? whole.length : begin + size * unit;
    return writeBuffer.call(this, buffer, bufferOffset, new Uint8Array(whole.slice(begin, end)));
  };
}
