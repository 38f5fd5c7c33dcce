import { describe, expect, it } from "vitest";
import { Device, windowShards } from "../../src/gpu/device.ts";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { defineKernel, rows } from "../../src/gpu/kernel.ts";
import { planHolds } from "../../src/gpu/plan.ts";
import { runPrograms, SlotPool } from "../../src/gpu/program.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { DeviceLostError, MemoryBudgetError, ShaderError, ShapeError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";

const source = `
// y = alpha · x + shift
struct Params { T: u32, C: u32, alpha: f32, shift: i32 }
override LANES: u32 = 64;
@group(0) @binding(0) var<storage, read> x: array<scalar>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;
@group(0) @binding(4) var<storage, read_write> unused: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;
fn value(i: u32) -> f32 { return params.alpha * f32(x[i]) + f32(params.shift); }
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T) { return; }
  for (var c = lane; c < params.C; c += LANES) { y[t * params.C + c] = scalar(value(t * params.C + c)); }
}
`;
const affine = defineKernel({
  name: "affine",
  wgsl: [source],
  entry: "forward",
  tensors: { x: ["T", "C"], y: ["T", "C"] },
  workgroups: ({ T }) => rows(T),
  variants: [{ LANES: 64 }, { LANES: 32 }],
});

describe("Program", () => {
  it("runs a recorded dispatch, with parameters from shapes, literals and runtime scalars", async () => {
    const device = await sharedDevice();
    const { y } = await once(
      device,
      (rec) => {
        const x = rec.input("x", [2, 3], "f32");
        const y = rec.like(x, "y");
        rec.run(affine, { x, y }, { alpha: rec.scalar("alpha"), shift: -1 });
        return { y };
      },
      { x: [1, 2, 3, 4, 5, 6] },
      { alpha: 2 },
    );
    expect([...y]).toEqual([1, 3, 5, 7, 9, 11]);
  });

  it("replays with another length and leaves rows beyond it alone", async () => {
    const device = await sharedDevice();
    const rec = new Recorder(device, "lengths");
    const T = rec.dim("T", 4);
    const x = rec.input("x", [T, 1], "f32");
    const y = rec.output(rec.like(x, "y"));
    rec.run(affine, { x, y }, { alpha: 1, shift: 0 });
    const program = await rec.build();
    program.write("x", new Float32Array([1, 2, 3, 4]));
    program.run({ T: 4 });
    program.write("x", new Float32Array([9, 9, 9, 9]));
    program.run({ T: 2 });
    expect([...(await program.read(y))]).toEqual([9, 9, 3, 4]);
    expect(() => program.run({ T: 5 })).toThrow(ShapeError);
    expect(() => program.run({})).toThrow(/runtime value T/);
    program.destroy();
  });

  it("covers more rows than one dispatch dimension holds", async () => {
    const device = await sharedDevice();
    const count = 70_001;
    const { y } = await once(
      device,
      (rec) => {
        const x = rec.input("x", [count, 1], "f32");
        const y = rec.like(x, "y");
        rec.run(affine, { x, y }, { alpha: 1, shift: 1 });
        return { y };
      },
      { x: Float32Array.from({ length: count }, (_, index) => index) },
    );
    expect(y[0]).toBe(1);
    expect(y[65_535]).toBe(65_536);
    expect(y[count - 1]).toBe(count);
  });

  it("lets tensors share a slot when their lifetimes do not meet, and allocates exactly the plan", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const rec = new Recorder(device, "chain");
    let x = rec.input("x", [64, 64], "f32");
    for (let step = 0; step < 6; step++) {
      const y = rec.like(x, `y${step}`);
      rec.run(affine, { x, y }, { alpha: 1, shift: 1 });
      x = y;
    }
    rec.output(x);
    const before = device.liveBytes;
    const program = await rec.build();
    expect(program.plan.slotBytes.length).toBe(2);
    expect(device.liveBytes - before).toBe(program.plan.totalBytes);
    expect(planHolds(program.plan, 64, 64)).toBe(true);
    program.write("x", new Float32Array(64 * 64).fill(1));
    program.run();
    expect((await program.read(x)).every((value) => value === 7)).toBe(true);
    program.destroy();
    expect(device.liveBytes).toBe(before);
    device.destroy();
  });

  it("does not run what nobody reads", async () => {
    const device = await sharedDevice();
    const rec = new Recorder(device, "dead");
    const x = rec.input("x", [2, 2], "f32");
    const used = rec.output(rec.like(x, "used"));
    const unread = rec.like(x, "unread");
    const tail = rec.like(x, "tail");
    rec.run(affine, { x, y: unread }, { alpha: 1, shift: 0 });
    rec.run(affine, { x: unread, y: tail }, { alpha: 1, shift: 0 });
    rec.run(affine, { x, y: used }, { alpha: 3, shift: 0 });
    const program = await rec.build();
    expect(program.dispatchCount).toBe(1);
    expect(program.plan.tensors.map((tensor) => tensor.name)).toEqual(["x", "used"]);
    program.destroy();
  });

  it("shares a pool between programs and runs several in one submit", async () => {
    const device = await sharedDevice();
    const pool = new SlotPool(device);
    const shared = device.tensor("shared", [8, 1], "f32", new Float32Array(8).fill(1));
    const build = async (name: string) => {
      const rec = new Recorder(device, name);
      const y = rec.tensor("y", [8, 1], "f32");
      rec.run(affine, { x: shared, y }, { alpha: 2, shift: 0 });
      const z = rec.tensor("z", [8, 1], "f32");
      rec.run(affine, { x: y, y: z }, { alpha: 1, shift: 1 });
      rec.copy(z, shared);
      return rec.build({ pool });
    };
    const first = await build("first");
    const second = await build("second");
    expect(pool.buffers.length).toBe(2);
    runPrograms(device, [
      [first, {}],
      [second, {}],
    ]);
    expect((await device.read(shared))[0]).toBe(7);
    first.destroy();
    second.destroy();
    pool.destroy();
  });

  it("refuses tensors that do not fit the kernel", async () => {
    const device = await sharedDevice();
    const rec = new Recorder(device, "bad");
    const x = rec.input("x", [2, 3], "f32");
    const run =
      (tensors: Parameters<Recorder["run"]>[1], params = { alpha: 1, shift: 0 }) =>
      () => {
        rec.run(affine, tensors, params);
      };
    expect(run({ x, y: rec.tensor("y", [3, 3], "f32") })).toThrow(/axis 0 \(T\): got \[3\], expected \[2\]/);
    expect(run({ x, y: rec.tensor("y", [2, 3], "u32") })).toThrow(ShapeError);
    expect(run({ x })).toThrow(/tensor y/);
    expect(run({ x, y: x })).toThrow(/different buffers/);
    expect(() => rec.run(affine, { x, y: rec.like(x, "y") }, { alpha: 1 })).toThrow(/parameter shift/);
    const misdeclared = defineKernel({ ...affine.spec, tensors: { x: ["T", "C"] } });
    expect(() => rec.run(misdeclared, { x }, {})).toThrow(ShaderError);
  });

  it("reports a shader that does not compile with position and line", async () => {
    const device = await sharedDevice();
    const broken = defineKernel({
      ...affine.spec,
      wgsl: [source.replace("f32(params.shift)", "params.shift")],
    });
    const rec = new Recorder(device, "broken");
    const x = rec.input("x", [2, 3], "f32");
    rec.run(broken, { x, y: rec.output(rec.like(x, "y")) }, { alpha: 1, shift: 0 });
    await expect(rec.build()).rejects.toThrow(
      /affine.forward does not compile[\s\S]*\d+:\d+[\s\S]*params.alpha/,
    );
  });

  it("throws the budget table before it allocates", async () => {
    const device = await Device.create({ gpu: await dawnGpu(), memoryBudgetBytes: 100_000 });
    const rec = new Recorder(device, "greedy");
    const x = rec.input("x", [1000, 64], "f32");
    rec.run(affine, { x, y: rec.output(rec.like(x, "y")) }, { alpha: 1, shift: 0 });
    await expect(rec.build()).rejects.toThrow(MemoryBudgetError);
    await expect(rec.build()).rejects.toThrow(/inputs, outputs and parameters +0\.49 MiB/);
    expect(device.liveBytes).toBe(0);
    device.destroy();
  });

  it("splits a tensor above the binding limit by rows", async () => {
    const device = await Device.create({ gpu: await dawnGpu(), maxBindingBytes: 64 * 16 * 4 });
    const data = Float32Array.from({ length: 200 * 16 }, (_, index) => index);
    const tensor = device.tensor("wide", [200, 16], "f32", data);
    expect(tensor.storage.shards?.map((shard) => shard.begin)).toEqual([0, 64, 128, 192]);
    expect([...(await device.read(tensor))]).toEqual([...data]);
    expect(windowShards(tensor, 64, 100).map((part) => [part.begin, part.tensor.shape[0]])).toEqual([
      [64, 64],
      [128, 36],
    ]);
    expect(() =>
      new Recorder(device, "rows").run(affine, { x: tensor, y: tensor }, { alpha: 1, shift: 0 }),
    ).not.toThrow(TypeError);
    device.destroy();
  });

  it("names a lost device in every call that follows", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const tensor = device.tensor("x", [4], "f32");
    device.handle.destroy();
    expect(await device.lost).toBeInstanceOf(DeviceLostError);
    await expect(device.read(tensor)).rejects.toThrow(DeviceLostError);
    expect(() => device.tensor("y", [4], "f32")).toThrow(DeviceLostError);
  });

  it("times every dispatch where timestamps exist", async () => {
    const device = await sharedDevice();
    const rec = new Recorder(device, "profile");
    const x = rec.input("x", [512, 512], "f32");
    const y = rec.output(rec.like(x, "y"));
    rec.scope("layer", () => rec.run(affine, { x, y }, { alpha: 1, shift: 0 }));
    const program = await rec.build();
    const rowsOf = await program.profile();
    expect(rowsOf).toHaveLength(1);
    expect(rowsOf[0].kernel).toBe("affine.forward");
    expect(rowsOf[0].scope).toBe("layer");
    expect(rowsOf[0].ms).toBeGreaterThan(0);
    program.destroy();
  });
});
