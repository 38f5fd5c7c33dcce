import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { describeAdapter, installBrowserGlobals, requestFullDevice, type AdapterRecord } from "./adapter.ts";
import { benchmarks } from "./benchmarks.ts";
import type { BenchContext } from "./context.ts";
import { fractionOfLimit, runBenchmark, type Result } from "./harness.ts";
import { bestLimits, measureLimits, type Limits } from "./limits.ts";
import { formatTable } from "./table.ts";

const usage = `npm run bench [-- options]
  --json FILE      write the results as JSON as well
  --only NAMES     comma-separated names, or beginnings of names
  --no-peers       ours alone
  --seconds N      time spent on each contender of each benchmark (default 10)
  --autotune       let the kit time its kernels' variants first (off: its fixed defaults, as in reproducible runs)
  --list           print the benchmarks' names`;

/** The file that --json writes. */
export interface BenchFile {
  adapter: AdapterRecord;
  limits: Limits;
  results: Result[];
}

/**
 * Measures the adapter, then every benchmark asked for. Exit code 1 if ours failed anywhere (a peer's failure stands in
 * the table), 2 for wrong usage.
 */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: {
      json: { type: "string" },
      only: { type: "string" },
      "no-peers": { type: "boolean", default: false },
      seconds: { type: "string", default: "10" },
      autotune: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const progress = (line: string) => process.stderr.write(`${line}\n`);

  const names = Object.keys(benchmarks);
  if (values.list) {
    console.log(names.join("\n"));
    return 0;
  }
  const wanted = values.only?.split(",").map((name) => name.trim());
  const unknown = wanted?.filter((prefix) => !names.some((name) => name.startsWith(prefix))) ?? [];
  if (unknown.length > 0) {
    console.error(`--only: got ${unknown.join(", ")}, expected ${names.join(", ")}`);
    return 2;
  }
  const chosen = names.filter((name) => !wanted || wanted.some((prefix) => name.startsWith(prefix)));

  // First runs are compared, so they compile for everybody: Mesa would otherwise keep compiled shaders on disk.
  process.env.MESA_SHADER_CACHE_DISABLE ??= "true";
  const gpu = await dawnGpu();
  installBrowserGlobals(gpu);
  const record = await describeAdapter(gpu);
  const device = await Device.create({ gpu, autotune: values.autotune });
  const context = benchContext(device, gpu);

  progress(`adapter: ${record.description || record.device}, ${record.runtime}`);
  const limitDevice = await requestFullDevice(gpu, "limits");
  let limits = await measureLimits(limitDevice);
  progress(`limits: ${limits.fmaGflops.toFixed(1)} GFLOP/s, ${limits.copyGBps.toFixed(1)} GB/s`);

  const results: Result[] = [];
  for (const name of chosen) {
    const result = await runBenchmark(benchmarks[name](context), {
      limits,
      peers: !values["no-peers"],
      budgetMs: Number(values.seconds) * 1e3,
      rounds: { least: 3, most: 200 },
      progress,
    });
    results.push(result);
    // The limits are measured again beside every benchmark, and everything is held to the best seen.
    limits = bestLimits(limits, await measureLimits(limitDevice));
    for (const past of results) past.fractionOfLimit = fractionOfLimit(past, limits);
    // After every benchmark, so that a crash of a driver does not take the others' figures with it.
    if (values.json)
      await writeFile(values.json, JSON.stringify({ adapter: record, limits, results }, null, 2));
  }
  console.log(formatTable({ adapter: record, limits, results }));
  device.destroy();
  limitDevice.destroy();
  return results.some(({ errors }) => errors.ours !== undefined) ? 1 : 0;
}

/** Peers start when the first benchmark asks for them, once; a failure to start is told to each that asks. */
function benchContext(device: Device, gpu: GPU): BenchContext {
  const once = <T>(start: () => Promise<T>): (() => Promise<T>) => {
    let started: Promise<T> | undefined;
    return () => (started ??= start());
  };
  return {
    device,
    onnx: once(async () => {
      const { initOnnxRuntime, onnxContender } = await import("./peers/onnxruntime-web.ts");
      const own = await initOnnxRuntime(gpu);
      return (graph, inputs) => onnxContender(own, graph, inputs);
    }),
    jax: once(async () => {
      const jax = await import("./peers/jax-js.ts");
      await jax.initJax();
      return jax;
    }),
  };
}
