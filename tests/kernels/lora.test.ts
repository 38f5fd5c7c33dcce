import { describe, expect, it } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { emitLora, emitLoraBackward } from "../../src/kernels/lora.ts";
import { emitMatmul } from "../../src/kernels/matmul.ts";
import { createWeight } from "../../src/kernels/quantize.ts";
import { freeWeight } from "../../src/kernels/weight.ts";
import type { WeightFormat } from "../../src/kernels/weight.ts";
import { loraBackward, loraForward } from "../../src/reference/lora.ts";
import { dequantize, quantize } from "../../src/reference/quantize.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

interface Case {
  format: WeightFormat;
  T: number;
  N: number;
  K: number;
  R: number;
}

async function compare(on: Device, { format, T, N, K, R }: Case): Promise<void> {
  const scale = 1.5;
  const source = normals(N * K, 1, 1 / Math.sqrt(K));
  const w = await createWeight(on, "w", { format, N, K }, Float32Array.from(source));
  const packing = { N, K, group: 32, bits: 4 } as const;
  const values = format === "q4" ? dequantize(quantize(source, packing), packing) : source;
  const inputs = {
    x: normals(T * K, 2),
    a: normals(R * K, 3, 1 / Math.sqrt(K)),
    b: normals(N * R, 4),
    bias: normals(N, 5),
    add: normals(T * N, 6),
    dy: normals(T * N, 7),
    da: normals(R * K, 8),
    db: normals(N * R, 9),
    sum: normals(T * K, 10),
  };
  const got = await once(
    on,
    (rec) => {
      const x = rec.input("x", [T, K], "f32");
      const a = rec.input("a", [R, K], "f32");
      const b = rec.input("b", [N, R], "f32");
      const bias = rec.input("bias", [N], "f32");
      const add = rec.input("add", [T, N], "f32");
      const dy = rec.input("dy", [T, N], "f32");
      const da = rec.input("da", [R, K], "f32");
      const db = rec.input("db", [N, R], "f32");
      const sum = rec.input("sum", [T, K], "f32");
      const z = rec.tensor("z", [T, R], "f32");
      const y = rec.tensor("y", [T, N], "f32");
      const dx = rec.like(x, "dx");
      const alpha = rec.scalar("scale");
      emitLora(rec, { x, w, bias, add, a, b, z, y, scale: alpha });
      emitLoraBackward(rec, { dy, x, z, w, a, b, dx, da, db, scale });
      const [daToo, dbToo] = [rec.like(da, "daToo"), rec.like(db, "dbToo")];
      emitLoraBackward(rec, {
        dy,
        x,
        z,
        w,
        a,
        b,
        dx: sum,
        da: daToo,
        db: dbToo,
        scale: alpha,
        accumulateX: true,
      });
      return { y, z, dx, da, db, sum };
    },
    inputs,
    { scale },
  );
  freeWeight(on, w);
  const shape = { T, N, K, R, scale, ...inputs, w: values };
  const { y, z } = loraForward(shape);
  const gradient = loraBackward({ ...shape, z });
  const plus = (left: Float64Array, right: Float64Array) => left.map((value, i) => value + right[i]);
  // b has no 1/√R: its products are that much larger.
  const depth = (count: number) => tolerance("f32", count * R);
  expectClose(got.z, z, tolerance("f32", K), "z");
  expectClose(got.y, y, depth(K), "y");
  expectClose(got.dx, gradient.dx, depth(N), "dx");
  expectClose(got.sum, plus(gradient.dx, inputs.sum), depth(N), "dx added");
  expectClose(got.da, plus(gradient.da, inputs.da), depth(T * N), "da");
  expectClose(got.db, plus(gradient.db, inputs.db), depth(T * K), "db");
}

describe.each(["f32", "q4"] as const)("%s weight", (format) => {
  it.each([
    { T: 1, N: 8, K: 32, R: 4 },
    { T: 19, N: 70, K: 132, R: 8 },
    { T: 33, N: 40, K: 64, R: 3 },
    { T: 6, N: 5, K: 7, R: 4 },
  ])("[$T, $N, $K] of rank $R", async (shape) => compare(device, { format, ...shape }));
});

it("without subgroups", async () => {
  await compare(await sharedDevice({ subgroups: false }), { format: "q4", T: 19, N: 72, K: 132, R: 4 });
});

it("a weight in shards of rows", async () => {
  await compare(await sharedDevice({ maxBindingBytes: 64 * 1024 }), {
    format: "f32",
    T: 5,
    N: 600,
    K: 48,
    R: 4,
  });
});

it("b = 0 gives the bits of the weight alone", async () => {
  const [T, N, K, R] = [9, 36, 64, 4];
  const w = await createWeight(device, "w", { format: "q4", N, K }, Float32Array.from(normals(N * K, 1)));
  const { y, base } = await once(
    device,
    (rec) => {
      const x = rec.input("x", [T, K], "f32");
      const bias = rec.input("bias", [N], "f32");
      const b = rec.tensor("b", [N, R], "f32");
      const z = rec.tensor("z", [T, R], "f32");
      const y = rec.tensor("y", [T, N], "f32");
      const base = rec.like(y, "base");
      rec.zero(b);
      emitLora(rec, { x, w, bias, a: rec.input("a", [R, K], "f32"), b, z, y, scale: 2 });
      emitMatmul(rec, { x, w, bias, y: base });
      return { y, base };
    },
    { x: normals(T * K, 2), a: normals(R * K, 3), bias: normals(N, 4) },
  );
  expect(y).toEqual(base);
  freeWeight(device, w);
});
