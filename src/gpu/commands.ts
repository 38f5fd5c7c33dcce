/** What a Recorder holds and a Program is built from: commands over tensor handles, before anything touches the GPU. */
import type { Device } from "./device.ts";
import type { Kernel, KernelCode, Variant } from "./kernel.ts";
import type { Dim, ParamValue, Scalar, Storage, Tensor } from "./tensor.ts";

export interface DispatchCommand {
  kind: "dispatch";
  kernel: Kernel;
  variantIndex: number;
  variant: Variant;
  code: KernelCode;
  tensors: Record<string, Tensor | undefined>;
  /** Dims and parameters by name: what the geometry and the uniform block are computed from. */
  values: Map<string, ParamValue>;
  scope: string;
}

export type Command =
  | DispatchCommand
  | { kind: "zero"; tensor: Tensor; scope: string }
  | { kind: "copy"; from: Tensor; to: Tensor; scope: string };

export type TransferCommand = Exclude<Command, DispatchCommand>;

/** A finished recording, as `buildProgram` takes it. */
export interface Recording {
  readonly device: Device;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  /** Storages whose contents are kept to the end of a run. */
  readonly outputs: ReadonlySet<Storage>;
  readonly dims: ReadonlyMap<string, Dim>;
  readonly scalars: ReadonlyMap<string, Scalar>;
  /** The commands whose results reach an output, an input's buffer or a persistent tensor, in order. */
  liveCommands(): Command[];
}
