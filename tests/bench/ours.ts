import type { Device, TensorData } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { concatenate, type Contender } from "./harness.ts";

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
    read: async () => concatenate(await device.readAll(outputs)),
    dispose() {
      program.destroy();
      for (const tensor of owned ?? []) device.freeTensor(tensor);
    },
  };
}
