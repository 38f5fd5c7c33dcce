import type { Device } from "../../src/gpu/device.ts";
import type { Contender } from "./harness.ts";
import type { OnnxGraph } from "./peers/onnx-model.ts";

/** Makes a session of ONNX Runtime Web with its inputs and output on the GPU. */
export type OnnxSession = (
  graph: OnnxGraph,
  inputs: Record<string, Float32Array<ArrayBuffer>>,
) => Promise<Contender>;

/** What every benchmark is made from. Peers are loaded and started by the first that asks. */
export interface BenchContext {
  device: Device;
  onnx: () => Promise<OnnxSession>;
  jax: () => Promise<typeof import("./peers/jax-js.ts")>;
}
