import { describe, expect, it } from "vitest";
import { defineKernel } from "../../src/gpu/kernel.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import {
  emitRmsNorm,
  emitRmsNormBackwardW,
  emitRmsNormBackwardX,
  rmsNormBackwardX,
  rmsNormForward,
} from "../../src/kernels/rms-norm.ts";
import { rmsNormBackward, rmsNormForward as rmsNormForwardReference } from "../../src/reference/rms-norm.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();
const eps = 1e-6;
/** Narrow rows may lie close to zero, where 1/√ would magnify rounding: their eps bounds rstd. */
const manyRows = { T: 70_001, C: 3, eps: 0.1 };

describe.each(scalarTypes(device))("%s", (dtype) => {
  it.each([
    { T: 1, C: 64, eps },
    { T: 3, C: 65, eps },
    { T: 130, C: 700, eps },
    { T: 7, C: 2048, eps },
    ...(dtype === "f32" ? [manyRows] : []),
  ])("forward and gradients of [$T, $C]", async ({ T, C, eps }) => {
    const x = stored(dtype, normals(T * C, 1));
    const w = normals(C, 2);
    const dy = stored(dtype, normals(T * C, 3));
    const add = stored(dtype, normals(T * C, 4));
    const dw = normals(C, 5);

    const { y, rstd } = rmsNormForwardReference({ x, w, eps, T, C });
    const gradient = rmsNormBackward({ x, w, rstd, dy, add, T, C });
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, C], dtype);
        const w = rec.input("w", [C], "f32");
        const dy = rec.input("dy", [T, C], dtype);
        const add = rec.input("add", [T, C], dtype);
        const dw = rec.input("dw", [C], "f32");
        const y = rec.like(x, "y");
        const rstd = rec.tensor("rstd", [T], "f32");
        const dx = rec.like(x, "dx");
        const plain = rec.like(x, "plain");
        emitRmsNorm(rec, { x, w, y, rstd, eps });
        emitRmsNormBackwardX(rec, { x, w, rstd, dy, dx, add });
        emitRmsNormBackwardX(rec, { x, w, rstd, dy, dx: plain });
        emitRmsNormBackwardW(rec, { x, rstd, dy, dw });
        return { y, rstd, dx, plain, dw };
      },
      { x, w, dy, add, dw },
    );

    expectClose(got.y, y, tolerance(dtype, C), "y");
    expectClose(got.rstd, rstd, tolerance("f32", C), "rstd");
    expectClose(got.dx, gradient.dx, tolerance(dtype, C), "dx with add");
    expectClose(got.plain, rmsNormBackward({ x, w, rstd, dy, T, C }).dx, tolerance(dtype, C), "dx");
    expectClose(
      got.dw,
      gradient.dw.map((d, c) => d + dw[c]),
      tolerance("f32", T),
      "dw",
    );
  });
});

it("norms within heads, with a runtime number of tokens", async () => {
  const [capacity, T, H, D] = [40, 29, 3, 16];
  const x = normals(T * H * D, 1);
  const w = normals(D, 2);
  const dy = normals(T * H * D, 3);
  const { y, rstd } = rmsNormForwardReference({ x, w, eps, T: T * H, C: D });
  const gradient = rmsNormBackward({ x, w, rstd, dy, T: T * H, C: D });
  const got = await once(
    device,
    (rec) => {
      const tokens = rec.dim("T", capacity);
      const x = rec.input("x", [tokens, H, D], "f32");
      const w = rec.input("w", [D], "f32");
      const dy = rec.input("dy", [tokens, H, D], "f32");
      const dw = rec.tensor("dw", [D], "f32");
      const y = rec.like(x, "y");
      const rstd = rec.tensor("rstd", [tokens, H], "f32");
      const dx = rec.like(x, "dx");
      rec.zero(dw);
      emitRmsNorm(rec, { x, w, y, rstd, eps });
      emitRmsNormBackwardX(rec, { x, w, rstd, dy, dx });
      emitRmsNormBackwardW(rec, { x, rstd, dy, dw });
      return { y, dx, dw };
    },
    { x, w, dy },
    { T },
  );
  expectClose(got.y.subarray(0, T * H * D), y, tolerance("f32", D), "y");
  expectClose(got.dx.subarray(0, T * H * D), gradient.dx, tolerance("f32", D), "dx");
  expectClose(got.dw, gradient.dw, tolerance("f32", T * H), "dw");
});

describe.each(
  rmsNormForward.variants.map((variant) => [JSON.stringify(variant.constants), variant] as const),
)("variant %s", (_, variant) => {
  it("sum the same rows", async () => {
    const [T, C] = [5, 300];
    const x = normals(T * C, 1);
    const w = normals(C, 2);
    const dy = normals(T * C, 3);
    const { y, rstd } = rmsNormForwardReference({ x, w, eps, T, C });
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, 1, C], "f32");
        const w = rec.input("w", [C], "f32");
        const dy = rec.input("dy", [T, 1, C], "f32");
        const [y, dx] = [rec.like(x, "y"), rec.like(x, "dx")];
        const rstd = rec.tensor("rstd", [T, 1], "f32");
        const pinned = (kernel: Kernel) =>
          defineKernel({ ...kernel.spec, variants: [variant], choose: undefined });
        rec.run(pinned(rmsNormForward), { x, w, y, rstd }, { eps, has_add: 0 });
        rec.run(pinned(rmsNormBackwardX), { x, w, rstd, dy, dx }, { eps, has_add: 0 });
        return { y, dx };
      },
      { x, w, dy },
    );
    expectClose(got.y, y, tolerance("f32", C), "y");
    expectClose(got.dx, rmsNormBackward({ x, w, rstd, dy, T, C }).dx, tolerance("f32", C), "dx");
  });
});

it("gives the weight the same gradient to the bit, run after run", async () => {
  const [T, C] = [1000, 33];
  const inputs = { x: normals(T * C, 1), rstd: normals(T, 2), dy: normals(T * C, 3), dw: normals(C, 4) };
  const gradient = () =>
    once(
      device,
      (rec) => {
        const dw = rec.input("dw", [C], "f32");
        const x = rec.input("x", [T, C], "f32");
        emitRmsNormBackwardW(rec, {
          x,
          rstd: rec.input("rstd", [T], "f32"),
          dy: rec.input("dy", [T, C], "f32"),
          dw,
        });
        return { dw };
      },
      inputs,
    );
  expect((await gradient()).dw).toEqual((await gradient()).dw);
});

it("refuses a weight of another width", async () => {
  const record = once(device, (rec) => {
    const x = rec.input("x", [2, 8], "f32");
    const y = rec.like(x, "y");
    emitRmsNorm(rec, { x, w: rec.input("w", [9], "f32"), y, rstd: rec.tensor("rstd", [2], "f32"), eps });
    return { y };
  });
  await expect(record).rejects.toThrow(/rms-norm.forward.*\(C\)/);
});
