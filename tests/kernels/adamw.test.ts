import { describe, expect, test } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { adamwBias, emitAdamW, OPTIMIZER_REPORT, readOptimizerReport } from "../../src/kernels/adamw.ts";
import { adamwStep, globalNorm } from "../../src/reference/adamw.ts";
import type { AdamWState } from "../../src/reference/adamw.ts";
import { ShapeError } from "../../src/util/errors.ts";
import golden from "../reference/golden-adamw.json" with { type: "json" };
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };

interface Slot {
  param: Tensor;
  grad: Tensor;
  m: Tensor;
  v: Tensor;
  decay?: boolean;
}

function slot(device: Device, name: string, shape: number[], param: Float64Array): Slot {
  return {
    param: device.tensor(`${name}.param`, shape, "f32", Float32Array.from(param)),
    grad: device.tensor(`${name}.grad`, shape, "f32"),
    m: device.tensor(`${name}.m`, shape, "f32"),
    v: device.tensor(`${name}.v`, shape, "f32"),
  };
}

async function optimizer(device: Device, parameters: Slot[], maxNorm: number, zeroGrad = true) {
  const rec = new Recorder(device, "adamw");
  const report = device.tensor("report", [OPTIMIZER_REPORT], "f32");
  const [lr, bias1, bias2] = [rec.scalar("lr"), rec.scalar("bias1"), rec.scalar("bias2")];
  emitAdamW(rec, { parameters, report, lr, bias1, bias2, maxNorm, zeroGrad, ...options });
  const program = await rec.build();
  return {
    program,
    async step(step: number, rate = 1e-2) {
      program.run({ lr: rate, ...adamwBias(step) });
      return readOptimizerReport(await device.read(report));
    },
  };
}

