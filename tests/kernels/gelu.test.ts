import { describe, expect, it } from "vitest";
import { activationKinds, emitActivation, emitActivationBackward } from "../../src/kernels/gelu.ts";
import type { ActivationKind } from "../../src/kernels/gelu.ts";
import { activationBackward, activationForward } from "../../src/reference/gelu.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

async function both(
  dtype: "f32" | "f16",
  kind: ActivationKind,
  shape: number[],
  x: Float64Array,
  dy: Float64Array,
) {
  return once(
    device,
    (rec) => {
      const x = rec.input("x", shape, dtype);
      const dy = rec.input("dy", shape, dtype);
      const [y, dx] = [rec.like(x, "y"), rec.like(x, "dx")];
      emitActivation(rec, { kind, x, y });
      emitActivationBackward(rec, { kind, x, dy, dx });
      return { y, dx };
    },
    { x, dy },
  );
}

describe.each(scalarTypes(device))("%s", (dtype) => {
  describe.each(activationKinds)("%s", (kind) => {
    it.each([[[1, 1]], [[3, 65]], [[5, 7, 11]], [[17, 3072]]])(
      "forward and gradient of %j",
      async (shape) => {
        const count = shape.reduce((product, extent) => product * extent, 1);
        const x = stored(dtype, normals(count, 1, 2));
        const dy = stored(dtype, normals(count, 2));
        const got = await both(dtype, kind, shape, x, dy);
        expectClose(got.y, activationForward(kind, x), tolerance(dtype), "y");
        expectClose(got.dx, activationBackward(kind, x, dy), tolerance(dtype), "dx");
      },
    );
  });
});

it("reaches more than 65,535 workgroups", async () => {
  const [T, F] = [70_001, 61];
  const x = normals(T * F, 1, 2);
  const got = await both("f32", "silu", [T, F], x, x);
  expectClose(got.y, activationForward("silu", x), tolerance("f32"), "y");
  expectClose(got.dx, activationBackward("silu", x, x), tolerance("f32"), "dx");
});

it.each(activationKinds)("%s is the identity on one far side and zero on the other", async (kind) => {
  const x = Float64Array.of(-1e12, -1000, 1000, 1e12);
  const got = await both(
    "f32",
    kind,
    [1, 4],
    x,
    x.map(() => 1),
  );
  expect([...got.y].map((value) => value + 0)).toEqual([0, 0, 1000, Math.fround(1e12)]);
  expect([...got.dx].map((value) => value + 0)).toEqual([0, 0, 1, 1]);
});

it("the exact form is within 1e-6 everywhere", async () => {
  const x = Float64Array.from({ length: 16_001 }, (_, i) => Math.fround((i - 8000) / 1000));
  const got = await both(
    "f32",
    "gelu",
    [1, x.length],
    x,
    x.map(() => 1),
  );
  expectClose(got.y, activationForward("gelu", x), { abs: 1e-6, rel: 0 }, "y");
  expectClose(
    got.dx,
    activationBackward(
      "gelu",
      x,
      x.map(() => 1),
    ),
    { abs: 1e-6, rel: 0 },
    "dx",
  );
});
