import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web/webgpu";
import { requestFullDevice } from "../adapter.ts";
import type { Contender } from "../harness.ts";
import { encodeOnnx, type OnnxGraph } from "./onnx-model.ts";

/**
 * ONNX Runtime Web's WebGPU provider (its native execution provider compiled to WebAssembly, not the deprecated JSEP
 * one), on a device of its own with every feature of the adapter. Inputs and outputs stay in GPU buffers, so a run is
 * its dispatches and nothing is copied to the host.
 */
export async function initOnnxRuntime(gpu: GPU): Promise<GPUDevice> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("onnxruntime-web/webgpu"));
  ort.env.wasm.wasmPaths = `${pathToFileURL(folder).href}/`;
  ort.env.wasm.numThreads = 1; // the WebAssembly side only records commands
  ort.env.logLevel = "error";
  const device = await requestFullDevice(gpu, "onnxruntime-web");
  return device;
}

/** A model with one f32 input and one f32 output of fixed shapes, ready to run. */
export async function onnxContender(
  device: GPUDevice,
  graph: OnnxGraph,
  inputs: Record<string, Float32Array<ArrayBuffer>>,
): Promise<Contender> {
  const session = await ort.InferenceSession.create(encodeOnnx(graph), {
    executionProviders: [{ name: "webgpu", device }],
    preferredOutputLocation: "gpu-buffer",
    graphOptimizationLevel: "all",
  });
  const held: GPUBuffer[] = [];
  const resident = (dims: number[], data?: Float32Array<ArrayBuffer>): ort.Tensor => {
    const size = dims.reduce((product, dim) => product * dim, 4);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size, usage });
    if (data) device.queue.writeBuffer(buffer, 0, data);
    held.push(buffer);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
  };
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, dims }) => [name, resident(dims, inputs[name])]),
  );
  const [output] = graph.outputs;
  const target = resident(output.dims);
  return {
    async run() {
      await session.run(feeds, { [output.name]: target });
      await device.queue.onSubmittedWorkDone();
    },
    read: () => readBuffer(device, held[held.length - 1]),
    dispose() {
      void session.release();
      for (const buffer of held) buffer.destroy();
    },
  };
}

async function readBuffer(device: GPUDevice, source: GPUBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({
    size: source.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}
