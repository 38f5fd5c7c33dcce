/** Commands that are ready to run, and how each is put into a command encoder. */
import { bufferOf } from "./buffers.ts";
import type { DispatchCommand, TransferCommand } from "./commands.ts";
import type { Workgroups } from "./kernel.ts";
import type { CompiledKernel } from "./pipeline-cache.ts";
import { byteLength, bytesPerElement } from "./tensor.ts";
import type { Tensor } from "./tensor.ts";

/** A dispatch that is compiled, placed and bound. */
export interface ReadyDispatch {
  kind: "dispatch";
  command: DispatchCommand;
  compiled: CompiledKernel;
  tensors: GPUBindGroup;
  uniforms: GPUBindGroup | undefined;
}

/** What a Program replays. */
export type Ready = ReadyDispatch | TransferCommand;

/** Encodes one dispatch of `count` workgroups. */
export function encodeDispatch(pass: GPUComputePassEncoder, item: ReadyDispatch, count: Workgroups): void {
  pass.setPipeline(item.compiled.pipeline);
  pass.setBindGroup(0, item.tensors);
  if (item.uniforms) pass.setBindGroup(1, item.uniforms);
  pass.dispatchWorkgroups(count[0], count[1], count[2]);
}

/** Encodes a clear or a copy, outside of any pass. */
export function encodeTransfer(encoder: GPUCommandEncoder, command: TransferCommand): void {
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
