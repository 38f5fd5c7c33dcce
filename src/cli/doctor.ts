import { defineCommand } from "citty";
import type { Device, DeviceInfo } from "../gpu/device.ts";
import { benchmark } from "../self-test/benchmark.ts";
import type { BenchmarkResult } from "../self-test/benchmark.ts";
import type { SelfTestCase } from "../self-test/case.ts";
import { selfTest, selfTestCases } from "../self-test/self-test.ts";
import type { SelfTestResult } from "../self-test/self-test.ts";
import { UsageError } from "./arguments.ts";
import { formatBytes, formatMs, formatNumber, formatTable } from "./format.ts";
import { interruptible, openDevice, writeJson } from "./session.ts";
import { dawnVersion, kitVersion } from "./versions.ts";

export interface DoctorReport {
  passed: boolean;
  versions: Record<string, string>;
  adapter: DeviceInfo;
  tests: SelfTestResult[];
  /** With `--bench`. */
  benchmarks?: BenchmarkResult[];
}

/**
 * Says what the device is and tests every kernel on it, a line each as it is done.
 * @param print takes a line of the report.
 */
export async function examine(
  device: Device,
  print: (line: string) => void,
  { signal, cases = selfTestCases(device) }: { signal?: AbortSignal; cases?: readonly SelfTestCase[] } = {},
): Promise<DoctorReport> {
  const versions = {
    thinktab: kitVersion(),
    node: process.versions.node,
    "webgpu (Dawn)": dawnVersion() ?? "unknown",
    platform: `${process.platform} ${process.arch}`,
  };
  print(formatTable([...Object.entries(versions), ...describeDevice(device.info)]));
  print("");
  const width = Math.max(...cases.map(({ kernel, part }) => kernel.length + part.length + 1));
  print(`${"kernel against its float64 reference".padEnd(width)}      error    allowed`);
  const tests: SelfTestResult[] = [];
  const started = performance.now();
  for await (const result of selfTest(device, cases)) {
    signal?.throwIfAborted();
    tests.push(result);
    print(describeResult(result, width));
  }
  const failed = tests.filter((result) => !result.passed);
  const passed = failed.length === 0 && tests.length > 0;
  print("");
  const time = formatMs(performance.now() - started);
  if (passed) print(`All ${tests.length} kernel tests passed in ${time}.`);
  else
    print(
      `${failed.length} of ${tests.length} kernel tests FAILED: ${failed.map(({ name }) => name).join("; ")}`,
    );
  return { passed, versions, adapter: device.info, tests };
}

function describeDevice(info: DeviceInfo): string[][] {
  const subgroups = info.subgroups
    ? `yes, of ${info.subgroupMinSize} to ${info.subgroupMaxSize} lanes`
    : "no";
  const yes = (present: boolean) => (present ? "yes" : "no");
  return [
    ["adapter", [info.description || info.device, info.vendor, info.architecture].filter(Boolean).join(", ")],
    ["16-bit floats", yes(info.f16)],
    ["subgroups", subgroups],
    ["timestamps", yes(info.timestamps)],
    ["largest binding", formatBytes(info.maxBindingBytes)],
    ["largest buffer", formatBytes(info.maxBufferBytes)],
    ["storage buffers per kernel", String(info.maxStorageBuffers)],
    ["workgroup memory", formatBytes(info.maxWorkgroupBytes)],
    ["workgroup size", String(info.maxWorkgroupInvocations)],
    ["features", info.features.join(" ")],
  ];
}

function describeResult(
  { name, maxError, tolerance, passed, ms, message }: SelfTestResult,
  width: number,
): string {
  const number = (value: number) => (Number.isNaN(value) ? "—" : value.toExponential(2)).padStart(9);
  const line = `${name.padEnd(width)}  ${number(maxError)}  ${number(tolerance)}  ${passed ? "ok    " : "FAILED"}  ${formatMs(ms)}`;
  return message === undefined ? line : `${line}\n    ${message.replaceAll("\n", "\n    ")}`;
}

/** Times what answering and training spend their time in, a line each as it is done. */
export async function timeKernels(
  device: Device,
  print: (line: string) => void,
  signal?: AbortSignal,
): Promise<BenchmarkResult[]> {
  const results: BenchmarkResult[] = [];
  print("\nmicro-benchmark (medians)");
  for await (const result of benchmark(device, { signal })) {
    results.push(result);
    const { name, value, unit, about, message } = result;
    const figure = message === undefined ? `${formatNumber(value)} ${unit}` : "FAILED";
    print(`${name.padEnd(22)} ${figure.padStart(14)}  ${about}`);
    if (message !== undefined) print(`    ${message.replaceAll("\n", "\n    ")}`);
  }
  return results;
}

export const doctorCommand = defineCommand({
  meta: { name: "doctor", description: "Show the GPU adapter and test every kernel on it" },
  args: {
    only: { type: "string", description: "Test only kernels with this in their name", valueHint: "NAME" },
    bench: { type: "boolean", description: "Time a few kernels as well" },
    json: { type: "string", description: "Write the report to this file as JSON", valueHint: "FILE" },
  },
  run: ({ args }) =>
    interruptible(async (signal) => {
      const device = await openDevice();
      try {
        const cases = selfTestCases(device).filter(({ kernel }) => kernel.includes(args.only ?? ""));
        if (cases.length === 0) throw new UsageError(`--only: no kernel has ${args.only} in its name`);
        const report = await examine(device, (line) => console.log(line), { signal, cases });
        if (args.bench === true)
          report.benchmarks = await timeKernels(device, (line) => console.log(line), signal);
        if (args.json !== undefined) await writeJson(args.json, report);
        return report.passed ? 0 : 1;
      } finally {
        device.destroy();
      }
    }),
});
