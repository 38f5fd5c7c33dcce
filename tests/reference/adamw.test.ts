import { expect, test } from "vitest";
import { adamwStep, globalNorm } from "../../src/reference/adamw.ts";
import { expectClose } from "../support/close.ts";
import golden from "./golden-adamw.json" with { type: "json" };

/** One tensor of a torch run: lr 1e-2, weight decay 0.01, global norm clipped to 0.5. */
test("torch's step", () => {
  const param = Float64Array.from(golden.param);
  const zeros = new Float64Array(param.length);
  const options = { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
  const scale = 0.5 / (golden.gradNorm + 1e-6);
  const after = adamwStep({ param, m: zeros, v: zeros }, Float64Array.from(golden.grad), scale, 1, options);
  expectClose(after.param, golden.after, { abs: 1e-6, rel: 1e-5 }, golden.name);
});

test("two steps by hand", () => {
  const options = { lr: 0.1, beta1: 0.5, beta2: 0.75, eps: 0, weightDecay: 0 };
  const first = adamwStep(
    { param: Float64Array.of(1), m: Float64Array.of(0), v: Float64Array.of(0) },
    Float64Array.of(2),
    1,
    1,
    options,
  );
  expect(first.param[0]).toBeCloseTo(0.9, 12); // m̂/√v̂ is the gradient's sign at step 1
  const second = adamwStep(first, Float64Array.of(-2), 1, 2, options);
  expect(second.m[0]).toBeCloseTo(-0.5, 12);
  expect(second.v[0]).toBeCloseTo(1.75, 12);
  expect(second.param[0]).toBeCloseTo(0.9 + ((0.1 / 0.75) * 0.5) / Math.sqrt(1.75 / 0.4375), 12);
});

test("globalNorm clips as torch's clip_grad_norm_", () => {
  const grads = [Float64Array.of(3), Float64Array.of(0, 4)];
  expect(globalNorm(grads, 1)).toEqual({ norm: 5, scale: 1 / (5 + 1e-6) });
  expect(globalNorm(grads, 9).scale).toBe(1);
  expect(globalNorm(grads, 0).scale).toBe(1);
});
