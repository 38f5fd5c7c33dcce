import { MemoryBudgetError, ShaderError, ShapeError } from "../util/errors.ts";
import { tuneCommands } from "./autotune.ts";
import { bufferOf, storageUsage } from "./buffers.ts";
import type { Command, DispatchCommand, Recording } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Ready, ReadyDispatch } from "./encode.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";
import { bufferBytes, formatBudget, planRows, planSlots } from "./plan.ts";
import type { Lifetime, MemoryPlan, PlannedTensor } from "./plan.ts";
import { Program } from "./program.ts";
import type { ParamBlock } from "./program.ts";
import type { SlotPool } from "./slot-pool.ts";
import { byteLength, bytesPerElement, Dim, showShape, windowAlignmentBytes } from "./tensor.ts";
import type { Scalar, Storage, Tensor } from "./tensor.ts";

export interface BuildOptions {
  /** Buffers to take slots from and leave them to: Programs that never overlap in time can share one pool. */
  pool?: SlotPool;
  /** Called as pipelines become ready. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

function tensorsOf(command: Command): Tensor[] {
  if (command.kind === "dispatch")
    return Object.values(command.tensors).filter((tensor) => tensor !== undefined);
  return command.kind === "zero" ? [command.tensor] : [command.from, command.to];
}

/** Places, compiles and binds what a Recorder holds. Called through `Recorder.build`. */
export async function buildProgram(recording: Recording, options: BuildOptions): Promise<Program> {
  const { device } = recording;
  device.check();
  options.signal?.throwIfAborted();
  const commands = recording.liveCommands();
  if (device.autotune) {
    const dispatches = commands.filter((command) => command.kind === "dispatch");
    await tuneCommands(device, dispatches, (one) => buildRecorded(one, one.liveCommands(), {}));
  }
  for (const command of commands) {
    if (command.kind !== "dispatch") continue;
    const { id } = command.kernel;
    device.usedVariants.set(id, (device.usedVariants.get(id) ?? new Set()).add(command.variantIndex));
  }
  return buildRecorded(recording, commands, options);
}

async function buildRecorded(
  recording: Recording,
  commands: readonly Command[],
  options: BuildOptions,
): Promise<Program> {
  const { device } = recording;
  const params = planParams(commands);
  const placement = planPlacement(recording, commands, params.bytes);
  assertFits(device, placement.plan, options.pool);

  const compiled = await compileAll(device, commands, options);
  options.signal?.throwIfAborted();

  const owned: GPUBuffer[] = [];
  device.handle.pushErrorScope("out-of-memory");
  device.handle.pushErrorScope("validation");
  let program: Program;
  try {
    program = place(recording, commands, placement, params, compiled, options.pool, owned);
  } catch (error) {
    for (const buffer of owned) device.free(buffer);
    const failure = await popFailure(device, placement.plan);
    if (failure) throw failure;
    throw error;
  }
  const failure = await popFailure(device, placement.plan);
  if (failure) {
    program.destroy();
    throw failure;
  }
  return program;
}

/** Where each storage goes: a shared slot, or a buffer of its own. */
interface Placement {
  plan: MemoryPlan;
  /** Transient storages and the slot of each. */
  shared: { storage: Storage; slot: number }[];
  own: Storage[];
}

function planPlacement(recording: Recording, commands: readonly Command[], paramBytes: number): Placement {
  const lifetimes = lifetimesOf(commands);
  const transient = [...lifetimes].filter(([storage]) => !recording.outputs.has(storage));
  const { slotBytes, slots } = planSlots(transient.map(([, lifetime]) => lifetime));
  const shared = transient.map(([storage], index) => ({ storage, slot: slots[index] }));
  const tensors = transient.map(([, lifetime], index): PlannedTensor => {
    return { ...lifetime, slot: slots[index], kind: "transient" };
  });
  const own: Storage[] = [];
  for (const { name, shape, dtype, storage } of recording.inputs) {
    const { bytes } = storage;
    own.push(storage);
    tensors.push({ name, shape, dtype, bytes, first: 0, last: Infinity, slot: -1, kind: "input" });
  }
  for (const [storage, lifetime] of lifetimes) {
    if (!recording.outputs.has(storage)) continue;
    own.push(storage);
    tensors.push({ ...lifetime, last: Infinity, slot: -1, kind: "output" });
  }
  const ownBytes = paramBytes + sum(own.map((storage) => bufferBytes(storage.bytes)));
  const slotBufferBytes = slotBytes.map(bufferBytes);
  const plan: MemoryPlan = {
    program: recording.name,
    slotBytes: slotBufferBytes,
    tensors,
    ownBytes,
    totalBytes: ownBytes + sum(slotBufferBytes),
  };
  return { plan, shared, own };
}

/** From the first to the last command that touches each transient storage. */
function lifetimesOf(commands: readonly Command[]): Map<Storage, Lifetime> {
  const lifetimes = new Map<Storage, Lifetime>();
  commands.forEach((command, index) => {
    for (const { storage, shape, dtype } of tensorsOf(command)) {
      if (storage.kind !== "transient") continue;
      const known = lifetimes.get(storage);
      if (known) known.last = index;
      else {
        const { name, bytes } = storage;
        lifetimes.set(storage, { name, shape, dtype, bytes, first: index, last: index });
      }
    }
  });
  return lifetimes;
}

/** @throws MemoryBudgetError, with the plan's table, when a tensor or the whole is more than the device may hold. */
function assertFits(device: Device, plan: MemoryPlan, pool: SlotPool | undefined): void {
  const tooLarge = plan.tensors.find((tensor) => tensor.bytes > device.info.maxBindingBytes);
  if (tooLarge) {
    throw new MemoryBudgetError(
      `${plan.program}: ${tooLarge.name} ${showShape(tooLarge.shape)} takes ${tooLarge.bytes} bytes, a binding may have ` +
        `${device.info.maxBindingBytes}; use fewer tokens per batch\n${formatBudget(planRows(plan))}`,
    );
  }
  const slotBytes = pool ? pool.growth(plan.slotBytes) : sum(plan.slotBytes);
  device.assertFits(plan.program, slotBytes + plan.ownBytes, formatBudget(planRows(plan)));
}

/** Makes the buffers, which it also lists in `owned` as it goes, and the bind groups. */
function place(
  recording: Recording,
  commands: readonly Command[],
  { plan, shared, own }: Placement,
  params: ParamPlan,
  compiled: ReadonlyMap<DispatchCommand, CompiledKernel>,
  pool: SlotPool | undefined,
  owned: GPUBuffer[],
): Program {
  const { device, name } = recording;
  const ownedBuffer = (label: string, bytes: number, usage = storageUsage()) => {
    const buffer = device.createBuffer(label, bytes, usage);
    owned.push(buffer);
    return buffer;
  };
  const slotBuffers = pool
    ? pool.take(plan.slotBytes)
    : plan.slotBytes.map((bytes) => ownedBuffer("slot", bytes));
  for (const { storage, slot } of shared) storage.buffer = slotBuffers[slot];
  for (const storage of own) storage.buffer = ownedBuffer(storage.name, storage.bytes);
  const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = params.bytes > 0 ? ownedBuffer("params", params.bytes, uniform) : undefined;
  const ready = commands.map((command): Ready => {
    if (command.kind !== "dispatch") return command;
    const pipeline = compiled.get(command);
    if (!pipeline) throw new ShaderError(`${command.kernel.id}: was recorded, but not compiled`);
    return bind(device, command, pipeline, buffer, params.blockOf.get(command));
  });
  const inputs = new Map(recording.inputs.map((input) => [input.name, input]));
  const runtime = new Map<string, Dim | Scalar>([...recording.dims, ...recording.scalars]);
  return new Program(device, name, plan, ready, inputs, runtime, owned, { ...params, buffer });
}

/** Closes the two error scopes around placing, both at once: another program may open its own during a wait. */
async function popFailure(device: Device, plan: MemoryPlan): Promise<Error | undefined> {
  const { handle } = device;
  const [invalid, full] = await Promise.all([handle.popErrorScope(), handle.popErrorScope()]);
  if (full) {
    const table = formatBudget(planRows(plan));
    return new MemoryBudgetError(`${plan.program}: the device is out of memory\n${table}`);
  }
  if (!invalid) return undefined;
  return new ShapeError(`${plan.program}: bind groups`, invalid.message, "bindings that fit their layouts");
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

/** The uniform arena: its blocks, and which of them each dispatch reads. */
interface ParamPlan {
  bytes: number;
  blocks: ParamBlock[];
  blockOf: Map<DispatchCommand, ParamBlock>;
}

/** Uniform blocks, equal ones once. Dynamic values are equal when they are the same Dim or Scalar. */
function planParams(commands: readonly Command[]): ParamPlan {
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

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
