import type { Device } from "../gpu/device.ts";
import { adamwBias, emitAdamW, OPTIMIZER_REPORT, readOptimizerReport } from "../kernels/adamw.ts";
import { adamwStep, globalNorm } from "../reference/adamw.ts";
import { normals, runOnce, tolerance } from "./case.ts";
import type { Check, SelfTestCase } from "./case.ts";

export function optimizerCases(): SelfTestCase[] {
  return [
    { kernel: "adamw", part: "clipped", run: (device) => stepCase(device, 0.5) },
    { kernel: "adamw", part: "not clipped", run: (device) => stepCase(device, 0) },
  ];
}

async function stepCase(device: Device, maxNorm: number): Promise<Check[]> {
  const n = 1300;
  const step = 3;
  const options = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };
  const state = {
    param: normals(n, 1),
    m: normals(n, 2, "f32", 0.1),
    v: normals(n, 3, "f32", 0.1).map((value) => Math.fround(value * value)),
  };
  const grad = normals(n, 4);
  const got = await runOnce(
    device,
    (rec) => {
      const [param, m, v, gradient] = ["param", "m", "v", "grad"].map((name) => rec.input(name, [n], "f32"));
      const report = rec.tensor("report", [OPTIMIZER_REPORT], "f32");
      const bias = adamwBias(step, options.beta1, options.beta2);
      emitAdamW(rec, { parameters: [{ param, grad: gradient, m, v }], report, ...options, ...bias, maxNorm });
      return { param, m, v, grad: gradient, report };
    },
    { ...state, grad },
  );
  const { norm, scale } = globalNorm([grad], maxNorm);
  const expected = adamwStep(state, grad, scale, step, options);
  const { gradNorm, clipScale, skipped } = readOptimizerReport(got.report);
  const allowed = tolerance("f32", 1, 4);
  return [
    { what: "param", actual: got.param, expected: expected.param, tolerance: allowed },
    { what: "m", actual: got.m, expected: expected.m, tolerance: allowed },
    { what: "v", actual: got.v, expected: expected.v, tolerance: allowed },
    { what: "cleared gradient", actual: got.grad, expected: new Float64Array(n), tolerance: 0 },
    {
      what: "norm and clip scale",
      actual: [gradNorm, clipScale],
      expected: [norm, scale],
      tolerance: tolerance("f32", n),
    },
    { what: "skipped", actual: [Number(skipped)], expected: [0], tolerance: 0 },
  ];
}
