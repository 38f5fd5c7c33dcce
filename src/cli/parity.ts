import { writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { dawnGpu } from "../gpu/dawn.ts";
import { Device } from "../gpu/device.ts";
import { folderSource } from "../storage/folder-source.ts";
import { openSafetensors } from "../storage/safetensors.ts";
import { readJson } from "../storage/source.ts";
import type { FileSource } from "../storage/source.ts";
import { CorruptFileError } from "../util/errors.ts";
import { checkGrpo } from "./parity-grpo.ts";
import type { GrpoFixture } from "./parity-grpo.ts";
import { checkForward, checkLora, loadFixtureModel } from "./parity-model.ts";
import { ParityReport, parityResult } from "./parity-report.ts";
import type { ParityResult } from "./parity-report.ts";

/**
 * Loads a fixture's model in f32 and computes what its reference files hold: values of the public PyTorch
 * implementations for every layer, log-prob, gradient, GRPO loss and optimizer step.
 */
export async function runParity(device: Device, source: FileSource): Promise<ParityResult> {
  const report = new ParityReport(await openSafetensors(source, "reference.safetensors"));
  const reports = [report];
  const model = await loadFixtureModel(device, source, "adapter");
  const images = await checkForward(model, source, report);
  if (report.has("lora.token_weights")) await checkLora(model, report, images);
  if (images) device.freeTensor(images.features);
  model.destroy();
  if (await source.exists("reference_grpo.safetensors")) {
    const grpo = new ParityReport(await openSafetensors(source, "reference_grpo.safetensors"), "grpo: ");
    reports.push(grpo);
    const trained = await loadFixtureModel(device, source, "adapter_grpo");
    await checkGrpo(trained, grpo, grpoFixture(await readJson(source, "info.json")));
    trained.destroy();
  }
  return parityResult(reports);
}

function grpoFixture(info: unknown): GrpoFixture {
  const grpo = (info as { grpo?: Partial<GrpoFixture> }).grpo;
  const { eps_low, eps_high, beta, prompt_len } = grpo ?? {};
  if (eps_low === undefined || eps_high === undefined || beta === undefined || prompt_len === undefined) {
    throw new CorruptFileError(
      `info.json: got grpo ${JSON.stringify(grpo)}, expected eps_low, eps_high, beta and prompt_len`,
    );
  }
  return { eps_low, eps_high, beta, prompt_len };
}

export const parityCommand = defineCommand({
  meta: {
    name: "parity",
    description: "Compare a model with PyTorch, tensor by tensor",
  },
  args: {
    dir: {
      type: "positional",
      description: "Folder: config, weights, adapter, reference.safetensors",
      required: true,
    },
    json: { type: "string", description: "Write the result to this file as JSON", valueHint: "FILE" },
  },
  async run({ args }) {
    const device = await Device.create({ gpu: await dawnGpu() });
    const result = await runParity(device, folderSource(args.dir));
    device.destroy();
    const width = Math.max(...result.tensors.map((row) => row.name.length));
    console.log(`${args.dir} on ${device.info.description || device.info.device}`);
    console.log(`${"tensor".padEnd(width)}      max abs    relative`);
    for (const { name, maxAbs, maxRel, passed } of result.tensors) {
      console.log(
        `${name.padEnd(width)}  ${maxAbs.toExponential(2).padStart(11)} ${maxRel.toExponential(2).padStart(11)}  ${passed ? "ok" : "FAILED"}`,
      );
    }
    if (result.notChecked.length > 0) console.log(`not checked: ${result.notChecked.join(", ")}`);
    const failed = result.tensors.filter((row) => !row.passed).length;
    console.log(
      `${result.tensors.length - failed} passed, ${failed} failed: ${result.passed ? "parity holds" : "parity does not hold"}`,
    );
    if (args.json) await writeFile(args.json, `${JSON.stringify(result, undefined, 2)}\n`);
    if (!result.passed) process.exitCode = 1;
  },
});
