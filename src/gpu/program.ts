import { InvalidOptionError, ShapeError } from "../util/errors.ts";
import type { DispatchCommand } from "./commands.ts";
import type { Device, TensorData } from "./device.ts";
import { encodeDispatch, encodeTransfer } from "./encode.ts";
import type { Ready } from "./encode.ts";
import type { Sizes, Workgroups } from "./kernel.ts";
import type { MemoryPlan } from "./plan.ts";
import { profileOnce } from "./profiler.ts";
import type { ProfileRow } from "./profiler.ts";
import { Dim } from "./tensor.ts";
import type { ParamValue, Scalar, Tensor } from "./tensor.ts";
import type { ParamField } from "./wgsl.ts";

export type { ProfileRow } from "./profiler.ts";
export { SlotPool } from "./slot-pool.ts";

/** One kernel's uniform block within a Program's uniform arena. */
export interface ParamBlock {
  offset: number;
  fields: readonly ParamField[];
  values: readonly ParamValue[];
}

/** Recorded work, compiled and placed: replayed with `run`, with other lengths and scalars each time. */
export class Program {
  #runtime: Sizes = {};
  #blocks: readonly ParamBlock[];
  #params: ArrayBuffer;
  #paramsBuffer: GPUBuffer | undefined;
  #dynamic: boolean;
  #written = false;

  constructor(
    readonly device: Device,
    readonly name: string,
    readonly plan: MemoryPlan,
    private readonly ready: readonly Ready[],
    private readonly inputs: ReadonlyMap<string, Tensor>,
    private readonly runtimeNames: ReadonlyMap<string, Dim | Scalar>,
    private readonly owned: readonly GPUBuffer[],
    params: { buffer: GPUBuffer | undefined; bytes: number; blocks: readonly ParamBlock[] },
  ) {
    this.#blocks = params.blocks;
    this.#params = new ArrayBuffer(params.bytes);
    this.#paramsBuffer = params.buffer;
    this.#dynamic = params.blocks.some((block) => block.values.some((value) => typeof value !== "number"));
  }

  /** Dispatches recorded, whether or not a run skips some of them for having no rows. */
  get dispatchCount(): number {
    return this.ready.filter((item) => item.kind === "dispatch").length;
  }

  /** Which variant each kernel runs: for a run record. */
  variants(): Record<string, number> {
    const variants: Record<string, number> = {};
    for (const item of this.ready) {
      if (item.kind === "dispatch") variants[item.command.kernel.id] = item.command.variantIndex;
    }
    return variants;
  }

  /** Writes a program input by name, or any placed tensor. */
  write(target: Tensor | string, data: TensorData, begin = 0): void {
    const tensor = typeof target === "string" ? this.inputs.get(target) : target;
    if (!tensor)
      throw new ShapeError(`${this.name}: input`, target, `one of ${[...this.inputs.keys()].join(", ")}`);
    this.device.write(tensor, data, begin);
  }

  /** Encodes and submits the whole program once. `values` gives every Dim and Scalar by name. */
  run(values: Sizes = {}): void {
    runPrograms(this.device, [[this, values]]);
  }

  async read(tensor: Tensor): Promise<Float32Array | Uint32Array | Int32Array> {
    return this.device.read(tensor);
  }

  /** Prepares the uniform arena for `values` and encodes every command. Used by {@link runPrograms}. */
  encode(encoder: GPUCommandEncoder, values: Sizes): void {
    this.#setRuntime(values);
    this.#writeParams();
    let pass: GPUComputePassEncoder | undefined;
    for (const item of this.ready) {
      if (item.kind === "dispatch") {
        const count = this.#workgroups(item.command);
        if (count[0] * count[1] * count[2] === 0) continue;
        pass ??= encoder.beginComputePass({ label: this.name });
        encodeDispatch(pass, item, count);
      } else {
        pass?.end();
        pass = undefined;
        encodeTransfer(encoder, item);
      }
    }
    pass?.end();
  }

  /**
   * Runs once with a timestamp around every dispatch.
   * @throws InvalidOptionError when the device has no timestamp-query.
   */
  async profile(values: Sizes = {}): Promise<ProfileRow[]> {
    if (!this.device.info.timestamps) {
      throw new InvalidOptionError(
        `${this.name}: profile`,
        "a device without timestamp-query",
        "one that has it",
      );
    }
    this.#setRuntime(values);
    this.#writeParams();
    const items = this.ready.map((item) => ({
      item,
      count: item.kind === "dispatch" ? this.#workgroups(item.command) : undefined,
    }));
    return profileOnce(this.device, items);
  }

  /** Frees what the program owns; buffers of a pool stay with the pool. */
  destroy(): void {
    for (const buffer of this.owned) this.device.free(buffer);
  }

  #setRuntime(values: Sizes): void {
    for (const [name, runtime] of this.runtimeNames) {
      const value = values[name];
      if (value === undefined)
        throw new ShapeError(`${this.name}: runtime value ${name}`, "nothing", "a number");
      if (runtime instanceof Dim && !(Number.isInteger(value) && value >= 0 && value <= runtime.capacity)) {
        throw new ShapeError(
          `${this.name}: length ${name}`,
          value,
          `an integer from 0 to ${runtime.capacity}`,
        );
      }
    }
    this.#runtime = values;
  }

  #number(value: ParamValue): number {
    return typeof value === "number" ? value : this.#runtime[value.name];
  }

  #workgroups({ kernel, variant, values }: DispatchCommand): Workgroups {
    const sizes: Sizes = {};
    for (const [name, value] of values) sizes[name] = this.#number(value);
    const count = kernel.spec.workgroups(sizes, variant.constants);
    const triple: Workgroups = typeof count === "number" ? [count, 1, 1] : count;
    if (triple.some((extent) => extent > 65_535)) {
      throw new ShapeError(`${kernel.id}: workgroups`, [...triple], "at most 65535 along each axis");
    }
    return triple;
  }

  #writeParams(): void {
    if (!this.#paramsBuffer || (this.#written && !this.#dynamic)) return;
    const data = new DataView(this.#params);
    for (const { offset, fields, values } of this.#blocks) {
      fields.forEach((field, index) => {
        const number = this.#number(values[index]);
        const at = offset + index * 4;
        if (field.type === "f32") data.setFloat32(at, number, true);
        else if (field.type === "u32") data.setUint32(at, number, true);
        else data.setInt32(at, number, true);
      });
    }
    this.device.queue.writeBuffer(this.#paramsBuffer, 0, this.#params);
    this.#written = true;
  }
}

/** Told of each run of a program, with the lengths and scalars it runs with. */
export type RunListener = (program: Program, values: Sizes) => void;

const listeners = new WeakMap<Device, RunListener>();

/** Tells `listener`, in place of the one before it, of every run on this device; undefined ends it. */
export function traceRuns(device: Device, listener: RunListener | undefined): void {
  if (listener) listeners.set(device, listener);
  else listeners.delete(device);
}

/** Runs several programs, in order, in one submit. A program may stand in the list once. */
export function runPrograms(device: Device, list: readonly (readonly [Program, Sizes])[]): void {
  device.check();
  const encoder = device.handle.createCommandEncoder();
  const listener = listeners.get(device);
  for (const [program, values] of list) {
    listener?.(program, values);
    program.encode(encoder, values);
  }
  device.queue.submit([encoder.finish()]);
}
