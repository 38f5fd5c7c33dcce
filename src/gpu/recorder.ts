import { ShapeError } from "../util/errors.ts";
import type { Device } from "./device.ts";
import { bindDims, assemble, sizesAtCapacity, variantKey } from "./kernel.ts";
import type { Kernel, KernelCode, Sizes } from "./kernel.ts";
import { byteLength, Dim, rowWindow, Scalar, showShape, view } from "./tensor.ts";
import type { DType, Extent, ParamValue, Storage, Tensor } from "./tensor.ts";
import { buildProgram } from "./build-program.ts";
import type { BuildOptions } from "./build-program.ts";
import type { Command, Recording } from "./commands.ts";
import type { Program } from "./program.ts";

export type { Command, DispatchCommand } from "./commands.ts";

/** Records straight-line work over tensor handles. Nothing touches the GPU until {@link Recorder.build}. */
export class Recorder implements Recording {
  readonly commands: Command[] = [];
  readonly inputs: Tensor[] = [];
  readonly outputs = new Set<Storage>();
  readonly dims = new Map<string, Dim>();
  readonly scalars = new Map<string, Scalar>();
  #scopes: string[] = [];

  constructor(
    readonly device: Device,
    readonly name: string,
  ) {}

  /** A runtime length of at most `capacity`; the same name gives the same Dim. */
  dim(name: string, capacity: number): Dim {
    const known = this.dims.get(name);
    if (known) {
      if (known.capacity !== capacity)
        throw new ShapeError(`dim ${name}: capacity`, capacity, known.capacity);
      return known;
    }
    const dim = new Dim(name, capacity);
    this.dims.set(name, dim);
    return dim;
  }

  /** A runtime number usable as a kernel parameter; the same name gives the same Scalar. */
  scalar(name: string): Scalar {
    let scalar = this.scalars.get(name);
    if (!scalar) this.scalars.set(name, (scalar = new Scalar(name)));
    return scalar;
  }

  /** A transient tensor. Its contents are undefined until something is written to it. */
  tensor(name: string, shape: readonly Extent[], dtype: DType): Tensor {
    return this.#planned(name, shape, dtype, "transient");
  }

  like(tensor: Tensor, name: string): Tensor {
    return this.tensor(name, tensor.shape, tensor.dtype);
  }

  /** A tensor that the host writes before a run. Names are unique within a Program. */
  input(name: string, shape: readonly Extent[], dtype: DType): Tensor {
    if (this.inputs.some((input) => input.name === name)) {
      throw new ShapeError(`${this.name}: input ${name}`, "a second input of that name", "unique names");
    }
    const tensor = this.#planned(name, shape, dtype, "input");
    this.inputs.push(tensor);
    return tensor;
  }

