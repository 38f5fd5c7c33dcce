import { describe, expect, it } from "vitest";
import { emitSwiglu, emitSwigluBackward } from "../../src/kernels/swiglu.ts";
import { swigluBackward, swigluForward } from "../../src/reference/swiglu.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

async function both(
  dtype: "f32" | "f16",
  T: number,
  F: number,
  inputs: Record<"gate" | "up" | "dh", Float64Array>,
) {
  return once(
    device,
    (rec) => {
      const gate = rec.input("gate", [T, F], dtype);
      const up = rec.input("up", [T, F], dtype);
      const dh = rec.input("dh", [T, F], dtype);
      const [h, dgate, dup] = [rec.like(gate, "h"), rec.like(gate, "dgate"), rec.like(gate, "dup")];
      emitSwiglu(rec, { gate, up, h });
      emitSwigluBackward(rec, { gate, up, dh, dgate, dup });
      return { h, dgate, dup };
    },
    inputs,
  );
}

describe.each(scalarTypes(device))("%s", (dtype) => {
  it.each([
    { T: 1, F: 1 },
    { T: 3, F: 65 },
    { T: 17, F: 1536 },
    ...(dtype === "f32" ? [{ T: 70_001, F: 61 }] : []), // more than 65,535 workgroups
  ])("forward and gradients of [$T, $F]", async ({ T, F }) => {
    const gate = stored(dtype, normals(T * F, 1, 3));
    const up = stored(dtype, normals(T * F, 2));
    const dh = stored(dtype, normals(T * F, 3));
    const got = await both(dtype, T, F, { gate, up, dh });
    const { dgate, dup } = swigluBackward({ gate, up, dh });
    expectClose(got.h, swigluForward({ gate, up }), tolerance(dtype), "h");
    expectClose(got.dgate, dgate, tolerance(dtype), "dgate");
    expectClose(got.dup, dup, tolerance(dtype), "dup");
  });
});

it("stays finite in both tails", async () => {
  const gate = Float64Array.of(-1e30, -1000, -88, 88, 1000, 1e30);
  const ones = gate.map(() => 1);
  const got = await both("f32", 1, 6, { gate, up: ones, dh: ones });
  expectClose(got.h, Float32Array.of(0, 0, 0, 88, 1000, 1e30), tolerance("f32"), "h");
  expectClose(got.dgate, Float32Array.of(0, 0, 0, 1, 1, 1), tolerance("f32"), "dgate");
  expect([...got.dup].every(Number.isFinite)).toBe(true);
});
