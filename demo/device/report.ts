/** All that the tab “Device” knows, as text for a bug report. */
import type { BenchmarkResult, DeviceInfo, SelfTestResult } from "../../workers/client.ts";
import { showBytes, showMs, showNumber } from "../components/format.ts";
import { describeBrowser } from "./browser.ts";
import type { Browser } from "./browser.ts";
import type { Capabilities } from "./capabilities.ts";

export interface Findings {
  date: Date;
  browser: Browser;
  userAgent: string;
  capabilities: Capabilities | null;
  /** The engine's device; null when it could not be opened. */
  device: DeviceInfo | null;
  /** Why there is no engine. */
  problem: string;
  tests: readonly (SelfTestResult & { total: number })[];
  benchmarks: readonly BenchmarkResult[];
}

export function reportText(findings: Findings): string {
  const { date, browser, userAgent, capabilities, device, problem } = findings;
  return [
    "Thinktab, device report",
    `date: ${date.toISOString()}`,
    `browser: ${describeBrowser(browser)}`,
    `user agent: ${userAgent}`,
    ...(problem ? [`problem: ${problem}`] : []),
    ...(capabilities ? describeCapabilities(capabilities) : []),
    ...(device
      ? ["", "device of the engine", ...describeDevice(device)]
      : ["", "device of the engine: none"]),
    "",
    ...describeTests(findings.tests),
    "",
    ...describeBenchmarks(findings.benchmarks),
    "",
  ].join("\n");
}

function describeCapabilities(found: Capabilities): string[] {
  const { secure, origin, webgpu, adapter, adapterProblem, storage, persisted, cores, memoryGB } = found;
  const yes = (value: boolean | null) => (value === null ? "unknown" : value ? "yes" : "no");
  return [
    `secure context: ${yes(secure)} (${origin})`,
    `WebGPU: ${yes(webgpu)}`,
    `adapter: ${adapter ? adapterName(adapter) : `none (${adapterProblem})`}`,
    `workers: ${yes(found.workers)}; private files: ${yes(found.files)}; offline: ${yes(found.offline)}`,
    `storage: ${storage ? `${showBytes(storage.used)} of ${showBytes(storage.quota)}` : "unknown"}, persistent: ${yes(persisted)}`,
    `processor: ${cores ?? "unknown"} threads, ${memoryGB === null ? "memory unknown" : `${memoryGB} GB`}`,
    ...(adapter
      ? [
          `features: ${adapter.features.join(" ") || "none"}`,
          `limits: ${Object.entries(adapter.limits)
            .map(([name, value]) => `${name}=${value}`)
            .join(" ")}`,
        ]
      : []),
  ];
}

/** As much of an adapter's name as the browser gives away. */
export function adapterName(adapter: { vendor: string; architecture: string; description: string }): string {
  const { vendor, architecture, description } = adapter;
  const maker = [vendor, architecture].filter(Boolean).join(" ");
  return [description, maker].filter(Boolean).join(", ") || "the browser does not say";
}

function describeDevice(info: DeviceInfo): string[] {
  return Object.entries(info).map(
    ([name, value]) => `  ${name}: ${Array.isArray(value) ? value.join(" ") : String(value)}`,
  );
}

function describeTests(tests: Findings["tests"]): string[] {
  if (tests.length === 0) return ["self-test: not run"];
  const failed = tests.filter(({ passed }) => !passed);
  const { total } = tests[tests.length - 1];
  return [
    `self-test: ${tests.length - failed.length} of ${tests.length} passed` +
      (tests.length < total ? `, stopped before the other ${total - tests.length}` : ""),
    ...failed.map(
      ({ name, maxError, tolerance, message = "" }) =>
        `  FAILED ${name}: error ${showNumber(maxError)}, allowed ${showNumber(tolerance)}${message && `; ${message}`}`,
    ),
  ];
}

function describeBenchmarks(results: readonly BenchmarkResult[]): string[] {
  if (results.length === 0) return ["benchmark: not run"];
  return [
    "benchmark",
    ...results.map(({ name, value, unit, about, ms, message }) =>
      message === undefined
        ? `  ${name}: ${showNumber(value)} ${unit} (${showMs(ms)}; ${about})`
        : `  ${name}: failed: ${message}`,
    ),
  ];
}
