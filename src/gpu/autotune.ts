/**
 * Times the variants of a kernel on the device at hand and pins the fastest. Off unless the device was created with
 * `autotune`: a fixed default exists, and a run that must repeat pins its variants (`Device.pinnedVariants`).
 *
 * Candidates run on buffers of their own, all zero, with lengths at capacity: right for kernels whose work depends on
 * shapes alone, which is what `tunable` in a KernelSpec says. Kernels driven by tables keep their default.
 */
import { MemoryBudgetError } from "../util/errors.ts";
import type { DispatchCommand, Recording } from "./commands.ts";
import type { Device } from "./device.ts";
import { assemble, sizesAtCapacity, variantKey } from "./kernel.ts";
import { byteLength, capacity, Dim, Scalar } from "./tensor.ts";
import type { ParamValue, Storage, Tensor } from "./tensor.ts";

/** Time spent on one candidate, ms, besides its first run. */
const budgetMs = 40;
const mostRuns = 8;

interface Runnable {
  run(): void;
  destroy(): void;
}

/** Tunes every tunable dispatch that is not pinned yet, and gives each command its pinned variant. */
export async function tuneCommands(
  device: Device,
  commands: readonly DispatchCommand[],
  build: (recording: Recording) => Promise<Runnable>,
): Promise<void> {
  for (const command of commands) {
    const { kernel } = command;
    if (!kernel.spec.tunable || kernel.variants.length < 2) continue;
    const sizes = sizesAtCapacity(command.values);
    const key = variantKey(kernel, sizes);
    let pinned = device.pinnedVariants.get(key);
    if (pinned === undefined) {
      pinned = await fastest(device, command, build);
      device.pinnedVariants.set(key, pinned);
    }
    command.variantIndex = pinned;
    command.variant = kernel.variants[pinned];
    command.code = assemble(kernel, command.variant, command.tensors, sizes);
  }
}

async function fastest(
  device: Device,
  command: DispatchCommand,
  build: (recording: Recording) => Promise<Runnable>,
): Promise<number> {
  let best = command.variantIndex;
  let bestMs = Infinity;
  for (const [index, variant] of command.kernel.variants.entries()) {
    if (!device.canRun(variant)) continue;
    const ms = await timed(device, command, index, build);
    if (ms < bestMs) [best, bestMs] = [index, ms];
  }
  return best;
}

/** Median ms of one variant; infinity when its scratch buffers do not fit. */
async function timed(
  device: Device,
  command: DispatchCommand,
  index: number,
  build: (recording: Recording) => Promise<Runnable>,
): Promise<number> {
  let program: Runnable;
  try {
    program = await build(alone(device, command, index));
  } catch (error) {
    if (error instanceof MemoryBudgetError) return Infinity;
    throw error;
  }
  try {
    program.run();
    await device.idle();
    const times: number[] = [];
    const started = performance.now();
    while (times.length < mostRuns && (times.length < 2 || performance.now() - started < budgetMs)) {
      const before = performance.now();
      program.run();
      await device.idle();
      times.push(performance.now() - before);
    }
    return times.sort((a, b) => a - b)[times.length >> 1];
  } finally {
    program.destroy();
  }
}

/** A recording of this one dispatch over scratch tensors, lengths and scalars as numbers. */
function alone(device: Device, command: DispatchCommand, index: number): Recording {
  const { kernel } = command;
  const inputs: Tensor[] = [];
  const tensors: Record<string, Tensor | undefined> = {};
  for (const [name, tensor] of Object.entries(command.tensors)) {
    if (!tensor) continue;
    const shape = tensor.shape.map(capacity);
    const storage: Storage = {
      name,
      bytes: byteLength(shape, tensor.dtype),
      kind: "input",
      buffer: undefined,
    };
    const scratch: Tensor = { name, shape, dtype: tensor.dtype, storage, offset: 0 };
    inputs.push(scratch);
    tensors[name] = scratch;
  }
  const values = new Map<string, ParamValue>();
  for (const [name, value] of command.values) {
    values.set(name, value instanceof Dim ? value.capacity : value instanceof Scalar ? 1 : value);
  }
  const variant = kernel.variants[index];
  const code = assemble(kernel, variant, tensors, sizesAtCapacity(values));
  const only: DispatchCommand = {
    kind: "dispatch",
    kernel,
    variantIndex: index,
    variant,
    code,
    tensors,
    values,
    scope: "tune",
  };
  return {
    device,
    name: `tune ${kernel.id}`,
    inputs,
    outputs: new Set(),
    dims: new Map(),
    scalars: new Map(),
    liveCommands: () => [only],
  };
}
