import { InvalidOptionError, MemoryBudgetError, ShapeError } from "../util/errors.ts";
import { bufferOf, storageUsage } from "./device.ts";
import type { CompiledKernel, Device, TensorData } from "./device.ts";
import type { Sizes, Workgroups } from "./kernel.ts";
import { formatBudget, planRows, planSlots } from "./plan.ts";
import type { Lifetime, MemoryPlan, PlannedTensor } from "./plan.ts";
import type { Command, DispatchCommand, Recorder } from "./recorder.ts";
import { byteLength, bytesPerElement, Dim, Scalar, showShape, windowAlignmentBytes } from "./tensor.ts";
import type { ParamValue, Storage, Tensor } from "./tensor.ts";
import type { ParamField } from "./wgsl.ts";

export interface BuildOptions {
  /** Buffers to take slots from and leave them to: Programs that never overlap in time can share one pool. */
  pool?: SlotPool;
  /** Called as pipelines become ready. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Transient buffers shared by Programs of one device. What is in them does not outlive a run. */
export class SlotPool {
  readonly buffers: { buffer: GPUBuffer; bytes: number }[] = [];
  constructor(readonly device: Device) {}

  /** Buffers of at least the given sizes, largest first matched to largest; grows the pool where it must. */
  take(sizes: readonly number[]): GPUBuffer[] {
    const order = sizes.map((_, index) => index).sort((a, b) => sizes[b] - sizes[a]);
    const free = [...this.buffers].sort((a, b) => b.bytes - a.bytes);
    const taken = new Array<GPUBuffer>(sizes.length);
    for (const index of order) {
      const fits = free.filter((entry) => entry.bytes >= sizes[index]);
      let entry = fits.at(-1);
      if (entry) free.splice(free.indexOf(entry), 1);
      else {
        entry = {
          buffer: this.device.createBuffer("slot", sizes[index], storageUsage()),
          bytes: sizes[index],
        };
        this.buffers.push(entry);
      }
      taken[index] = entry.buffer;
    }
    return taken;
  }

  /** Bytes of new buffers that {@link SlotPool.take} would make. */
  growth(sizes: readonly number[]): number {
    const free = this.buffers.map((entry) => entry.bytes).sort((a, b) => b - a);
    let growth = 0;
    for (const size of [...sizes].sort((a, b) => b - a)) {
      const fits = free.filter((bytes) => bytes >= size);
      const smallest = fits.at(-1);
      if (smallest !== undefined) free.splice(free.lastIndexOf(smallest), 1);
      else growth += size;
    }
    return growth;
  }

