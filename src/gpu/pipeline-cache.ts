import { DeviceLostError, ShaderError } from "../util/errors.ts";
import type { KernelCode } from "./kernel.ts";

export interface CompiledKernel {
  pipeline: GPUComputePipeline;
  tensorLayout: GPUBindGroupLayout;
}

/** Shader modules by source and pipelines by source, entry point and constants: each made once per device. */
export class PipelineCache {
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #pipelines = new Map<string, Promise<CompiledKernel>>();
  #uniformLayout: GPUBindGroupLayout | undefined;

  /** @param settled waits for GPU work or the loss of the device, as `Device.settled` does. */
  constructor(
    private readonly handle: GPUDevice,
    private readonly settled: <T>(work: Promise<T>) => Promise<T>,
  ) {}

  /** Layout of group 1: one uniform block. */
  get uniformLayout(): GPUBindGroupLayout {
    this.#uniformLayout ??= this.handle.createBindGroupLayout({
      entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "uniform" } }],
    });
    return this.#uniformLayout;
  }

  /**
   * The pipeline for a piece of code, compiled once.
   * @throws ShaderError with the compiler's messages and the source around them.
   */
  compile(
    label: string,
    { code, entry }: KernelCode,
    entryPoint: string,
    constants: Record<string, number>,
  ): Promise<CompiledKernel> {
    const key = `${entryPoint} ${JSON.stringify(constants)}\n${code}`;
    let compiled = this.#pipelines.get(key);
    if (!compiled) {
      compiled = this.#compile(label, code, entry, entryPoint, constants);
      // The caller sees the rejection; a failed pipeline is not remembered.
      compiled.catch(() => this.#pipelines.delete(key));
      this.#pipelines.set(key, compiled);
    }
    return compiled;
  }

  async #compile(
    label: string,
    code: string,
    entry: KernelCode["entry"],
    entryPoint: string,
    constants: Record<string, number>,
  ): Promise<CompiledKernel> {
    const module = await this.#module(label, code);
    const tensorLayout = this.handle.createBindGroupLayout({
      label,
      entries: entry.bindings.map(({ binding, access }) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: access === "read" ? ("read-only-storage" as const) : ("storage" as const) },
      })),
    });
    const layout = this.handle.createPipelineLayout({
      label,
      bindGroupLayouts: entry.usesParams ? [tensorLayout, this.uniformLayout] : [tensorLayout],
    });
    try {
      const pipeline = await this.settled(
        this.handle.createComputePipelineAsync({ label, layout, compute: { module, entryPoint, constants } }),
      );
      return { pipeline, tensorLayout };
    } catch (cause) {
      if (cause instanceof DeviceLostError) throw cause;
      throw new ShaderError(
        `${label}: no pipeline with ${JSON.stringify(constants)}: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  #module(label: string, code: string): Promise<GPUShaderModule> {
    let module = this.#modules.get(code);
    if (!module) {
      module = this.#createModule(label, code);
      module.catch(() => this.#modules.delete(code));
      this.#modules.set(code, module);
    }
    return module;
  }

  async #createModule(label: string, code: string): Promise<GPUShaderModule> {
    this.handle.pushErrorScope("validation");
    const module = this.handle.createShaderModule({ label, code });
    const failure = await this.settled(this.handle.popErrorScope());
    if (failure) {
      const info = await module.getCompilationInfo();
      const lines = code.split("\n");
      const messages = info.messages
        .filter((message) => message.type === "error")
        .map(
          (message) =>
            `  ${message.lineNum}:${message.linePos} ${message.message}\n    ${lines[message.lineNum - 1] ?? ""}`,
        );
      throw new ShaderError(`${label} does not compile:\n${messages.join("\n") || failure.message}`);
    }
    return module;
  }
}