  #planned(name: string, shape: readonly Extent[], dtype: DType, kind: Storage["kind"]): Tensor {
    const storage: Storage = { name, bytes: byteLength(shape, dtype), kind, buffer: undefined };
    return { name, shape, dtype, storage, offset: 0 };
  }

  /** Keeps a transient tensor's contents to the end of the run, in a buffer of its own, so that they can be read. */
  output(tensor: Tensor): Tensor {
    if (tensor.storage.kind === "transient") this.outputs.add(tensor.storage);
    return tensor;
  }

  view(tensor: Tensor, shape: readonly Extent[]): Tensor {
    return view(tensor, shape);
  }

  /** A window over whole rows; `begin` times the row's bytes must be a multiple of 256. */
  rows(tensor: Tensor, begin: number, count: Extent): Tensor {
    return rowWindow(tensor, begin, count);
  }

  /** Labels what `record` records: names nest as in "block 3/attention". */
  scope<T>(name: string, record: () => T): T {
    this.#scopes.push(name);
    try {
      return record();
    } finally {
      this.#scopes.pop();
    }
  }

  /**
   * Records one dispatch.
   * @param params every field of the WGSL's Params that no dim of that name gives.
   * @throws ShapeError, ShaderError when tensors, shapes, dtypes or parameters do not fit the kernel.
   */
  run(
    kernel: Kernel,
    tensors: Record<string, Tensor | undefined>,
    params: Record<string, ParamValue> = {},
  ): void {
    const values = new Map<string, ParamValue>(bindDims(kernel, tensors));
    for (const [name, value] of Object.entries(params)) values.set(name, value);
    const sizes = sizesAtCapacity(values);
    const variantIndex = this.#variant(kernel, sizes);
    const variant = kernel.variants[variantIndex];
    const code = assemble(kernel, variant, tensors, sizes);
    for (const field of code.declarations.params) {
      if (code.entry.usesParams && !values.has(field.name)) {
        throw new ShapeError(`${kernel.id}: parameter ${field.name}`, "nothing", `a ${field.type}`);
      }
    }
    this.#checkAliasing(kernel, code, tensors);
    this.commands.push({
      kind: "dispatch",
      kernel,
      variantIndex,
      variant,
      code,
      tensors,
      values,
      scope: this.#scopes.join("/"),
    });
  }

  /** Clears a tensor to zero. */
  zero(tensor: Tensor): void {
    this.commands.push({ kind: "zero", tensor, scope: this.#scopes.join("/") });
  }

  /** Copies all of `from` into `to`, which has the same shape at capacity. */
  copy(from: Tensor, to: Tensor): void {
    if (byteLength(from.shape, from.dtype) !== byteLength(to.shape, to.dtype)) {
      throw new ShapeError(`copy ${from.name} to ${to.name}`, showShape(from.shape), showShape(to.shape));
    }
    this.commands.push({ kind: "copy", from, to, scope: this.#scopes.join("/") });
  }

  /**
   * The commands whose results reach an output, an input's buffer or a persistent tensor. What nobody reads is not
   * run: a gradient nobody asked for, the tail of a recomputed block.
   */
  liveCommands(): Command[] {
    const needed = new Set<Storage>(this.outputs);
    const live: Command[] = [];
    for (const command of [...this.commands].reverse()) {
      const { read, written } = accesses(command);
      if (!written.some((storage) => storage.kind !== "transient" || needed.has(storage))) continue;
      for (const storage of read) needed.add(storage);
      live.push(command);
    }
    return live.reverse();
  }

  /** Plans memory, allocates it, compiles every pipeline (all at once, asynchronously) and makes the bind groups. */
  async build(options: BuildOptions = {}): Promise<Program> {
    return buildProgram(this, options);
  }

  #variant(kernel: Kernel, sizes: Sizes): number {
    const pinned = this.device.pinnedVariants.get(variantKey(kernel, sizes));
    if (
      pinned !== undefined &&
      pinned < kernel.variants.length &&
      this.device.canRun(kernel.variants[pinned])
    )
      return pinned;
    const eligible = kernel.variants.filter((variant) => this.device.canRun(variant));
    const chosen = kernel.spec.choose?.(sizes, eligible) ?? 0;
    return kernel.variants.indexOf(eligible[chosen] ?? eligible[0]);
  }

  #checkAliasing(kernel: Kernel, code: KernelCode, tensors: Record<string, Tensor | undefined>): void {
    for (const written of code.entry.bindings) {
      if (written.access !== "read_write") continue;
      for (const other of code.entry.bindings) {
        if (other === written || !tensors[other.name] || !tensors[written.name]) continue;
        const same = tensors[other.name]?.storage === tensors[written.name]?.storage;
        if (same && other.access === "read") {
          throw new ShapeError(
            `${kernel.id}: ${written.name} and ${other.name}`,
            `the same buffer (${tensors[other.name]?.storage.name}), one of them written`,
            "different buffers",
          );
        }
      }
    }
  }
}

function accesses(command: Command): { read: Storage[]; written: Storage[] } {
  if (command.kind === "zero") return { read: [], written: [command.tensor.storage] };
  if (command.kind === "copy") return { read: [command.from.storage], written: [command.to.storage] };
  const read: Storage[] = [];
  const written: Storage[] = [];
  for (const { name, access } of command.code.entry.bindings) {
    const storage = command.tensors[name]?.storage;
    if (!storage) continue;
    // What a read_write binding held before may matter: an accumulation, rows left alone.
    read.push(storage);
    if (access === "read_write") written.push(storage);
  }
  return { read, written };
}
