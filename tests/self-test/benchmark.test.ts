import { expect, test } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import type { Recorder } from "../../src/gpu/recorder.ts";
import { benchmark, benchmarkCases } from "../../src/self-test/benchmark.ts";
import type { BenchmarkCase, BenchmarkOptions, BenchmarkResult } from "../../src/self-test/benchmark.ts";
import { DeviceLostError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";

async function results(device: Device, options?: BenchmarkOptions): Promise<BenchmarkResult[]> {
  const all: BenchmarkResult[] = [];
  for await (const result of benchmark(device, options)) all.push(result);
  return all;
}

function caseNamed(name: string): BenchmarkCase {
  const found = benchmarkCases.find((one) => one.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
}

/** A case that copies `size` words. */
const copy: BenchmarkCase = {
  ...caseNamed("buffer copy"),
  record(rec, size) {
    rec.copy(rec.input("from", [size], "u32"), rec.input("to", [size], "u32"));
    return [];
  },
};

test("every case gives a figure, and leaves no memory behind", async () => {
  const device = await sharedDevice();
  const [before, bytes] = [device.dummy && device.liveBuffers, device.liveBytes];
  const all = await results(device);
  expect(all.map(({ name }) => name)).toEqual(benchmarkCases.map(({ name }) => name));
  for (const { name, value, ms, runs, message } of all) {
    expect(message, name).toBeUndefined();
    expect(value, name).toBeGreaterThan(0);
    expect(ms, name).toBeGreaterThan(0);
    expect(runs, name).toBeGreaterThanOrEqual(3);
  }
  expect(all.map(({ done }) => done)).toEqual(all.map((_, index) => index + 1));
  expect(new Set(all.map(({ total }) => total))).toEqual(new Set([all.length]));
  expect([device.liveBuffers, device.liveBytes]).toEqual([before, bytes]);
});

test("a figure is the amount over the median time, in the unit of its case", async () => {
  const device = await sharedDevice();
  const amount = (size: number) => 7 * size;
  const sizes = [1024];
  const all = await results(device, {
    cases: (["GFLOP/s", "GB/s", "µs", "ms"] as const).map((unit) => ({ ...copy, unit, amount, sizes })),
  });
  const expected = all.map(
    ({ ms }, i) => [7168 / ms / 1e6, 7168 / ms / 1e6, (ms * 1e3) / 7168, ms / 7168][i],
  );
  expect(all.map(({ value }) => value)).toEqual(expected);
});

test("goes up to a size that takes long enough, and no further", async () => {
  const device = await sharedDevice();
  const tried: number[] = [];
  const one: BenchmarkCase = {
    ...caseNamed("matmul, f32"),
    sizes: [32, 64, 384, 768],
    record(rec, size) {
      tried.push(size);
      return caseNamed("matmul, f32").record(rec, size);
    },
  };
  const [{ about }] = await results(device, { cases: [one] });
  // How far depends on the machine, and on what else it does.
  const distinct = [...new Set(tried)];
  expect(distinct).toEqual(one.sizes.slice(0, distinct.length));
  expect(about).toBe(one.about(tried.at(-1)!));
});

test("a size that does not fit leaves the one before it", async () => {
  const device = await Device.create({ gpu: await dawnGpu(), memoryBudgetBytes: 2 ** 20 });
  try {
    const [fits] = await results(device, { cases: [{ ...copy, sizes: [64, 2 ** 20] }] });
    expect(fits).toMatchObject({ about: copy.about(64), value: expect.any(Number) as number });
    expect(fits.value).toBeGreaterThan(0);
    const [none, next] = await results(device, {
      cases: [
        { ...copy, sizes: [2 ** 20] },
        { ...copy, sizes: [64] },
      ],
    });
    expect(none).toMatchObject({
      value: NaN,
      runs: 0,
      done: 1,
      message: expect.stringMatching(/^MemoryBudgetError: /) as string,
    });
    expect(next.value).toBeGreaterThan(0);
  } finally {
    device.destroy();
  }
});

test("a signal ends it between two samples, and frees what the case made", async () => {
  const device = await sharedDevice();
  const before = device.dummy && device.liveBuffers;
  const controller = new AbortController();
  const one: BenchmarkCase = {
    ...copy,
    sizes: [64],
    record(rec: Recorder, size) {
      controller.abort(new DOMException("enough", "AbortError"));
      return copy.record(rec, size);
    },
  };
  await expect(results(device, { cases: [one], signal: controller.signal })).rejects.toThrow("enough");
  expect(device.liveBuffers).toBe(before);
});

test("a lost device ends it", async () => {
  const device = await Device.create({ gpu: await dawnGpu() });
  device.handle.destroy();
  await device.lost;
  await expect(results(device, { cases: [{ ...copy, sizes: [64] }] })).rejects.toThrow(DeviceLostError);
});
