import type { Device } from "../gpu/device.ts";
import { emitAccumulate, emitAdd, emitFill, emitScale } from "../kernels/elementwise.ts";
import { activationKinds, emitActivation, emitActivationBackward } from "../kernels/gelu.ts";
import type { ActivationKind } from "../kernels/gelu.ts";
import { emitRope, emitRopeAngles, emitRopeBackward } from "../kernels/rope.ts";
import { emitGatherRows, emitScatterRows, SKIP_ROW } from "../kernels/rows.ts";
import { emitSwiglu, emitSwigluBackward } from "../kernels/swiglu.ts";
import { accumulate, add, scale } from "../reference/elementwise.ts";
import { activationBackward, activationForward } from "../reference/gelu.ts";
import { ropeAngles, ropeBackward, ropeForward } from "../reference/rope.ts";
import { gatherRows, scatterRows } from "../reference/rows.ts";
import { swigluBackward, swigluForward } from "../reference/swiglu.ts";
import { integers, normals, runOnce, tolerance } from "./case.ts";
import type { Check, Floats, SelfTestCase } from "./case.ts";

const T = 11;
const F = 37;

export function pointwiseCases(dtypes: readonly Floats[]): SelfTestCase[] {
  return dtypes.flatMap((dtype): SelfTestCase[] => [
    {
      kernel: "rope",
      part: `${dtype}, angles, forward and backward`,
      run: (device) => ropeCase(device, dtype),
    },
    { kernel: "swiglu", part: `${dtype}, forward and backward`, run: (device) => swigluCase(device, dtype) },
    ...activationKinds.map((kind): SelfTestCase => {
      const part = `${kind} ${dtype}, forward and backward`;
      return { kernel: "gelu", part, run: (device) => activationCase(device, kind, dtype) };
    }),
    {
      kernel: "elementwise",
      part: `${dtype}, add, accumulate, scale, fill`,
      run: (device) => elementwiseCase(device, dtype),
    },
    { kernel: "rows", part: `${dtype}, gather and scatter`, run: (device) => rowsCase(device, dtype) },
  ]);
}

async function ropeCase(device: Device, dtype: Floats): Promise<Check[]> {
  const H = 3;
  const D = 24;
  const P = D / 2;
  const angles = {
    positions: Int32Array.from(integers(3 * T, 4000, 1)),
    inverseFrequencies: Float32Array.from({ length: P }, (_, i) => 10_000 ** (-i / P)),
    axes: Uint32Array.from({ length: P }, (_, i) => Math.floor((3 * i) / P)),
  };
  const x = normals(T * H * D, 2, dtype);
  const got = await runOnce(
    device,
    (rec) => {
      const cos = rec.tensor("cos", [T, P], "f32");
      const sin = rec.tensor("sin", [T, P], "f32");
      const values = rec.input("x", [T, H, D], dtype);
      const dx = rec.input("dy", [T, H, D], dtype);
      const y = rec.like(values, "y");
      emitRopeAngles(rec, {
        positions: rec.input("positions", [3, T], "i32"),
        inverseFrequencies: rec.input("inverseFrequencies", [P], "f32"),
        axes: rec.input("axes", [P], "u32"),
        cos,
        sin,
      });
      emitRope(rec, { x: values, y, cos, sin });
      emitRopeBackward(rec, { dx, cos, sin });
      return { cos, sin, y, dx };
    },
    { ...angles, x, dy: x },
  );
  const tables = ropeAngles({ ...angles, T });
  // WGSL's sine is exact to 2⁻¹¹ only by its specification; the kernel reduces the angle itself and does better.
  const allowed = tolerance("f32", 1, 4);
  return [
    { what: "cos", actual: got.cos, expected: tables.cos, tolerance: allowed },
    { what: "sin", actual: got.sin, expected: tables.sin, tolerance: allowed },
    {
      what: "y",
      actual: got.y,
      expected: ropeForward({ x, ...tables, T, H, D }),
      tolerance: tolerance(dtype, 1, 8),
    },
    {
      what: "dx",
      actual: got.dx,
      expected: ropeBackward({ dy: x, ...tables, T, H, D }),
      tolerance: tolerance(dtype, 1, 8),
    },
  ];
}

