import type { Device } from "../gpu/device.ts";
import type { Program } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import { DeviceLostError, MemoryBudgetError } from "../util/errors.ts";
import { benchmarkCases } from "./benchmark-cases.ts";
import type { BenchmarkCase, BenchmarkUnit } from "./benchmark-cases.ts";

export { benchmarkCases } from "./benchmark-cases.ts";
export type { BenchmarkCase, BenchmarkUnit } from "./benchmark-cases.ts";

/** How fast the device does one thing. */
export interface BenchmarkResult {
  name: string;
  /** In `unit`; NaN when it could not run. */
  value: number;
  unit: BenchmarkUnit;
  /** What was measured, with its size. */
  about: string;
  /** Median time of one run. */
  ms: number;
  /** Samples that the median is of. */
  runs: number;
  /** Cases done, this one included, of how many. */
  done: number;
  total: number;
  /** Why it could not run. */
  message?: string;
}

/** How {@link benchmark} runs. */
export interface BenchmarkOptions {
  /** Ends it between two samples. */
  signal?: AbortSignal;
  /** Default: all. */
  cases?: readonly BenchmarkCase[];
}

/** A size whose run is shorter than this is too small to keep the device busy: the next one is tried. */
const shortMs = 4;
/** A sample is as many runs as take this long: browsers round their clocks, and waiting for the GPU takes time too. */
const sampleMs = 30;
/** Samples go on for this long within these bounds. */
const budgetMs = 300;
const samples = { least: 3, most: 9 };

/**
 * Times a few kernels that training and answering spend their time in, one after the other: each at the largest of its
 * sizes that the device needs, the median of several samples. A few seconds on a software adapter, less on a GPU. What
 * does not fit is a result with a message.
 * @throws DeviceLostError; the signal's reason, between two samples.
 */
export async function* benchmark(
  device: Device,
  { signal, cases = benchmarkCases }: BenchmarkOptions = {},
): AsyncGenerator<BenchmarkResult, void, void> {
  for (const [index, one] of cases.entries()) {
    const { name, unit } = one;
    const place = { done: index + 1, total: cases.length };
    signal?.throwIfAborted();
    try {
      const { size, ...timing } = await measure(device, one, signal);
      yield { name, unit, about: one.about(size), value: rate(one, size, timing.ms), ...timing, ...place };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DeviceLostError) throw error;
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const about = one.about(one.sizes[0]);
      yield { name, unit, about, value: NaN, ms: NaN, runs: 0, ...place, message };
    }
  }
}

interface Timing {
  ms: number;
  runs: number;
}

/** What a run of this length comes to in the case's unit. */
function rate({ unit, amount }: BenchmarkCase, size: number, ms: number): number {
  switch (unit) {
    case "GFLOP/s":
    case "GB/s":
      return amount(size) / ms / 1e6;
    case "µs":
      return (ms * 1e3) / amount(size);
    case "ms":
      return ms / amount(size);
  }
}

/** Goes up through the sizes until a run is long enough, or the next size does not fit. */
async function measure(
  device: Device,
  one: BenchmarkCase,
  signal: AbortSignal | undefined,
): Promise<Timing & { size: number }> {
  const { sizes } = one;
  for (const [index, size] of sizes.entries()) {
    const last = index === sizes.length - 1;
    try {
      const timing = await measureAt(device, one, size, last ? 0 : shortMs, signal);
      if (timing) return { ...timing, size };
    } catch (error) {
      if (!(error instanceof MemoryBudgetError) || index === 0) throw error;
      const before = sizes[index - 1];
      const timing = await measureAt(device, one, before, 0, signal);
      if (timing) return { ...timing, size: before };
    }
  }
  throw new RangeError(`benchmark ${one.name}: no size`);
}

/** Times one size; null when a run takes less than `leastMs`. */
async function measureAt(
  device: Device,
  one: BenchmarkCase,
  size: number,
  leastMs: number,
  signal: AbortSignal | undefined,
): Promise<Timing | null> {
  const rec = new Recorder(device, `benchmark ${one.name}`);
  const inputs = one.record(rec, size);
  const program = await rec.build();
  try {
    for (const [tensor, data] of inputs) program.write(tensor, data);
    await timed(device, program, 1); // compiles
    const first = await timed(device, program, 1);
    if (first < leastMs) return null;
    const batch = one.waits ? 1 : Math.max(1, Math.ceil(sampleMs / Math.max(first, 0.1)));
    const times: number[] = [];
    const started = performance.now();
    while (
      times.length < samples.least ||
      (times.length < samples.most && performance.now() - started < budgetMs)
    ) {
      signal?.throwIfAborted();
      times.push((await timed(device, program, batch)) / batch);
    }
    return { ms: median(times), runs: times.length };
  } finally {
    program.destroy();
  }
}

/** Ms until the GPU has done so many runs. */
async function timed(device: Device, program: Program, runs: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < runs; i++) program.run();
  await device.idle();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
