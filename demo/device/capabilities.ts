/** What this browser offers a page that trains: asked for once, and again when told to. */

/** An adapter as the browser describes it. */
export interface AdapterFacts {
  vendor: string;
  architecture: string;
  description: string;
  /** It computes on the processor. */
  software: boolean;
  features: readonly string[];
  limits: Readonly<Record<string, number>>;
}

export interface Capabilities {
  /** https, or this machine: only such pages get WebGPU and storage. */
  secure: boolean;
  /** Where the page comes from: "https://example.org". */
  origin: string;
  webgpu: boolean;
  /** Null when there is none: then `adapterProblem` says why, as far as the browser does. */
  adapter: AdapterFacts | null;
  adapterProblem: string;
  workers: boolean;
  /** Files of the page's own, in which runs are kept. */
  files: boolean;
  /** Bytes used and allowed; null when the browser does not say. */
  storage: { used: number; quota: number } | null;
  /** The browser keeps what is stored even when room is short; null when it does not say. */
  persisted: boolean | null;
  /** The page works without a network. */
  offline: boolean;
  /** Threads of the processor, and its memory in GB as browsers round it; null when not said. */
  cores: number | null;
  memoryGB: number | null;
}

export async function readCapabilities(): Promise<Capabilities> {
  const { storage } = navigator as { storage?: StorageManager };
  const adapter = await readAdapter();
  const memory = (navigator as { deviceMemory?: number }).deviceMemory;
  return {
    secure: isSecureContext,
    origin: location.origin,
    webgpu: "gpu" in navigator,
    adapter: typeof adapter === "string" ? null : adapter,
    adapterProblem: typeof adapter === "string" ? adapter : "",
    workers: typeof Worker === "function",
    files: typeof storage?.getDirectory === "function" && (await worked(storage.getDirectory())),
    storage: (await storage?.estimate?.().then(toStorage, () => null)) ?? null,
    persisted: (await storage?.persisted?.().catch(() => null)) ?? null,
    offline: Boolean((navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker?.controller),
    cores: navigator.hardwareConcurrency || null,
    memoryGB: memory ?? null,
  };
}

/** Asks the browser to keep what is stored even when room is short; some ask the user. */
export async function persist(): Promise<boolean> {
  const { storage } = navigator as { storage?: StorageManager };
  return (await storage?.persist?.()) ?? false;
}

/** The adapter that the engine gets too, or why there is none. */
async function readAdapter(): Promise<AdapterFacts | string> {
  const { gpu } = navigator as { gpu?: typeof navigator.gpu };
  if (!gpu) return "navigator.gpu is missing";
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return "requestAdapter() gave null";
    const { vendor, architecture, description } = adapter.info;
    const limits: Record<string, number> = {};
    // The limits are accessors of the prototype: Object.entries sees none of them.
    for (const name in adapter.limits) {
      const value: unknown = adapter.limits[name as keyof typeof adapter.limits];
      if (typeof value === "number") limits[name] = value;
    }
    return {
      vendor,
      architecture,
      description,
      software: isSoftware(`${vendor} ${architecture} ${description}`),
      features: [...adapter.features].sort(),
      limits,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function isSoftware(name: string): boolean {
  return /swiftshader|llvmpipe|lavapipe|basic render/i.test(name);
}

function toStorage({ usage, quota }: StorageEstimate): Capabilities["storage"] {
  return usage === undefined || quota === undefined ? null : { used: usage, quota };
}

function worked(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
