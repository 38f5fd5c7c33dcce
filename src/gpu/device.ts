import {
  DeviceLostError,
  GpuUnavailableError,
  MemoryBudgetError,
  ShaderError,
  ShapeError,
} from "../util/errors.ts";
import { bufferOf, padToWord, storageUsage, typed } from "./buffers.ts";
import { deviceInfo } from "./device-info.ts";
import type { DeviceInfo, DeviceOptions } from "./device-info.ts";
import type { Feature, KernelCode, Variant } from "./kernel.ts";
import { PipelineCache } from "./pipeline-cache.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";
import { bufferBytes, formatBudget } from "./plan.ts";
import { byteLength, bytesPerElement, elementCount } from "./tensor.ts";
import type { DType, Shard, Storage, Tensor } from "./tensor.ts";

export { bufferOf, storageUsage, windowShards } from "./buffers.ts";
export type { DeviceInfo, DeviceOptions } from "./device-info.ts";
export type { CompiledKernel } from "./pipeline-cache.ts";

export type TensorData = Float32Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

const raisedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

/**
 * A GPU device: adapter limits and features, pipeline cache, error scopes, the lost-promise, live memory.
 * Create as many as you like; nothing here is global.
 */
export class Device {
  /** Settles, with the error, when the device is lost. */
  readonly lost: Promise<DeviceLostError>;
  readonly info: DeviceInfo;
  /** Which variant of a kernel to run, by kernel and shape: filled by the autotuner or pinned by a run record. */
  readonly pinnedVariants = new Map<string, number>();
  /** Which variants the programs built so far run, by kernel: for a run record. */
  readonly usedVariants = new Map<string, Set<number>>();
  readonly queue: GPUQueue;
  #lostError: DeviceLostError | undefined;
  #uncaptured: Error | undefined;
  #liveBytes = 0;
  #peakBytes = 0;
  readonly #buffers = new Map<GPUBuffer, number>();
  readonly #pipelines: PipelineCache;
  #dummy: GPUBuffer | undefined;

  private constructor(
    readonly handle: GPUDevice,
    readonly injected: boolean,
    private readonly options: DeviceOptions,
  ) {
    this.queue = handle.queue;
    this.info = deviceInfo(handle, options);
    this.#pipelines = new PipelineCache(handle, (work) => this.settled(work));
    this.lost = handle.lost.then((info) => {
      this.#lostError = new DeviceLostError(`the GPU device was lost (${info.reason}): ${info.message}`);
      return this.#lostError;
    });
    handle.addEventListener("uncapturederror", (event) => {
      this.#uncaptured ??= new ShaderError(`uncaptured GPU error: ${event.error.message}`);
    });
  }

