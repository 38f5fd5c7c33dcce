import { expect, test } from "vitest";
import { detectBrowser } from "../../demo/device/browser.ts";
import { isSoftware } from "../../demo/device/capabilities.ts";
import type { Capabilities } from "../../demo/device/capabilities.ts";
import { adapterName, reportText } from "../../demo/device/report.ts";
import type { Findings } from "../../demo/device/report.ts";

const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0";
const capabilities: Capabilities = {
  secure: true,
  origin: "https://example.org",
  webgpu: true,
  adapter: {
    vendor: "mesa",
    architecture: "llvmpipe",
    description: "llvmpipe (LLVM 15)",
    software: true,
    features: ["shader-f16", "subgroups"],
    limits: { maxBufferSize: 4294967295, maxComputeWorkgroupStorageSize: 32768 },
  },
  adapterProblem: "",
  workers: true,
  files: true,
  storage: { used: 1.5e6, quota: 2e9 },
  persisted: false,
  offline: true,
  cores: 2,
  memoryGB: null,
};
const findings: Findings = {
  date: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)),
  browser: detectBrowser({ userAgent, maxTouchPoints: 0 }),
  userAgent,
  capabilities,
  device: null,
  problem: "",
  tests: [],
  benchmarks: [],
};
const passed = { name: "swiglu f32", maxError: 1e-7, tolerance: 1e-6, passed: true, ms: 3, total: 3 };
const failed = {
  ...passed,
  name: "matmul q4",
  maxError: 0.25,
  passed: false,
  message: "y[3]: got 1, expected 2",
};

test("says what the browser offers", () => {
  const text = reportText(findings);
  for (const line of [
    "date: 2026-01-02T03:04:05.000Z",
    "browser: Firefox 147 on Linux",
    `user agent: ${userAgent}`,
    "secure context: yes (https://example.org)",
    "adapter: llvmpipe (LLVM 15), mesa llvmpipe",
    "storage: 1.5 MB of 2.00 GB, persistent: no",
    "processor: 2 threads, memory unknown",
    "features: shader-f16 subgroups",
    "limits: maxBufferSize=4294967295 maxComputeWorkgroupStorageSize=32768",
    "device of the engine: none",
    "self-test: not run",
    "benchmark: not run",
  ])
    expect(text.split("\n")).toContain(line);
});

test("without a GPU it says why", () => {
  const text = reportText({
    ...findings,
    capabilities: { ...capabilities, adapter: null, adapterProblem: "requestAdapter() gave null" },
    problem: "GpuUnavailableError: no adapter",
  });
  expect(text).toContain("problem: GpuUnavailableError: no adapter");
  expect(text).toContain("adapter: none (requestAdapter() gave null)");
});

test("names the kernels that failed with their numbers, and those that were not run", () => {
  const text = reportText({ ...findings, tests: [passed, failed] });
  expect(text).toContain("self-test: 1 of 2 passed, stopped before the other 1");
  expect(text).toContain("FAILED matmul q4: error 0.25, allowed 1.0e-6; y[3]: got 1, expected 2");
  expect(text).not.toContain("swiglu");
});

test("has the benchmark's figures, and why one is missing", () => {
  const one = {
    name: "matmul, f32",
    value: 21.84,
    unit: "GFLOP/s",
    about: "384³",
    ms: 5.2,
    runs: 9,
  } as const;
  const text = reportText({
    ...findings,
    benchmarks: [
      { ...one, done: 1, total: 2 },
      { ...one, name: "buffer copy", value: NaN, done: 2, total: 2, message: "MemoryBudgetError: 1 byte" },
    ],
  });
  expect(text).toContain("  matmul, f32: 21.8 GFLOP/s (5 ms; 384³)");
  expect(text).toContain("  buffer copy: failed: MemoryBudgetError: 1 byte");
});

test("an adapter that does not say what it is has words all the same", () => {
  expect(adapterName({ vendor: "", architecture: "", description: "" })).toBe("the browser does not say");
  expect(adapterName({ vendor: "apple", architecture: "metal-3", description: "" })).toBe("apple metal-3");
});

test.each([
  ["google swiftshader ", true],
  ["mesa llvmpipe llvmpipe (LLVM 15.0.6, 256 bits)", true],
  ["microsoft Microsoft Basic Render Driver", true],
  ["nvidia ampere ", false],
])("%s computes on the processor: %s", (name, software) => {
  expect(isSoftware(name)).toBe(software);
});