  destroy(): void {
    for (const { buffer } of this.buffers) this.device.free(buffer);
    this.buffers.length = 0;
  }
}

interface ReadyDispatch {
  kind: "dispatch";
  command: DispatchCommand;
  compiled: CompiledKernel;
  tensors: GPUBindGroup;
  uniforms: GPUBindGroup | undefined;
}

type Ready = ReadyDispatch | Exclude<Command, DispatchCommand>;

interface ParamBlock {
  offset: number;
  fields: readonly ParamField[];
  values: readonly ParamValue[];
}

export interface ProfileRow {
  scope: string;
  kernel: string;
  ms: number;
  workgroups: Workgroups;
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
        this.#dispatch(pass, item, count);
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
    const { handle } = this.device;
    const items = this.ready.map((item) => ({
      item,
      count: item.kind === "dispatch" ? this.#workgroups(item.command) : undefined,
    }));
    const timed = items.filter(
      ({ count }) => count !== undefined && count[0] * count[1] * count[2] > 0,
    ).length;
    const queries = handle.createQuerySet({
      type: "timestamp",
      count: Math.min(4096, Math.max(2, timed * 2)),
    });
    const bytes = Math.min(4096, Math.max(2, timed * 2)) * 8;
    const resolved = this.device.createBuffer(
      "timestamps",
      bytes,
      GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    );
    const staging = this.device.createBuffer(
      "timestamps",
      bytes,
      GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    );
    try {
      const rows: ProfileRow[] = [];
      const encoder = handle.createCommandEncoder();
      for (const { item, count } of items) {
        if (item.kind !== "dispatch") {
          encodeTransfer(encoder, item);
          continue;
        }
        if (!count || count[0] * count[1] * count[2] === 0) continue;
        const query = rows.length * 2;
        const timestampWrites =
          query + 1 < 4096
            ? { querySet: queries, beginningOfPassWriteIndex: query, endOfPassWriteIndex: query + 1 }
            : undefined;
        const pass = encoder.beginComputePass({ timestampWrites });
        this.#dispatch(pass, item, count);
        pass.end();
        if (timestampWrites)
          rows.push({ scope: item.command.scope, kernel: item.command.kernel.id, ms: 0, workgroups: count });
      }
      encoder.resolveQuerySet(queries, 0, rows.length * 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, rows.length * 16);
      this.device.queue.submit([encoder.finish()]);
      await this.device.settled(staging.mapAsync(GPUMapMode.READ, 0, rows.length * 16));
      const stamps = new BigUint64Array(staging.getMappedRange(0, rows.length * 16).slice(0));
      staging.unmap();
      rows.forEach((row, index) => (row.ms = Number(stamps[index * 2 + 1] - stamps[index * 2]) / 1e6));
      return rows;
    } finally {
      queries.destroy();
      this.device.free(resolved);
      this.device.free(staging);
    }
  }

  /** Frees what the program owns; buffers of a pool stay with the pool. */
  destroy(): void {
    for (const buffer of this.owned) this.device.free(buffer);
  }

