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
 * Makes this Node process look enough like a page for the peers: `navigator.gpu`, the iterator
 * helpers that Node 20 lacks (jax-js uses them), and a `queue.writeBuffer` that takes views of shared memory, which
 * Dawn for Node refuses and ONNX Runtime Web passes from its WebAssembly heap.
 */
export function installBrowserGlobals(gpu: GPU): void {
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "", hardwareConcurrency: 1 },
    configurable: true,
    writable: true,
  });
  installIteratorHelpers();
  installSharedWriteBuffer();
}

/** Names the adapter that everything in the process runs on. */
export async function describeAdapter(gpu: GPU): Promise<AdapterRecord> {
  const adapter = await requestAdapter(gpu);
  const { vendor, architecture, device, description } = adapter.info;
  return {
    vendor,
    architecture,
    device,
    description,
    features: [...adapter.features].sort(),
    runtime: `Node ${process.version}`,
  };
}

/** A new adapter object: each is consumed by the device it gives. */
async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter)
    throw new Error("no WebGPU adapter: got null, expected a Vulkan driver (see VK_DRIVER_FILES)");
  return adapter;
}

/** A device with everything the adapter has but for `without`, so that nobody is measured with a hand tied. */
export async function requestFullDevice(
  gpu: GPU,
  label: string,
  without: readonly string[] = [],
): Promise<GPUDevice> {
  const adapter = await requestAdapter(gpu);
  const requiredLimits: Record<string, number> = {};
  for (const key in adapter.limits) {
    const value: unknown = adapter.limits[key as keyof GPUSupportedLimits];
    if (typeof value === "number") requiredLimits[key] = value;
  }
  const requiredFeatures = [...adapter.features].filter((feature) => !without.includes(feature));
  return adapter.requestDevice({
    label,
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits,
  });
}

function installIteratorHelpers(): void {
  const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]()) as object;
  const prototype = Object.getPrototypeOf(arrayIterator) as object;
  const define = (
    name: string,
    value: (this: Iterable<unknown>, f: (item: unknown, i: number) => unknown) => unknown,
  ) => {
    if (!(name in prototype))
      Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
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
      writeBuffer.call(this, buffer, bufferOffset, data, dataOffset, size);
      return;
    }
    // Offsets count elements of the view, or bytes of a bare buffer; the copy is bytes.
    const unit = ArrayBuffer.isView(data) && "BYTES_PER_ELEMENT" in data ? Number(data.BYTES_PER_ELEMENT) : 1;
    const whole = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const begin = (dataOffset ?? 0) * unit;
    const end = size === undefined ? whole.length : begin + size * unit;
    writeBuffer.call(this, buffer, bufferOffset, new Uint8Array(whole.slice(begin, end)));
  };
}
