import { createThinktab, DeviceLostError } from "thinktab";
import type { Message, PolicySource, RemotePolicy, Thinktab, ThinktabOptions } from "thinktab";

// #region assistant
type Started = Promise<{ kit: Thinktab; policy: RemotePolicy }>;

/** Answers questions on one page: starts the kit with the first of them, and again when the GPU was lost. */
export class Assistant {
  #started: Started | undefined;
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
      const started = (this.#started ??= this.#start());
      try {
        const { policy } = await started;
        const [{ text }] = await policy.generate(messages, { maxNewTokens: 200, signal });
        return text;
      } catch (error) {
        if (!(error instanceof DeviceLostError) || attempt === 3) throw error;
        await this.#end(started); // nothing that was on the lost device can be used again
      }
    }
  }

  /** Ends the worker and frees the GPU's memory. */
  async dispose(): Promise<void> {
    if (this.#started) await this.#end(this.#started);
  }

  async #start(): Promise<{ kit: Thinktab; policy: RemotePolicy }> {
    let kit: Thinktab | undefined;
    try {
      kit = await createThinktab(await this.#options());
      return { kit, policy: await kit.loadPolicy(this.#source) };
    } catch (error) {
      this.#started = undefined; // the next question tries again
      await kit?.dispose();
      throw error;
    }
  }

  async #end(started: Started): Promise<void> {
    if (this.#started === started) this.#started = undefined; // or another question has started the next already
    await started.then(({ kit }) => kit.dispose()).catch(() => undefined);
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