  #dispatch(pass: GPUComputePassEncoder, item: ReadyDispatch, count: Workgroups): void {
    pass.setPipeline(item.compiled.pipeline);
    pass.setBindGroup(0, item.tensors);
    if (item.uniforms) pass.setBindGroup(1, item.uniforms);
    pass.dispatchWorkgroups(count[0], count[1], count[2]);
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

/** Runs several programs, in order, in one submit. A program may stand in the list once. */
export function runPrograms(device: Device, list: readonly (readonly [Program, Sizes])[]): void {
  device.check();
  const encoder = device.handle.createCommandEncoder();
  for (const [program, values] of list) program.encode(encoder, values);
  device.queue.submit([encoder.finish()]);
}

function encodeTransfer(encoder: GPUCommandEncoder, command: Exclude<Command, DispatchCommand>): void {
  const span = (tensor: Tensor) =>
    [tensor.offset * bytesPerElement[tensor.dtype], byteLength(tensor.shape, tensor.dtype)] as const;
  if (command.kind === "zero") {
    for (const piece of command.tensor.storage.shards?.map((shard) => shard.tensor) ?? [command.tensor]) {
      encoder.clearBuffer(bufferOf(piece), ...span(piece));
    }
  } else {
    const [from, bytes] = span(command.from);
    encoder.copyBufferToBuffer(
      bufferOf(command.from),
      from,
      bufferOf(command.to),
      span(command.to)[0],
      bytes,
    );
  }
}

function tensorsOf(command: Command): Tensor[] {
  if (command.kind === "dispatch")
    return Object.values(command.tensors).filter((tensor) => tensor !== undefined);
  return command.kind === "zero" ? [command.tensor] : [command.from, command.to];
}

/** Places, compiles and binds what a Recorder holds. Called through {@link Recorder.build}. */
export async function buildProgram(recorder: Recorder, options: BuildOptions): Promise<Program> {
  const { device } = recorder;
  device.check();
  options.signal?.throwIfAborted();
  const commands = recorder.liveCommands();
  const lifetimes = new Map<Storage, Lifetime>();
  commands.forEach((command, index) => {
    for (const tensor of tensorsOf(command)) {
      const { storage } = tensor;
      if (storage.kind !== "transient") continue;
      const known = lifetimes.get(storage);
      if (known) known.last = index;
      else {
        const { shape, dtype } = tensor;
        lifetimes.set(storage, {
          name: storage.name,
          shape,
          dtype,
          bytes: storage.bytes,
          first: index,
          last: index,
        });
      }
    }
  });

  const params = planParams(commands);
  const shared = [...lifetimes].filter(([storage]) => !recorder.outputs.has(storage));
  const { slotBytes, slots } = planSlots(shared.map(([, lifetime]) => lifetime));
  const planned: PlannedTensor[] = shared.map(([, lifetime], index) => ({
    ...lifetime,
    slot: slots[index],
    kind: "transient",
  }));
  const own: { storage: Storage; tensor: PlannedTensor }[] = [];
  for (const { name, shape, dtype, storage } of recorder.inputs) {
    const tensor: PlannedTensor = {
      name,
      shape,
      dtype,
      bytes: storage.bytes,
      first: 0,
      last: Infinity,
      slot: -1,
      kind: "input",
    };
    own.push({ storage, tensor });
  }
  for (const [storage, lifetime] of lifetimes) {
    if (recorder.outputs.has(storage))
      own.push({ storage, tensor: { ...lifetime, last: Infinity, slot: -1, kind: "output" } });
  }
  const ownBytes = own.reduce((sum, { storage }) => sum + bufferBytes(storage.bytes), params.bytes);
  const plan: MemoryPlan = {
    program: recorder.name,
    slotBytes: slotBytes.map(bufferBytes),
    tensors: [...planned, ...own.map(({ tensor }) => tensor)],
    ownBytes,
    totalBytes: ownBytes + slotBytes.reduce((sum, bytes) => sum + bufferBytes(bytes), 0),
  };
  const tooLarge = plan.tensors.find((tensor) => tensor.bytes > device.info.maxBindingBytes);
  if (tooLarge) {
    throw new MemoryBudgetError(
      `${recorder.name}: ${tooLarge.name} ${showShape(tooLarge.shape)} takes ${tooLarge.bytes} bytes, a binding may have ` +
        `${device.info.maxBindingBytes}; use fewer tokens per batch\n${formatBudget(planRows(plan))}`,
    );
  }
  const pool = options.pool;
  device.assertFits(
    recorder.name,
    (pool ? pool.growth(plan.slotBytes) : sum(plan.slotBytes)) + ownBytes,
    formatBudget(planRows(plan)),
  );

  const compiled = await compileAll(device, commands, options);
  options.signal?.throwIfAborted();

  device.handle.pushErrorScope("out-of-memory");
  device.handle.pushErrorScope("validation");
  const owned: GPUBuffer[] = [];
  const ownedBuffer = (name: string, bytes: number, usage = storageUsage()) => {
    const buffer = device.createBuffer(name, bytes, usage);
    owned.push(buffer);
    return buffer;
  };
  try {
    const slotBuffers = pool
      ? pool.take(plan.slotBytes)
      : plan.slotBytes.map((bytes) => ownedBuffer("slot", bytes));
    shared.forEach(([storage], index) => (storage.buffer = slotBuffers[slots[index]]));
    for (const { storage } of own) storage.buffer = ownedBuffer(storage.name, storage.bytes);
    const paramsBuffer =
      params.bytes > 0
        ? ownedBuffer("params", params.bytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
        : undefined;
    const ready = commands.map((command): Ready => {
      const pipeline = command.kind === "dispatch" ? compiled.get(command) : undefined;
      if (command.kind !== "dispatch" || !pipeline) return command as Exclude<Command, DispatchCommand>;
      return bind(device, command, pipeline, paramsBuffer, params.blockOf.get(command));
    });
    const inputs = new Map(recorder.inputs.map((input) => [input.name, input]));
    const runtime = new Map<string, Dim | Scalar>([...recorder.dims, ...recorder.scalars]);
    return new Program(device, recorder.name, plan, ready, inputs, runtime, owned, {
      ...params,
      buffer: paramsBuffer,
    });
  } catch (error) {
    for (const buffer of owned) device.free(buffer);
    throw error;
  } finally {
    const invalid = await device.handle.popErrorScope();
    const full = await device.handle.popErrorScope();
    if (invalid || full) for (const buffer of owned) device.free(buffer);
    if (full)
      throw new MemoryBudgetError(
        `${recorder.name}: the device is out of memory\n${formatBudget(planRows(plan))}`,
      );
    if (invalid)
      throw new ShapeError(
        `${recorder.name}: bind groups`,
        invalid.message,
        "bindings that fit their layouts",
      );
  }
}

async function compileAll(
  device: Device,
  commands: readonly Command[],
  options: BuildOptions,
): Promise<Map<DispatchCommand, CompiledKernel>> {
  const dispatches = commands.filter((command) => command.kind === "dispatch");
  const compiled = new Map<DispatchCommand, CompiledKernel>();
  let done = 0;
  await Promise.all(
    dispatches.map(async (command) => {
      const { kernel, variant, code } = command;
      const constants: Record<string, number> = {};
      for (const [name, value] of Object.entries(variant.constants)) constants[name] = Number(value);
      compiled.set(command, await device.compile(kernel.id, code, kernel.spec.entry, constants));
      options.onProgress?.(++done, dispatches.length);
    }),
  );
  return compiled;
}

/** Uniform blocks, equal ones once. Dynamic values are equal when they are the same Dim or Scalar. */
function planParams(commands: readonly Command[]): {
  bytes: number;
  blocks: ParamBlock[];
  blockOf: Map<DispatchCommand, ParamBlock>;
} {
  const blocks = new Map<string, ParamBlock>();
  const blockOf = new Map<DispatchCommand, ParamBlock>();
  for (const command of commands) {
    if (command.kind !== "dispatch" || !command.code.entry.usesParams) continue;
    const fields = command.code.declarations.params;
    const values = fields.map((field) => command.values.get(field.name) ?? 0);
    const key = fields
      .map((field, index) => {
        const value = values[index];
        return `${field.type}:${typeof value === "number" ? value : `${value instanceof Dim ? "dim" : "scalar"} ${value.name}`}`;
      })
      .join("|");
    let block = blocks.get(key);
    if (!block) blocks.set(key, (block = { offset: blocks.size * windowAlignmentBytes, fields, values }));
    blockOf.set(command, block);
  }
  return { bytes: blocks.size * windowAlignmentBytes, blocks: [...blocks.values()], blockOf };
}

function bind(
  device: Device,
  command: DispatchCommand,
  compiled: CompiledKernel,
  paramsBuffer: GPUBuffer | undefined,
  block: ParamBlock | undefined,
): ReadyDispatch {
  const entries = command.code.entry.bindings.map(({ binding, name }) => {
    const tensor = command.tensors[name];
    if (!tensor) return { binding, resource: { buffer: device.dummy } };
    const offset = tensor.offset * bytesPerElement[tensor.dtype];
    // Whole vec4s, so that the smallest tensor can be read as one; buffers and windows leave the room.
    const size = Math.ceil(byteLength(tensor.shape, tensor.dtype) / 16) * 16;
    return { binding, resource: { buffer: bufferOf(tensor), offset, size } };
  });
  const tensors = device.handle.createBindGroup({
    label: command.kernel.id,
    layout: compiled.tensorLayout,
    entries,
  });
  let uniforms: GPUBindGroup | undefined;
  if (block && paramsBuffer) {
    uniforms = device.handle.createBindGroup({
      layout: device.uniformLayout,
      entries: [
        {
          binding: 0,
          resource: {
            buffer: paramsBuffer,
            offset: block.offset,
            size: Math.ceil(block.fields.length / 4) * 16,
          },
        },
      ],
    });
  }
  return { kind: "dispatch", command, compiled, tensors, uniforms };
}

function bufferBytes(bytes: number): number {
  return Math.max(256, Math.ceil(bytes / 16) * 16);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
