import type { Device, TensorData } from "../../src/gpu/device.ts";
import type { Sizes } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { elementCount } from "../../src/gpu/tensor.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { floatToHalf } from "../../src/util/half.ts";

type Inputs = Record<string, TensorData | Float64Array | number[]>;

/**
 * Records, builds, writes the inputs by name, runs once, reads the outputs. Float64 input is narrowed to the tensor's
 * dtype, f16 included.
 */
export async function once<Name extends string>(
  device: Device,
  record: (rec: Recorder) => Record<Name, Tensor>,
  inputs: Inputs = {},
  values: Sizes = {},
): Promise<Record<Name, Float32Array | Uint32Array | Int32Array>> {
  const rec = new Recorder(device, "once");
  const outputs = record(rec);
  const names = Object.keys(outputs) as Name[];
  for (const name of names) rec.output(outputs[name]);
  const program = await rec.build();
  try {
    for (const [name, data] of Object.entries(inputs)) {
      const tensor = rec.inputs.find((input) => input.name === name);
      if (!tensor) throw new Error(`once: no input named ${name}`);
      program.write(tensor, narrowed(data, tensor));
    }
    program.run(values);
    const read = await device.readAll(names.map((name) => outputs[name]));
    return Object.fromEntries(names.map((name, index) => [name, read[index]])) as Record<Name, Float32Array>;
  } finally {
    program.destroy();
  }
}

/** Host numbers in a tensor's own dtype. */
export function narrowed(data: Inputs[string], tensor: Tensor): TensorData {
  if (!Array.isArray(data) && !(data instanceof Float64Array)) {
    if (!(tensor.dtype === "f16" && data instanceof Float32Array)) return data;
  }
  if (data.length > elementCount(tensor.shape))
    throw new Error(`${tensor.name}: ${data.length} values are too many`);
  switch (tensor.dtype) {
    case "f32":
      return Float32Array.from(data);
    case "u32":
      return Uint32Array.from(data);
    case "i32":
      return Int32Array.from(data);
    case "f16":
      return Uint16Array.from(data, floatToHalf);
  }
}
