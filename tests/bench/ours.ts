import type { Device, TensorData } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import type { Contender } from "./harness.ts";

/** What a benchmark records: its outputs in order, and the host values of its inputs by name. */
export interface Recorded {
  outputs: Tensor[];
  inputs: Record<string, TensorData>;
  /** Persistent tensors made for this benchmark, freed with it. */
  owned?: Tensor[];
}

/**
 * The kit's side of a kernel benchmark: one recorded Program, replayed. A run is one submit and the wait for it; the
 * outputs are read only for the comparison.
 */
export async function ourContender(
  device: Device,
  name: string,
  record: (rec: Recorder) => Recorded | Promise<Recorded>,
): Promise<Contender> {
  const rec = new Recorder(device, name);
  const { outputs, inputs, owned } = await record(rec);
  for (const output of outputs) rec.output(output);
  const program: Program = await rec.build();
  for (const [input, values] of Object.entries(inputs)) program.write(input, values);
  return {
    async run() {
      program.run();
      await device.idle();
    },
    async read() {
      const parts = await device.readAll(outputs);
      const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
    dispose() {
      program.destroy();
      for (const tensor of owned ?? []) device.freeTensor(tensor);
    },
  };
}
