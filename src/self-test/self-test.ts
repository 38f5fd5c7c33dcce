import type { Device } from "../gpu/device.ts";
import { attentionCases } from "./attention.ts";
import type { Check, SelfTestCase } from "./case.ts";
import { linearCases } from "./linear.ts";
import { normCases } from "./norms.ts";
import { objectiveCases } from "./objective.ts";
import { optimizerCases } from "./optimizer.ts";
import { pointwiseCases } from "./pointwise.ts";
import { samplingCases } from "./sampling.ts";

/** How one kernel came out on this device. */
export interface SelfTestResult {
  name: string;
  /** Largest |got − expected| / (1 + |expected|), over every value compared; NaN when the test could not run. */
  maxError: number;
  /** What that error may be: the tolerance of the tensor that came nearest to its own, or passed it. */
  tolerance: number;
  passed: boolean;
  /** Wall time with compiling. */
  ms: number;
  /** Why it failed. */
  message?: string;
}

/** Every kernel, in each storage format and activation dtype that the device has. */
export function selfTestCases(device: Device): SelfTestCase[] {
  const dtypes = device.has("f16") ? (["f32", "f16"] as const) : (["f32"] as const);
  return [
    ...linearCases(dtypes),
    ...normCases(dtypes),
    ...pointwiseCases(dtypes),
    ...attentionCases(dtypes),
    ...objectiveCases(),
    ...optimizerCases(),
    ...samplingCases(),
  ];
}

/**
 * Runs each kernel once on small, awkward shapes against its float64 reference. A test that throws (a shader that does
 * not compile, a lost device) has failed; none is skipped. A few hundred kB of GPU memory, a few seconds.
 */
export async function* selfTest(
  device: Device,
  cases: readonly SelfTestCase[] = selfTestCases(device),
): AsyncGenerator<SelfTestResult, void, void> {
  for (const { kernel, part, run } of cases) {
    const name = part === "" ? kernel : `${kernel} ${part}`;
    const started = performance.now();
    try {
      const verdict = judge(await run(device));
      yield { name, ...verdict, ms: performance.now() - started };
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const ms = performance.now() - started;
      yield { name, maxError: NaN, tolerance: NaN, passed: false, ms, message };
    }
  }
}

function judge(
  checks: readonly Check[],
): Pick<SelfTestResult, "maxError" | "tolerance" | "passed" | "message"> {
  if (checks.length === 0)
    return { maxError: NaN, tolerance: NaN, passed: false, message: "nothing was compared" };
  const judged = checks.map((check) => ({ check, ...largestError(check) }));
  const worst = judged.reduce((a, b) => (excess(b) > excess(a) ? b : a));
  const { error: maxError, index, check } = worst;
  const { tolerance } = check;
  if (excess(worst) <= 1) return { maxError, tolerance, passed: true };
  const message =
    index < 0
      ? `${check.what}: got ${check.actual.length} values, expected ${check.expected.length}`
      : `${check.what}[${index}]: got ${check.actual[index]}, expected ${check.expected[index]}`;
  return { maxError, tolerance, passed: false, message };
}

function excess({ error, check: { tolerance } }: { error: number; check: Check }): number {
  if (error === 0) return 0; // also where the tolerance is: bits are compared
  return error / tolerance;
}

/** A NaN on one side only, or another number of values, is an infinite error. */
function largestError({ actual, expected }: Check): { error: number; index: number } {
  if (actual.length !== expected.length || expected.length === 0) return { error: Infinity, index: -1 };
  let error = 0;
  let index = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const off = Math.abs(actual[i] - expected[i]) / (1 + Math.abs(expected[i]));
    const here = Number.isNaN(off) ? Infinity : off;
    if (here > error) [error, index] = [here, i];
  }
  return { error, index };
}