describe("adamw", () => {
  test("several tensors over several steps agree with the reference; the report is right", async () => {
    const device = await sharedDevice();
    const shapes = [[1], [3, 7], [4096], [4097], [130, 257]];
    const params = shapes.map((shape, i) =>
      normals(
        shape.reduce((a, b) => a * b),
        i + 1,
      ),
    );
    const slots = shapes.map((shape, i) => ({ ...slot(device, `p${i}`, shape, params[i]), decay: i !== 1 }));
    const { program, step } = await optimizer(device, slots, 5);
    let states: AdamWState[] = params.map((param) => ({
      param,
      m: param.map(() => 0),
      v: param.map(() => 0),
    }));
    for (let t = 1; t <= 3; t++) {
      const grads = params.map((param, i) => normals(param.length, 100 * t + i, t === 2 ? 1e-3 : 1));
      slots.forEach(({ grad }, i) => device.write(grad, Float32Array.from(grads[i])));
      const report = await step(t);
      const { norm, scale } = globalNorm(grads, 5);
      expectClose([report.gradNorm, report.clipScale], [norm, scale], tolerance("f32", 64), "norm and scale");
      expect(scale === 1).toBe(t === 2);
      const before = states;
      states = states.map((state, i) =>
        adamwStep(state, grads[i], scale, t, { ...options, lr: 1e-2, weightDecay: i === 1 ? 0 : 0.01 }),
      );
      const changes = states.flatMap((state, i) =>
        [...state.param].map((value, j) => Math.abs(value - before[i].param[j])),
      );
      expect(report).toMatchObject({ skipped: false });
      expect(report.changed).toBeGreaterThan(changes.length * 0.99);
      expectClose(
        [report.maxChange],
        [changes.reduce((a, b) => Math.max(a, b), 0)],
        { abs: 1e-6, rel: 1e-3 },
        "largest change",
      );
    }
    for (const [i, { param, m, v, grad }] of slots.entries()) {
      // A step is about lr in size whatever the gradient's: relative errors of m and v show in full.
      expectClose(await device.read(param), states[i].param, { abs: 3e-6, rel: 1e-5 }, `param ${i}`);
      expectClose(await device.read(m), states[i].m, { abs: 1e-7, rel: 1e-5 }, `m ${i}`);
      expectClose(await device.read(v), states[i].v, { abs: 1e-9, rel: 1e-5 }, `v ${i}`);
      expect((await device.read(grad)).every((value) => value === 0)).toBe(true);
    }
    program.destroy();
  });

  test("torch's step from a fixture", async () => {
    const device = await sharedDevice();
    const fixture = slot(device, "fixture", [4, 64], Float64Array.from(golden.param));
    device.write(fixture.grad, Float32Array.from(golden.grad));
    // The rest of the model's gradient, as one number, so that the norm is the fixture's.
    const own = golden.grad.reduce((sum, g) => sum + g * g, 0);
    const others = slot(device, "others", [1], Float64Array.of(0));
    device.write(others.grad, Float32Array.of(Math.sqrt(golden.gradNorm ** 2 - own)));
    const { program, step } = await optimizer(device, [fixture, others], 0.5, false);
    const report = await step(1);
    expect(report.gradNorm).toBeCloseTo(golden.gradNorm, 4);
    expectClose(await device.read(fixture.param), golden.after, { abs: 1e-6, rel: 1e-5 }, golden.name);
    expect([...(await device.read(fixture.grad))]).toEqual([...Float32Array.from(golden.grad)]);
    program.destroy();
  });

  test.each([NaN, Infinity, 1e30])(
    "a gradient of %d skips the step: nothing changes but the gradient",
    async (bad) => {
      const device = await sharedDevice();
      const initial = normals(5000, 9);
      const given = slot(device, "p", [5000], initial);
      const small = slot(device, "q", [3], normals(3, 4));
      const gradient = new Float32Array(5000).fill(0.1);
      gradient[4999] = bad;
      device.write(given.grad, gradient);
      device.write(small.grad, Float32Array.of(1, 2, 3));
      const { program, step } = await optimizer(device, [given, small], 1);
      const report = await step(1);
      expect(report).toMatchObject({ skipped: true, changed: 0, maxChange: 0 });
      expect(Number.isFinite(report.gradNorm)).toBe(false);
      expect([...(await device.read(given.param))]).toEqual([...initial]);
      expect([...(await device.read(small.param))]).toEqual([...normals(3, 4)]);
      for (const tensor of [given.m, given.v, given.grad, small.grad]) {
        expect((await device.read(tensor)).every((value) => value === 0)).toBe(true);
      }
      program.destroy();
    },
  );

  test("a zero gradient and no decay change no weight, and the report says so", async () => {
    const device = await sharedDevice();
    const { program, step } = await optimizer(
      device,
      [{ ...slot(device, "p", [100], normals(100, 2)), decay: false }],
      1,
    );
    expect(await step(1)).toEqual({ gradNorm: 0, clipScale: 1, skipped: false, changed: 0, maxChange: 0 });
    program.destroy();
  });

  test("the same step twice gives the same bits", async () => {
    const device = await sharedDevice();
    const results: number[][] = [];
    for (let round = 0; round < 2; round++) {
      const given = slot(device, "p", [20_000], normals(20_000, 1));
      device.write(given.grad, Float32Array.from(normals(20_000, 2)));
      const { program, step } = await optimizer(device, [given], 1);
      const { gradNorm } = await step(1);
      results.push([gradNorm, ...(await device.read(given.param))]);
      program.destroy();
    }
    expect(results[0]).toEqual(results[1]);
  });

  test("tensors of one parameter must have one shape", async () => {
    const device = await sharedDevice();
    const given = slot(device, "p", [4], normals(4, 1));
    await expect(optimizer(device, [{ ...given, m: device.tensor("m", [5], "f32") }], 1)).rejects.toThrow(
      ShapeError,
    );
  });

  test("beyond the binding limit parameters are taken shard by shard", async () => {
    const device = await sharedDevice({ maxBindingBytes: 1 << 16 });
    const N = 300;
    const initial = normals(N * 128, 5);
    const given = slot(device, "big", [N, 128], initial);
    expect(given.param.storage.shards?.length).toBeGreaterThan(1);
    const gradient = normals(N * 128, 6);
    device.write(given.grad, Float32Array.from(gradient));
    const { program, step } = await optimizer(device, [given], 0);
    const report = await step(1);
    expect(report.gradNorm).toBeCloseTo(globalNorm([gradient], 0).norm, 2);
    const zeros = new Float64Array(N * 128);
    const after = adamwStep({ param: initial, m: zeros, v: zeros }, gradient, 1, 1, { ...options, lr: 1e-2 });
    expectClose(await device.read(given.param), after.param, { abs: 3e-6, rel: 1e-5 }, "param");
    program.destroy();
  });
});
