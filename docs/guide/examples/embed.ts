import { createThinktab, DeviceLostError } from "thinktab";
import type { Message, PolicySource, RemotePolicy, Thinktab, ThinktabOptions } from "thinktab";

// #region assistant
/** Answers questions on one page: starts the kit with the first of them, and again when the GPU was lost. */
export class Assistant {
  #started: Promise<{ kit: Thinktab; policy: RemotePolicy }> | undefined;
  readonly #source: PolicySource | string;
  readonly #options: () => ThinktabOptions | Promise<ThinktabOptions>;

  constructor(
    source: PolicySource | string,
    options: () => ThinktabOptions | Promise<ThinktabOptions> = () => ({}),
  ) {
    this.#source = source;
    this.#options = options;
  }

  /** @throws AbortError when the signal says so; the kit's errors (GpuUnavailableError, ImageDecodeError, …). */
  async ask(messages: Message[], signal?: AbortSignal): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const { policy } = await this.#start();
      try {
        const [{ text }] = await policy.generate(messages, { maxNewTokens: 200, signal });
        return text;
      } catch (error) {
        if (!(error instanceof DeviceLostError) || attempt === 3) throw error;
        await this.dispose(); // nothing that was on the old device can be used again
      }
    }
  }

  /** Ends workers and frees the GPU's memory. The next question starts anew. */
  async dispose(): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    await started?.then(({ kit }) => kit.dispose()).catch(() => undefined);
  }

  #start() {
    this.#started ??= this.#open();
    this.#started.catch(() => (this.#started = undefined)); // a start that failed may be tried again
    return this.#started;
  }

  async #open() {
    const kit = await createThinktab(await this.#options());
    try {
      return { kit, policy: await kit.loadPolicy(this.#source) };
    } catch (error) {
      await kit.dispose();
      throw error;
    }
  }
}
// #endregion

// #region device
/** A device of your own: everything that the adapter offers and the kit can use. */
export async function requestDevice(gpu: GPU = navigator.gpu): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no WebGPU adapter");
  const features: GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX,
  } = adapter.limits;
  return adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: {
      maxBufferSize,
      maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX,
    },
  });
}
// #endregion
