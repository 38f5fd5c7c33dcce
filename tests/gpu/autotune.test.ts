import { expect, it } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { defineKernel, rows } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { emitMatmul } from "../../src/kernels/matmul.ts";
import { createWeight } from "../../src/kernels/quantize.ts";
import { matmulForward } from "../../src/reference/matmul.ts";
import { expectClose } from "../support/close.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

// y += x, with as much useless work as WASTE says.
const source = `
struct Params { N: u32 }
override WASTE: u32 = 1;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.N) { return; }
  var sum = y[id.x];
  for (var i = 0u; i < WASTE; i++) { sum = sum * 0.5 + f32(i % 3u); }
  y[id.x] = select(y[id.x] + x[id.x], sum, sum == 12345.0);
}`;

function kernel(tunable: boolean) {
  return defineKernel({
    name: tunable ? "wasteful" : "fixed",
    wgsl: [source],
    entry: "forward",
    tensors: { x: ["N"], y: ["N"] },
    workgroups: ({ N }) => rows(Math.ceil(N / 64)),
    variants: [{ WASTE: 20_000 }, { WASTE: 1 }, { WASTE: 10_000 }],
    tunable,
  });
}

it("pins the fastest variant of a tunable kernel, on scratch buffers, and leaves the others at their default", async () => {
  const device = await Device.create({ gpu: await dawnGpu(), autotune: true });
  const x = device.tensor("x", [4096], "f32", new Float32Array(4096).fill(2));
  const y = device.tensor("y", [4096], "f32", new Float32Array(4096).fill(1));
  const before = device.liveBytes;
  const build = async () => {
    const rec = new Recorder(device, "tuned");
    rec.run(kernel(true), { x, y });
    rec.run(kernel(false), { x, y });
    return rec.build();
  };
  const program = await build();
  expect(program.variants()).toEqual({ "wasteful.forward": 1, "fixed.forward": 0 });
  expect([...device.pinnedVariants]).toEqual([["wasteful.forward N4096", 1]]);
  expect((await device.read(y))[0]).toBe(1);
  program.run();
  expect((await device.read(y))[0]).toBe(5);
  program.destroy();
  expect(device.liveBytes).toBe(before);

  // A pinned choice is taken as it is, tuned or not.
  device.pinnedVariants.set("wasteful.forward N4096", 2);
  const again = await build();
  expect(again.variants()["wasteful.forward"]).toBe(2);
  device.destroy();
});

it("changes no result of the kernels that are tunable", async () => {
  const device = await Device.create({ gpu: await dawnGpu(), autotune: true });
  const [T, N, K] = [19, 40, 36];
  const x = normals(T * K, 1);
  const source = normals(N * K, 2);
  const w = await createWeight(device, "w", { format: "f32", N, K }, Float32Array.from(source));
  const { y } = await once(
    device,
    (rec) => {
      const y = rec.tensor("y", [T, N], "f32");
      emitMatmul(rec, { x: rec.input("x", [T, K], "f32"), w, y });
      return { y };
    },
    { x },
  );
  expect(device.pinnedVariants.size).toBeGreaterThan(0);
  expectClose(y, matmulForward({ x, w: source, T, N, K }), tolerance("f32", K), "y");
  device.destroy();
});
