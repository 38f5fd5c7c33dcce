import { describe, expect, it } from "vitest";
import { emitRope, emitRopeAngles, emitRopeBackward } from "../../src/kernels/rope.ts";
import { ropeAngles, ropeBackward, ropeForward } from "../../src/reference/rope.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { integers, normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

async function tables(positions: Int32Array, inverseFrequencies: Float32Array, axes: Uint32Array, T: number) {
  const [A, P] = [positions.length / T, axes.length];
  const inputs = { positions, inverseFrequencies, axes };
  return once(
    device,
    (rec) => {
      const cos = rec.tensor("cos", [T, P], "f32");
      const sin = rec.tensor("sin", [T, P], "f32");
      emitRopeAngles(rec, {
        positions: rec.input("positions", [A, T], "i32"),
        inverseFrequencies: rec.input("inverseFrequencies", [P], "f32"),
        axes: rec.input("axes", [P], "u32"),
        cos,
        sin,
      });
      return { cos, sin };
    },
    inputs,
  );
}

describe("angles", () => {
  it("are within 1e-6 up to 100,000 radians, on both signs", async () => {
    const T = 4001;
    const positions = Int32Array.from({ length: T }, (_, t) => (t - 2000) * 50);
    const inverseFrequencies = Float32Array.of(1, 0.7310585786, 0.1, 0.001, 1e-6);
    const axes = new Uint32Array(5);
    const got = await tables(positions, inverseFrequencies, axes, T);
    const expected = ropeAngles({ positions, inverseFrequencies, axes, T });
    expectClose(got.cos, expected.cos, { abs: 1e-6, rel: 0 }, "cos");
    expectClose(got.sin, expected.sin, { abs: 1e-6, rel: 0 }, "sin");
  });

  it("are close to the quarter turns, where the reduction changes", async () => {
    // Angles around k · π/4 as f32 values, at position 1.
    const P = 4096;
    const near = Float32Array.from({ length: P }, (_, i) => ((i >> 2) * Math.PI) / 4 + ((i & 3) - 1) * 1e-6);
    const got = await tables(Int32Array.of(1), near, new Uint32Array(P), 1);
    expectClose(got.cos, Float64Array.from(near, Math.cos), { abs: 1e-6, rel: 0 }, "cos");
    expectClose(got.sin, Float64Array.from(near, Math.sin), { abs: 1e-6, rel: 0 }, "sin");
  });

  it("give exactly 1 and 0 at position 0", async () => {
    const got = await tables(new Int32Array(3), Float32Array.of(1, 0.5), new Uint32Array(2), 3);
    expect([...got.cos]).toEqual(Array(6).fill(1));
    expect([...got.sin].map(Math.abs)).toEqual(Array(6).fill(0));
  });

  it("read each frequency's own axis: interleaved multi-axis rope, and a runtime number of tokens", async () => {
    const [capacity, T, P] = [50, 37, 64];
    const axes = Uint32Array.from({ length: P }, (_, i) => (i < 60 ? i % 3 : 0));
    const inverseFrequencies = Float32Array.from({ length: P }, (_, i) => 5e6 ** (-i / P));
    const positions = Int32Array.from(integers(3 * T, 5000, 3));
    const got = await once(
      device,
      (rec) => {
        const tokens = rec.dim("T", capacity);
        const cos = rec.tensor("cos", [tokens, P], "f32");
        const sin = rec.tensor("sin", [tokens, P], "f32");
        emitRopeAngles(rec, {
          positions: rec.input("positions", [3, tokens], "i32"),
          inverseFrequencies: rec.input("inverseFrequencies", [P], "f32"),
          axes: rec.input("axes", [P], "u32"),
          cos,
          sin,
        });
        return { cos, sin };
      },
      { positions, inverseFrequencies, axes },
      { T },
    );
    const expected = ropeAngles({ positions, inverseFrequencies, axes, T });
    expectClose(got.cos.subarray(0, T * P), expected.cos, { abs: 1e-6, rel: 0 }, "cos");
    expectClose(got.sin.subarray(0, T * P), expected.sin, { abs: 1e-6, rel: 0 }, "sin");
  });
});

describe.each(scalarTypes(device))("%s", (dtype) => {
  it.each([
    { T: 1, H: 1, D: 2 },
    { T: 5, H: 3, D: 80 },
    { T: 33, H: 14, D: 64 },
    ...(dtype === "f32" ? [{ T: 70_001, H: 5, D: 26 }] : []), // more than 65,535 workgroups
  ])("turns [$T, $H, $D] forwards, in place and not, and back", async ({ T, H, D }) => {
    const P = D / 2;
    const x = stored(dtype, normals(T * H * D, 1));
    const angles = normals(T * P, 2, 3);
    const cos = angles.map((angle) => Math.fround(Math.cos(angle)));
    const sin = angles.map((angle) => Math.fround(Math.sin(angle)));
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, H, D], dtype);
        const dx = rec.input("dx", [T, H, D], dtype);
        const cos = rec.input("cos", [T, P], "f32");
        const sin = rec.input("sin", [T, P], "f32");
        const y = rec.like(x, "y");
        emitRope(rec, { x, y, cos, sin });
        emitRope(rec, { x, cos, sin });
        emitRopeBackward(rec, { dx, cos, sin });
        return { x, y, dx };
      },
      { x, dx: x, cos, sin },
    );
    const expected = ropeForward({ x, cos, sin, T, H, D });
    expectClose(got.y, expected, tolerance(dtype), "y");
    expectClose(got.x, got.y, { abs: 0, rel: 0 }, "in place");
    expectClose(got.dx, ropeBackward({ dy: x, cos, sin, T, H, D }), tolerance(dtype), "dx");
  });
});

it("refuses tables of another width", async () => {
  const record = once(device, (rec) => {
    const x = rec.input("x", [2, 1, 8], "f32");
    emitRope(rec, { x, cos: rec.input("cos", [2, 8], "f32"), sin: rec.input("sin", [2, 8], "f32") });
    return { x };
  });
  await expect(record).rejects.toThrow(/width of the tables.*got 8, expected 4/);
});