async function swigluCase(device: Device, dtype: Floats): Promise<Check[]> {
  const inputs = {
    gate: normals(T * F, 1, dtype, 2),
    up: normals(T * F, 2, dtype),
    dh: normals(T * F, 3, dtype),
  };
  const got = await runOnce(
    device,
    (rec) => {
      const gate = rec.input("gate", [T, F], dtype);
      const up = rec.input("up", [T, F], dtype);
      const h = rec.like(gate, "h");
      const dgate = rec.like(gate, "dgate");
      const dup = rec.like(gate, "dup");
      emitSwiglu(rec, { gate, up, h });
      emitSwigluBackward(rec, { gate, up, dh: rec.input("dh", [T, F], dtype), dgate, dup });
      return { h, dgate, dup };
    },
    inputs,
  );
  const allowed = tolerance(dtype, 1, 4);
  const { dgate, dup } = swigluBackward(inputs);
  return [
    { what: "h", actual: got.h, expected: swigluForward(inputs), tolerance: allowed },
    { what: "dgate", actual: got.dgate, expected: dgate, tolerance: allowed },
    { what: "dup", actual: got.dup, expected: dup, tolerance: allowed },
  ];
}

async function activationCase(device: Device, kind: ActivationKind, dtype: Floats): Promise<Check[]> {
  const x = normals(T * F, 1, dtype, 2);
  const dy = normals(T * F, 2, dtype);
  const got = await runOnce(
    device,
    (rec) => {
      const values = rec.input("x", [T, F], dtype);
      const y = rec.like(values, "y");
      const dx = rec.like(values, "dx");
      emitActivation(rec, { kind, x: values, y });
      emitActivationBackward(rec, { kind, x: values, dy: rec.input("dy", [T, F], dtype), dx });
      return { y, dx };
    },
    { x, dy },
  );
  const allowed = tolerance(dtype, 1, 4);
  return [
    { what: "y", actual: got.y, expected: activationForward(kind, x), tolerance: allowed },
    { what: "dx", actual: got.dx, expected: activationBackward(kind, x, dy), tolerance: allowed },
  ];
}

async function elementwiseCase(device: Device, dtype: Floats): Promise<Check[]> {
  const a = normals(T * F, 1, dtype);
  const b = normals(T * F, 2, dtype);
  const got = await runOnce(
    device,
    (rec) => {
      const left = rec.input("a", [T, F], dtype);
      const right = rec.input("b", [T, F], dtype);
      const [sum, accumulated, scaled, filled] = ["sum", "accumulated", "scaled", "filled"].map((name) =>
        rec.like(left, name),
      );
      emitAdd(rec, { a: left, b: right, y: sum });
      rec.copy(left, accumulated);
      emitAccumulate(rec, { x: right, y: accumulated, alpha: 0.5 });
      rec.copy(left, scaled);
      emitScale(rec, { y: scaled, alpha: -3 });
      emitFill(rec, { y: filled, value: 1.5 });
      return { sum, accumulated, scaled, filled };
    },
    { a, b },
  );
  const allowed = tolerance(dtype);
  return [
    { what: "a + b", actual: got.sum, expected: add(a, b), tolerance: allowed },
    { what: "a + b/2", actual: got.accumulated, expected: accumulate(a, b, 0.5), tolerance: allowed },
    { what: "-3 a", actual: got.scaled, expected: scale(a, -3), tolerance: allowed },
    { what: "fill", actual: got.filled, expected: new Float64Array(T * F).fill(1.5), tolerance: 0 },
  ];
}

async function rowsCase(device: Device, dtype: Floats): Promise<Check[]> {
  const M = 7;
  const src = normals(M * F, 1, dtype);
  const gather = integers(T, M + 1, 2); // row M is none: zeros
  const scatter = Uint32Array.from({ length: M }, (_, m) => (m === 3 ? SKIP_ROW : (m * 4) % T));
  const got = await runOnce(
    device,
    (rec) => {
      const rows = rec.input("src", [M, F], dtype);
      const gathered = rec.tensor("gathered", [T, F], dtype);
      const scattered = rec.like(gathered, "scattered");
      emitGatherRows(rec, { src: rows, index: rec.input("gather", [T], "u32"), y: gathered });
      rec.zero(scattered);
      emitScatterRows(rec, { src: rows, index: rec.input("scatter", [M], "u32"), y: scattered });
      return { gathered, scattered };
    },
    { src, gather, scatter },
  );
  return [
    { what: "gathered", actual: got.gathered, expected: gatherRows(src, gather, F), tolerance: 0 },
    {
      what: "scattered",
      actual: got.scattered,
      expected: scatterRows(src, scatter, new Float64Array(T * F), F),
      tolerance: 0,
    },
  ];
}
