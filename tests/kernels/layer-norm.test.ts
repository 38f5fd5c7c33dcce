import { describe, it } from "vitest";
import {
  emitLayerNorm,
  emitLayerNormBackwardW,
  emitLayerNormBackwardX,
} from "../../src/kernels/layer-norm.ts";
import { layerNormBackward, layerNormForward } from "../../src/reference/layer-norm.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();
const eps = 1e-6;
/** Narrow rows may vary little, where 1/√ would magnify rounding: their eps bounds rstd. */
const manyRows = { T: 70_001, C: 5, eps: 0.1 };

describe.each(scalarTypes(device))("%s", (dtype) => {
  it.each([
    { T: 1, C: 64, eps },
    { T: 3, C: 65, eps },
    { T: 130, C: 700, eps },
    { T: 7, C: 1280, eps },
    ...(dtype === "f32" ? [manyRows] : []),
  ])("forward and gradients of [$T, $C]", async ({ T, C, eps }) => {
    // A mean of three deviations: what a variance from E[x²] would be worse at.
    const x = stored(
      dtype,
      normals(T * C, 1).map((value) => value + 3),
    );
    const w = normals(C, 2);
    const b = normals(C, 3);
    const dy = stored(dtype, normals(T * C, 4));
    const add = stored(dtype, normals(T * C, 5));
    const dw = normals(C, 6);
    const db = normals(C, 7);

    const { y, mean, rstd } = layerNormForward({ x, w, b, eps, T, C });
    const gradient = layerNormBackward({ x, w, mean, rstd, dy, add, T, C });
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, C], dtype);
        const w = rec.input("w", [C], "f32");
        const b = rec.input("b", [C], "f32");
        const dy = rec.input("dy", [T, C], dtype);
        const add = rec.input("add", [T, C], dtype);
        const dw = rec.input("dw", [C], "f32");
        const db = rec.input("db", [C], "f32");
        const y = rec.like(x, "y");
        const mean = rec.tensor("mean", [T], "f32");
        const rstd = rec.tensor("rstd", [T], "f32");
        const dx = rec.like(x, "dx");
        const plain = rec.like(x, "plain");
        emitLayerNorm(rec, { x, w, b, y, mean, rstd, eps });
        emitLayerNormBackwardX(rec, { x, w, mean, rstd, dy, dx, add });
        emitLayerNormBackwardX(rec, { x, w, mean, rstd, dy, dx: plain });
        emitLayerNormBackwardW(rec, { x, mean, rstd, dy, dw, db });
        return { y, mean, rstd, dx, plain, dw, db };
      },
      { x, w, b, dy, add, dw, db },
    );

    // Two reductions follow each other.
    expectClose(got.y, y, tolerance(dtype, 4 * C), "y");
    expectClose(got.mean, mean, tolerance("f32", C), "mean");
    expectClose(got.rstd, rstd, tolerance("f32", 4 * C), "rstd");
    expectClose(got.dx, gradient.dx, tolerance(dtype, 4 * C), "dx with add");
    const { dx } = layerNormBackward({ x, w, mean, rstd, dy, T, C });
    expectClose(got.plain, dx, tolerance(dtype, 4 * C), "dx");
    expectClose(
      got.dw,
      gradient.dw.map((d, c) => d + dw[c]),
      tolerance("f32", T),
      "dw",
    );
    expectClose(
      got.db,
      gradient.db.map((d, c) => d + db[c]),
      tolerance("f32", T),
      "db",
    );
  });
});