  /**
   * @throws GpuUnavailableError when there is no adapter, or it gives no device.
   */
  static async create(options: DeviceOptions = {}): Promise<Device> {
    if (options.device) return new Device(options.device, true, options);
    const gpu = options.gpu ?? (typeof navigator === "undefined" ? undefined : navigator.gpu);
    if (!gpu) {
      throw new GpuUnavailableError(
        "this platform has no WebGPU: navigator.gpu is missing (it needs a secure page: https or localhost)",
      );
    }
    const adapter = await gpu.requestAdapter({
      powerPreference: options.powerPreference ?? "high-performance",
    });
    if (!adapter)
      throw new GpuUnavailableError("WebGPU is there, but no adapter: requestAdapter() gave null");
    const wanted: GPUFeatureName[] = ["timestamp-query"];
    if (options.f16 !== false) wanted.push("shader-f16");
    if (options.subgroups !== false) wanted.push("subgroups");
    const requiredLimits: Record<string, number> = {};
    for (const limit of raisedLimits) requiredLimits[limit] = adapter.limits[limit];
    try {
      const handle = await adapter.requestDevice({
        requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
        requiredLimits,
      });
      return new Device(handle, false, options);
    } catch (cause) {
      throw new GpuUnavailableError(
        `the adapter gave no device: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  /** Bytes in buffers that this object made and has not destroyed. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The most that {@link Device.liveBytes} has been. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Buffers that this object made and has not destroyed. */
  get liveBuffers(): number {
    return this.#buffers.size;
  }

  /** Begins a new peak from what is live now. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /** Whether kernels may use a feature. @internal */
  has(feature: Feature): boolean {
    return feature === "f16" ? this.info.f16 : this.info.subgroups;
  }

  /** Whether the device has what a variant of a kernel requires. @internal */
  canRun(variant: Variant): boolean {
    return (variant.requires ?? []).every((feature) => this.has(feature));
  }

  /** Throws what has gone wrong on the device since the last call, if anything. */
  check(): void {
    if (this.#lostError) throw this.#lostError;
    if (this.#uncaptured) {
      const error = this.#uncaptured;
      this.#uncaptured = undefined;
      throw error;
    }
  }

  /** A buffer that counts against the budget. Use {@link Device.free} to destroy it. @internal */
  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check();
    const size = bufferBytes(bytes);
    const budget = this.options.memoryBudgetBytes ?? Infinity;
    if (size > this.info.maxBufferBytes || this.#liveBytes + size > budget) {
      throw new MemoryBudgetError(
        `${label} does not fit: it takes ${size} bytes; a buffer may have ${this.info.maxBufferBytes}, and ` +
          `${budget - this.#liveBytes} are left of the budget\n${formatBudget([
            ["in use", this.#liveBytes],
            [label, size],
          ])}`,
      );
    }
    const buffer = this.handle.createBuffer({ label, size, usage });
    this.#buffers.set(buffer, size);
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** Destroys a buffer that this object made. @internal */
  free(buffer: GPUBuffer): void {
    const size = this.#buffers.get(buffer);
    if (size === undefined) return;
    this.#buffers.delete(buffer);
    this.#liveBytes -= size;
    buffer.destroy();
  }

  /** Whether building a Program may time the variants of its kernels. */
  get autotune(): boolean {
    return this.options.autotune ?? false;
  }

  /**
   * Throws a MemoryBudgetError with `table` when `bytes` more would pass the budget given at creation.
   * @internal
   */
  assertFits(what: string, bytes: number, table: string): void {
    const left = (this.options.memoryBudgetBytes ?? Infinity) - this.#liveBytes;
    if (bytes > left)
      throw new MemoryBudgetError(`${what} takes ${bytes} bytes, ${left} are left of the budget\n${table}`);
  }

  /**
   * A persistent tensor, zero or `data`. Above the binding limit it is split by rows into shards, and kernels bind the
   * shards one by one.
   * @internal
   */
  tensor(name: string, shape: readonly number[], dtype: DType, data?: TensorData): Tensor {
    const bytes = byteLength(shape, dtype);
    const whole = bytes <= this.info.maxBindingBytes;
    const storage: Storage & { shards?: Shard[] } = { name, bytes, kind: "persistent", buffer: undefined };
    const tensor: Tensor = { name, shape, dtype, storage, offset: 0 };
    if (whole) {
      storage.buffer = this.createBuffer(name, bytes, storageUsage());
    } else {
      const [rowCount, ...rest] = shape;
      const rowBytes = elementCount(rest) * bytesPerElement[dtype];
      // Shards begin at multiples of 64 rows, so that windows into them stay aligned.
      const perShard = Math.floor(this.info.maxBindingBytes / rowBytes / 64) * 64;
      if (perShard === 0) {
        throw new MemoryBudgetError(
          `${name}: 64 rows of ${rowBytes} bytes do not fit a binding of ${this.info.maxBindingBytes} bytes`,
        );
      }
      storage.shards = [];
      for (let begin = 0; begin < rowCount; begin += perShard) {
        const count = Math.min(perShard, rowCount - begin);
        storage.shards.push({ begin, tensor: this.tensor(`${name}[${begin}]`, [count, ...rest], dtype) });
      }
    }
    if (data) this.write(tensor, data);
    return tensor;
  }

  /** Writes `data` into `tensor`, beginning at element `begin`. @internal */
  write(tensor: Tensor, data: TensorData, begin = 0): void {
    const elementBytes = bytesPerElement[tensor.dtype];
    const elements = data.byteLength / elementBytes;
    if (begin + elements > elementCount(tensor.shape)) {
      throw new ShapeError(
        `write to ${tensor.name}: elements`,
        begin + elements,
        `at most ${elementCount(tensor.shape)}`,
      );
    }
    if (tensor.storage.shards) {
      const rowElements = elementCount(tensor.shape.slice(1));
      for (const shard of tensor.storage.shards) {
        const first = shard.begin * rowElements;
        const from = Math.max(begin, first);
        const to = Math.min(begin + elements, first + elementCount(shard.tensor.shape));
        if (from >= to) continue;
        const part = new Uint8Array(
          data.buffer,
          data.byteOffset + (from - begin) * elementBytes,
          (to - from) * elementBytes,
        );
        this.write(shard.tensor, part, from - first);
      }
      return;
    }
    const target = (tensor.offset + begin) * elementBytes;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const padded = bytes.byteLength % 4 === 0 ? bytes : padToWord(bytes);
    this.queue.writeBuffer(bufferOf(tensor), target, padded as Uint8Array<ArrayBuffer>);
  }

  /** Reads a tensor back. f16 is widened to f32. @internal */
  async read(tensor: Tensor): Promise<Float32Array | Uint32Array | Int32Array> {
    return (await this.readAll([tensor]))[0];
  }

  /** Reads several tensors with one copy and one wait. @internal */
  async readAll(tensors: readonly Tensor[]): Promise<(Float32Array | Uint32Array | Int32Array)[]> {
    this.check();
    const pieces = tensors.flatMap(
      (tensor) => tensor.storage.shards?.map((shard) => shard.tensor) ?? [tensor],
    );
    const total = pieces.reduce((sum, piece) => sum + byteLength(piece.shape, piece.dtype), 0);
    const staging = this.createBuffer("staging", total, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      const encoder = this.handle.createCommandEncoder();
      let target = 0;
      for (const piece of pieces) {
        const bytes = byteLength(piece.shape, piece.dtype);
        encoder.copyBufferToBuffer(
          bufferOf(piece),
          piece.offset * bytesPerElement[piece.dtype],
          staging,
          target,
          bytes,
        );
        target += bytes;
      }
      this.queue.submit([encoder.finish()]);
      await this.settled(staging.mapAsync(GPUMapMode.READ, 0, target));
      const copy = staging.getMappedRange(0, target).slice(0);
      staging.unmap();
      let begin = 0;
      return tensors.map((tensor) => {
        const bytes = (tensor.storage.shards?.map((shard) => shard.tensor) ?? [tensor]).reduce(
          (sum, piece) => sum + byteLength(piece.shape, piece.dtype),
          0,
        );
        const values = typed(copy.slice(begin, begin + bytes), tensor);
        begin += bytes;
        return values;
      });
    } finally {
      this.free(staging);
    }
  }

  /**
   * Waits for `work`, or for the device to be lost, whichever comes first; then reports pending errors.
   * @internal
   */
  async settled<T>(work: Promise<T>): Promise<T> {
    const lost = this.lost.then((error) => Promise.reject(error));
    let result: T;
    try {
      result = await Promise.race([work, lost]);
    } catch (error) {
      this.check();
      throw error;
    }
    this.check();
    return result;
  }

  /** Waits until the GPU has done everything submitted so far. */
  async idle(): Promise<void> {
    await this.settled(this.queue.onSubmittedWorkDone());
  }

  /** Layout of group 1: one uniform block. @internal */
  get uniformLayout(): GPUBindGroupLayout {
    return this.#pipelines.uniformLayout;
  }

  /** Bound in the place of an optional tensor that was left out. @internal */
  get dummy(): GPUBuffer {
    this.#dummy ??= this.createBuffer("dummy", 256, storageUsage());
    return this.#dummy;
  }

  /**
   * The pipeline for a piece of code, compiled once.
   * @throws ShaderError with the compiler's messages and the source around them.
   * @internal
   */
  compile(
    label: string,
    code: KernelCode,
    entryPoint: string,
    constants: Record<string, number>,
  ): Promise<CompiledKernel> {
    return this.#pipelines.compile(label, code, entryPoint, constants);
  }

  /** Frees a persistent tensor. @internal */
  freeTensor(tensor: Tensor): void {
    for (const piece of tensor.storage.shards ?? [{ tensor }]) {
      if (piece.tensor.storage.buffer) this.free(piece.tensor.storage.buffer);
      piece.tensor.storage.buffer = undefined;
    }
  }

  /** Frees every buffer this object made. The GPU device itself is destroyed unless it was injected. */
  destroy(): void {
    for (const buffer of [...this.#buffers.keys()]) this.free(buffer);
    if (!this.injected) this.handle.destroy();
  }
}
