import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.ts";
import * as session from "../../src/cli/session.ts";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { benchmarkCases } from "../../src/self-test/benchmark.ts";
import { selfTest, selfTestCases } from "../../src/self-test/self-test.ts";
import type { SelfTestCase } from "../../src/self-test/case.ts";
import { sharedDevice } from "../support/device.ts";
import { filesIn } from "../support/tree.ts";
import { thinktab } from "./run.ts";

vi.mock("../../src/cli/session.ts", { spy: true });
afterEach(() => void vi.mocked(session.openDevice).mockReset());

/** A device of which one kernel's WGSL is changed before it is compiled: a driver that gets it wrong. */
async function deviceWith(kernel: string, change: (code: string) => string): Promise<Device> {
  const device = await Device.create({ gpu: await dawnGpu() });
  const compile = device.compile.bind(device);
  device.compile = (label, code, entry, constants) => {
    if (!label.startsWith(`${kernel}.`)) return compile(label, code, entry, constants);
    const changed = change(code.code);
    expect(changed).not.toBe(code.code);
    return compile(label, { ...code, code: changed }, entry, constants);
  };
  return device;
}

describe("self-test", () => {
  test("has a test of every op", async () => {
    const tested = new Set(selfTestCases(await sharedDevice()).map(({ kernel }) => kernel));
    const stems = filesIn("src/reference").flatMap((path) => /([^/]+)\.ts$/.exec(path)?.[1] ?? []);
    expect(stems.length).toBeGreaterThan(15);
    expect(stems.filter((stem) => !tested.has(stem))).toEqual([]);
  });

  test("names no test twice", async () => {
    const names = selfTestCases(await sharedDevice()).map(({ kernel, part }) => `${kernel} ${part}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test.each<[string, number[], number[], RegExp]>([
    ["a wrong value", [1, 2.5], [1, 2], /y\[1\]: got 2\.5, expected 2/],
    ["NaN", [1, NaN], [1, 2], /y\[1\]: got NaN/],
    ["too few values", [1], [1, 2], /y: got 1 values, expected 2/],
    ["nothing", [], [], /y: got 0 values/],
  ])("%s is a failure", async (_, actual, expected, message) => {
    const planted: SelfTestCase = {
      kernel: "planted",
      part: "",
      run: () =>
        Promise.resolve([
          { what: "x", actual: [0], expected: [0], tolerance: 0 },
          { what: "y", actual, expected, tolerance: 1e-3 },
        ]),
    };
    const results = [];
    for await (const result of selfTest(await sharedDevice(), [planted])) results.push(result);
    expect(results).toMatchObject([
      { name: "planted", passed: false, message: expect.stringMatching(message) as string },
    ]);
  });

  test("a test without a comparison, and one that throws, have failed", async () => {
    const cases: SelfTestCase[] = [
      { kernel: "empty", part: "", run: () => Promise.resolve([]) },
      { kernel: "broken", part: "", run: () => Promise.reject(new TypeError("no such thing")) },
    ];
    const results = [];
    for await (const result of selfTest(await sharedDevice(), cases)) results.push(result);
    expect(results).toMatchObject([
      { passed: false, message: "nothing was compared" },
      { passed: false, message: "TypeError: no such thing" },
    ]);
  });
});

describe("thinktab doctor", () => {
  test(
    "finds every kernel right on this adapter, and says what the adapter is",
    { timeout: 600_000 },
    async () => {
      const json = join(mkdtempSync(join(tmpdir(), "thinktab-doctor-")), "report.json");
      const { code, out, err } = await thinktab("doctor", "--json", json);
      expect(out).not.toContain("FAILED");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const report = JSON.parse(readFileSync(json, "utf8")) as DoctorReport;
      expect(report.passed).toBe(true);
      expect(report.tests.length).toBeGreaterThan(40);
      expect(out).toContain(`All ${report.tests.length} kernel tests passed`);
      for (const { name } of report.tests) expect(out).toContain(name);
      expect(report.adapter.maxBindingBytes).toBeGreaterThan(0);
      expect(out).toContain(report.adapter.description);
    },
  );

  test("reports a kernel that computes something else, and ends with code 1", async () => {
    const device = await deviceWith("advantage", (code) => code.replace(/sqrt\(/g, "2.0 * sqrt("));
    vi.mocked(session.openDevice).mockResolvedValue(device);
    const { code, out } = await thinktab("doctor", "--only", "advantage");
    expect(code).toBe(1);
    expect(out).toMatch(/advantage scaled by group .* FAILED/);
    expect(out).toMatch(/advantage scaled by none .* FAILED/); // its advantages are right, its std is not
    expect(out).toMatch(/^5 of 5 kernel tests FAILED: /m);
    expect(out).toMatch(/\[\d+\]: got .*, expected /);
  });

  test("reports a kernel that does not compile as failed, with the compiler's message", async () => {
    const device = await deviceWith("swiglu", (code) => `${code}\nthis is not WGSL`);
    vi.mocked(session.openDevice).mockResolvedValue(device);
    const { code, out } = await thinktab("doctor", "--only", "swiglu");
    expect(code).toBe(1);
    expect(out).toMatch(/swiglu f32.* FAILED/);
    expect(out).toContain("ShaderError: swiglu.forward does not compile");
  });

  test("times kernels with --bench", async () => {
    const json = join(mkdtempSync(join(tmpdir(), "thinktab-doctor-")), "report.json");
    const { code, out } = await thinktab("doctor", "--only", "advantage", "--bench", "--json", json);
    expect(code).toBe(0);
    const { benchmarks = [] } = JSON.parse(readFileSync(json, "utf8")) as DoctorReport;
    expect(benchmarks.map(({ name }) => name)).toEqual(benchmarkCases.map(({ name }) => name));
    for (const { name, value, about } of benchmarks) {
      expect(value, name).toBeGreaterThan(0);
      expect(out).toContain(about);
    }
  });
});
