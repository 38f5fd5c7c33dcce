/** Between tensors and the buffers they lie in: windows into shards, bytes and typed arrays. */
import { ShapeError } from "../util/errors.ts";
import { halfToFloat } from "../util/half.ts";
import { elementCount, rowWindow, showShape } from "./tensor.ts";
import type { Shard, Tensor } from "./tensor.ts";

/** Rows of a persistent tensor as tensors of one buffer each: shard borders split a window that crosses them. */
export function windowShards(tensor: Tensor, begin: number, count: number): Shard[] {
  const parts: Shard[] = [];
  for (const shard of tensor.storage.shards ?? [{ begin: 0, tensor }]) {
    const from = Math.max(begin, shard.begin);
    const to = Math.min(begin + count, shard.begin + Number(shard.tensor.shape[0]));
    if (from < to)
      parts.push({ begin: from, tensor: rowWindow(shard.tensor, from - shard.begin, to - from) });
  }
  return parts;
}

/** How every buffer that kernels bind is used. */
export function storageUsage(): GPUBufferUsageFlags {
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
}

/** The buffer of a tensor that is in one piece and has been placed. */
export function bufferOf(tensor: Tensor): GPUBuffer {
  if (tensor.storage.shards) {
    throw new ShapeError(
      `${tensor.name} ${showShape(tensor.shape)}`,
      "a tensor split into shards",
      "a tensor in one buffer",
    );
  }
  if (!tensor.storage.buffer) {
    throw new ShapeError(
      tensor.name,
      "a tensor without a buffer (freed, or planned and not built)",
      "a placed tensor",
    );
  }
  return tensor.storage.buffer;
}

/** `bytes` with zeros behind them up to a whole 32-bit word. */
export function padToWord(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
  padded.set(bytes);
  return padded;
}

/** Bytes read back, as the array of a tensor's dtype; f16 is widened to f32. */
export function typed(buffer: ArrayBuffer, tensor: Tensor): Float32Array | Uint32Array | Int32Array {
  const count = elementCount(tensor.shape);
  switch (tensor.dtype) {
    case "f32":
      return new Float32Array(buffer, 0, count);
    case "u32":
      return new Uint32Array(buffer, 0, count);
    case "i32":
      return new Int32Array(buffer, 0, count);
    case "f16":
      return Float32Array.from(new Uint16Array(buffer, 0, count), halfToFloat);
  }
}
