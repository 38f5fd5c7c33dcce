import { ShapeError } from "../util/errors.ts";

/** Element types a tensor can have. Quantized weights are `u32` words; see kernels/weight.ts. */
export type DType = "f32" | "f16" | "u32" | "i32";

export const bytesPerElement: Record<DType, number> = { f32: 4, f16: 2, u32: 4, i32: 4 };

/** A length that is known only when a Program runs. Buffers are sized for `capacity`; kernels get the value of the run. */
export class Dim {
  constructor(
    readonly name: string,
    readonly capacity: number,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new ShapeError(`dim ${name}: capacity`, capacity, "a positive integer");
    }
  }
}

/** A number that is known only when a Program runs: a learning rate, a seed, a step count. */
export class Scalar {
  constructor(readonly name: string) {}
}

export type Extent = number | Dim;

/** What a kernel parameter may be given as. */
export type ParamValue = number | Dim | Scalar;

/** Where a tensor's bytes live. `buffer` is set at once for persistent tensors, when a Program is built for planned ones. */
export interface Storage {
  readonly name: string;
  readonly bytes: number;
  readonly kind: "persistent" | "input" | "transient";
  buffer: GPUBuffer | undefined;
  /** Row ranges in buffers of their own, for a tensor above the binding limit. */
  readonly shards?: readonly Shard[];
}

export interface Shard {
  /** First row of the whole tensor that this shard holds. */
  readonly begin: number;
  readonly tensor: Tensor;
}

/** A handle: name, shape, dtype and storage. It has no maths, no reference count and no gradient. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly Extent[];
  readonly dtype: DType;
  readonly storage: Storage;
  /** First element of this tensor within its storage. */
  readonly offset: number;
}

/** The largest value an extent can take: itself, or a Dim's capacity. */
export function capacity(extent: Extent): number {
  return typeof extent === "number" ? extent : extent.capacity;
}

/** Elements at capacity. */
export function elementCount(shape: readonly Extent[]): number {
  return shape.reduce<number>((product, extent) => product * capacity(extent), 1);
}

/** Bytes at capacity, rounded up to whole 32-bit words. */
export function byteLength(shape: readonly Extent[], dtype: DType): number {
  return Math.ceil((elementCount(shape) * bytesPerElement[dtype]) / 4) * 4;
}

export function showShape(shape: readonly Extent[]): string {
  return `[${shape.map((extent) => (typeof extent === "number" ? extent : `${extent.name}≤${extent.capacity}`)).join(", ")}]`;
}

/** The same bytes under another shape with the same number of elements. */
export function view(tensor: Tensor, shape: readonly Extent[], name = tensor.name): Tensor {
  if (elementCount(shape) !== elementCount(tensor.shape)) {
    throw new ShapeError(
      `view of ${tensor.name}`,
      showShape(shape),
      `as many elements as ${showShape(tensor.shape)}`,
    );
  }
  return { ...tensor, name, shape };
}

/** Alignment of a window's first byte: the largest `minStorageBufferOffsetAlignment` WebGPU allows. */
export const windowAlignmentBytes = 256;

/** A window of `shape` that begins at element `begin` of `tensor`. The first byte must be a multiple of 256. */
export function window(tensor: Tensor, begin: number, shape: readonly Extent[], name = tensor.name): Tensor {
  const offset = tensor.offset + begin;
  const offsetBytes = offset * bytesPerElement[tensor.dtype];
  if (offsetBytes % windowAlignmentBytes !== 0) {
    throw new ShapeError(
      `window of ${tensor.name}: first byte`,
      offsetBytes,
      `a multiple of ${windowAlignmentBytes}`,
    );
  }
  if (begin + elementCount(shape) > elementCount(tensor.shape)) {
    throw new ShapeError(
      `window of ${tensor.name}: last element`,
      begin + elementCount(shape),
      `at most ${elementCount(tensor.shape)}`,
    );
  }
  return { ...tensor, name, shape, offset };
}

/** Rows [begin, begin + count) of a tensor: a window over whole rows. */
export function rowWindow(tensor: Tensor, begin: number, count: Extent): Tensor {
  const [, ...rest] = tensor.shape;
  return window(tensor, begin * elementCount(rest), [count, ...rest]);
}

/** The row ranges a tensor is stored in: itself when it is in one buffer. */
export function shards(tensor: Tensor): readonly Shard[] {
  return tensor.storage.shards ?? [{ begin: 0, tensor }];
}
