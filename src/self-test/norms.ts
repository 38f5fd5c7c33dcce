import type { Device } from "../gpu/device.ts";
import { emitLayerNorm, emitLayerNormBackwardW, emitLayerNormBackwardX } from "../kernels/layer-norm.ts";
import { emitRmsNorm, emitRmsNormBackwardW, emitRmsNormBackwardX } from "../kernels/rms-norm.ts";
import { layerNormBackward, layerNormForward } from "../reference/layer-norm.ts";
import { rmsNormBackward, rmsNormForward } from "../reference/rms-norm.ts";
import { normals, runOnce, tolerance } from "./case.ts";
import type { Check, Floats, SelfTestCase } from "./case.ts";

const T = 13;
const C = 131;
const eps = 1e-6;

export function normCases(dtypes: readonly Floats[]): SelfTestCase[] {
  return dtypes.flatMap((dtype): SelfTestCase[] => [
    {
      kernel: "rms-norm",
      part: `${dtype}, forward and backward`,
      run: (device) => rmsNormCase(device, dtype),
    },
    {
      kernel: "layer-norm",
      part: `${dtype}, forward and backward`,
      run: (device) => layerNormCase(device, dtype),
    },
  ]);
}

async function rmsNormCase(device: Device, dtype: Floats): Promise<Check[]> {
  const inputs = {
    x: normals(T * C, 1, dtype),
    w: normals(C, 2),
    dy: normals(T * C, 3, dtype),
    add: normals(T * C, 4, dtype),
  };
  const got = await runOnce(
    device,
    (rec) => {
      const x = rec.input("x", [T, C], dtype);
      const w = rec.input("w", [C], "f32");
      const dy = rec.input("dy", [T, C], dtype);
      const add = rec.input("add", [T, C], dtype);
      const y = rec.like(x, "y");
      const rstd = rec.tensor("rstd", [T], "f32");
      const dx = rec.like(x, "dx");
      const dw = rec.like(w, "dw");
      rec.zero(dw);
      emitRmsNorm(rec, { x, w, y, rstd, eps });
      emitRmsNormBackwardX(rec, { x, w, rstd, dy, dx, add });
      emitRmsNormBackwardW(rec, { x, rstd, dy, dw });
      return { y, rstd, dx, dw };
    },
    inputs,
  );
  const forward = rmsNormForward({ ...inputs, eps, T, C });
  const backward = rmsNormBackward({ ...inputs, rstd: forward.rstd, T, C });
  return [
    { what: "y", actual: got.y, expected: forward.y, tolerance: tolerance(dtype, C) },
    { what: "rstd", actual: got.rstd, expected: forward.rstd, tolerance: tolerance("f32", C) },
    { what: "dx", actual: got.dx, expected: backward.dx, tolerance: tolerance(dtype, C) },
    { what: "dw", actual: got.dw, expected: backward.dw, tolerance: tolerance("f32", C) },
  ];
}

async function layerNormCase(device: Device, dtype: Floats): Promise<Check[]> {
  const inputs = {
    x: normals(T * C, 1, dtype),
    w: normals(C, 2),
    b: normals(C, 5),
    dy: normals(T * C, 3, dtype),
  };
  const got = await runOnce(
    device,
    (rec) => {
      const x = rec.input("x", [T, C], dtype);
      const w = rec.input("w", [C], "f32");
      const b = rec.input("b", [C], "f32");
      const dy = rec.input("dy", [T, C], dtype);
      const y = rec.like(x, "y");
      const mean = rec.tensor("mean", [T], "f32");
      const rstd = rec.tensor("rstd", [T], "f32");
      const dx = rec.like(x, "dx");
      const dw = rec.like(w, "dw");
      const db = rec.like(b, "db");
      rec.zero(dw);
      rec.zero(db);
      emitLayerNorm(rec, { x, w, b, y, mean, rstd, eps });
      emitLayerNormBackwardX(rec, { x, w, mean, rstd, dy, dx });
      emitLayerNormBackwardW(rec, { x, mean, rstd, dy, dw, db });
      return { y, mean, rstd, dx, dw, db };
    },
    inputs,
  );
  const forward = layerNormForward({ ...inputs, eps, T, C });
  const backward = layerNormBackward({ ...inputs, ...forward, T, C });
  return [
    { what: "y", actual: got.y, expected: forward.y, tolerance: tolerance(dtype, C) },
    { what: "mean", actual: got.mean, expected: forward.mean, tolerance: tolerance("f32", C) },
    { what: "rstd", actual: got.rstd, expected: forward.rstd, tolerance: tolerance("f32", C) },
    { what: "dx", actual: got.dx, expected: backward.dx, tolerance: tolerance(dtype, C) },
    { what: "dw", actual: got.dw, expected: backward.dw, tolerance: tolerance("f32", C) },
    { what: "db", actual: got.db, expected: backward.db, tolerance: tolerance("f32", C) },
  ];
}
