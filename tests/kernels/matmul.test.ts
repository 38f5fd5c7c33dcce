import { describe, expect, it } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { sizesAtCapacity, variantKey } from "../../src/gpu/kernel.ts";
import type { Constants } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import {
  emitBiasBackward,
  emitMatmul,
  emitMatmulBackwardW,
  emitMatmulBackwardX,
} from "../../src/kernels/matmul.ts";
import { createWeight } from "../../src/kernels/quantize.ts";
import { freeWeight } from "../../src/kernels/weight.ts";
import type { Weight, WeightFormat } from "../../src/kernels/weight.ts";
import { matmulBackward, matmulForward } from "../../src/reference/matmul.ts";
import { dequantize, nearestHalf, quantize } from "../../src/reference/quantize.ts";
import { halfToFloat } from "../../src/util/half.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();
const formats: { format: WeightFormat; group: 32 | 64 }[] = [
  { format: "f32", group: 32 },
  { format: "f16", group: 32 },
  { format: "q8", group: 32 },
  { format: "q8", group: 64 },
  { format: "q4", group: 32 },
  { format: "q4", group: 64 },
];

/** A weight on the GPU and the values that its storage format stands for. */
async function weight(
  on: Device,
  spec: { format: WeightFormat; group: 32 | 64; N: number; K: number },
  seed: number,
): Promise<{ w: Weight; values: Float64Array }> {
  const { format, N, K } = spec;
  const source = normals(N * K, seed, 1 / Math.sqrt(K));
  const w = await createWeight(on, "w", spec, Float32Array.from(source));
  if (format === "f32") return { w, values: source };
  if (format === "f16") return { w, values: source.map((value) => halfToFloat(nearestHalf(value))) };
  const shape = { ...spec, bits: format === "q8" ? 8 : 4 } as const;
  return { w, values: dequantize(quantize(source, shape), shape) };
}

/** Forward and input gradient against the reference. */
async function compare(
  on: Device,
  spec: { format: WeightFormat; group: 32 | 64; T: number; N: number; K: number },
  dtype: "f32" | "f16" = "f32",
): Promise<void> {
  const { T, N, K } = spec;
  const { w, values } = await weight(on, spec, 1);
  const x = stored(dtype, normals(T * K, 2));
  const dy = stored(dtype, normals(T * N, 3));
  const got = await once(
    on,
    (rec) => {
      const x = rec.input("x", [T, K], dtype);
      const dy = rec.input("dy", [T, N], dtype);
      const y = rec.like(dy, "y");
      const dx = rec.like(x, "dx");
      emitMatmul(rec, { x, w, y });
      emitMatmulBackwardX(rec, { dy, w, dx });
      return { y, dx };
    },
    { x, dy },
  );
  freeWeight(on, w);
  const shape = { T, N, K, x, w: values };
  expectClose(got.y, matmulForward(shape), tolerance(dtype, K), "y");
  expectClose(got.dx, matmulBackward({ ...shape, dy }).dx, tolerance(dtype, N), "dx");
}

const shapes = [
  { T: 1, N: 64, K: 64 },
  { T: 3, N: 5, K: 1 },
  { T: 2, N: 1, K: 7 },
  { T: 5, N: 130, K: 68 },
  { T: 17, N: 257, K: 100 },
  { T: 33, N: 66, K: 129 },
  { T: 64, N: 300, K: 256 },
];

describe.each(formats)("$format in groups of $group", ({ format, group }) => {
  it.each(shapes)("y [$T, $N] and dx [$T, $K]", async (shape) =>
    compare(device, { format, group, ...shape }),
  );
});

describe.each(scalarTypes(device))("%s activations", (dtype) => {
  it.each([
    { T: 9, N: 36, K: 40 },
    { T: 3, N: 7, K: 9 },
  ])("every format, [$T, $N, $K]", async (shape) => {
    for (const spec of formats) await compare(device, { ...spec, ...shape }, dtype);
  });
});

describe("without subgroups and f16", () => {
  it.each(formats)("$format in groups of $group", async (spec) => {
    const plain = await sharedDevice({ subgroups: false, f16: false });
    await compare(plain, { ...spec, T: 17, N: 257, K: 100 });
    await compare(plain, { ...spec, T: 3, N: 12, K: 64 });
  });
});

it.each([
  { format: "f32", group: 32 },
  { format: "q4", group: 32 },
  { format: "q8", group: 64 },
] as const)("a weight in shards of rows, $format", async (spec) => {
  const small = await sharedDevice({ maxBindingBytes: 64 * 1024 });
  const shape = { ...spec, T: 5, N: 1003, K: 200 };
  const { w } = await weight(small, shape, 1);
  expect(w.data.storage.shards?.length).toBeGreaterThan(1);
  freeWeight(small, w);
  await compare(small, shape);
});

it("spreads more than 65,535 workgroups", async () => {
  await compare(device, { format: "f32", group: 32, T: 70_001, N: 3, K: 2 });
  await compare(device, { format: "f32", group: 32, T: 3, N: 2, K: 4 });
});

describe("options", () => {
  const [T, N, K] = [19, 44, 52];
  const spec = { format: "q8", group: 32, T, N, K } as const;
  const x = normals(T * K, 2);
  const dy = normals(T * N, 3);
  const bias = normals(N, 4);
  const add = normals(T * N, 5);
  const before = normals(T * Math.max(N, K), 6);

  it("bias, alpha from the run, residual, accumulation", async () => {
    const { w, values } = await weight(device, spec, 1);
    const shape = { T, N, K, x, w: values };
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, K], "f32");
        const dy = rec.input("dy", [T, N], "f32");
        const bias = rec.input("bias", [N], "f32");
        const add = rec.input("add", [T, N], "f32");
        const y = rec.input("y", [T, N], "f32");
        const dx = rec.input("dx", [T, K], "f32");
        const residual = rec.like(y, "residual");
        const alpha = rec.scalar("alpha");
        emitMatmul(rec, { x, w, y, bias, alpha, accumulate: true });
        emitMatmul(rec, { x, w, y: residual, bias, add });
        emitMatmulBackwardX(rec, { dy, w, dx, alpha: 0.25, accumulate: true });
        return { y, residual, dx };
      },
      { x, dy, bias, add, y: before.subarray(0, T * N), dx: before.subarray(0, T * K) },
      { alpha: -1.5 },
    );
    const y = matmulForward({ ...shape, bias, add: before, alpha: -1.5 });
    expectClose(got.y, y, tolerance("f32", K), "y");
    expectClose(got.residual, matmulForward({ ...shape, bias, add }), tolerance("f32", K), "residual");
    const dx = matmulBackward({ ...shape, dy, alpha: 0.25 }).dx.map((value, i) => value + before[i]);
    expectClose(got.dx, dx, tolerance("f32", N), "dx");
    freeWeight(device, w);
  });

  it("a runtime number of rows, and a window of rows", async () => {
    const { w, values } = await weight(device, { ...spec, K: 64 }, 1);
    const x = normals(40 * 64, 2);
    const got = await once(
      device,
      (rec) => {
        const tokens = rec.dim("T", 40);
        const x = rec.input("x", [tokens, 64], "f32");
        const whole = rec.input("whole", [40, 64], "f32");
        const y = rec.tensor("y", [tokens, N], "f32");
        const part = rec.tensor("part", [6, N], "f32");
        rec.zero(y);
        emitMatmul(rec, { x, w, y });
        emitMatmul(rec, { x: rec.rows(whole, 30, 6), w, y: part });
        return { y, part };
      },
      { x, whole: x },
      { T: 21 },
    );
    const y = matmulForward({ T: 40, N, K: 64, x, w: values });
    expectClose(got.y.subarray(0, 21 * N), y.subarray(0, 21 * N), tolerance("f32", 64), "y");
    expect(got.y.subarray(21 * N).every((value) => value === 0)).toBe(true);
    expectClose(got.part, y.subarray(30 * N, 36 * N), tolerance("f32", 64), "part");
    freeWeight(device, w);
  });

  it.each(formats)("one row gives the same bits as many rows ($format)", async ({ format, group }) => {
    const { w } = await weight(device, { format, group, N: 70, K: 224 }, 1);
    const x = normals(37 * 224, 2);
    const run = async (T: number) => {
      const record = { x: x.subarray(0, T * 224) };
      const got = await once(
        device,
        (rec) => {
          const y = rec.tensor("y", [T, 70], "f32");
          emitMatmul(rec, { x: rec.input("x", [T, 224], "f32"), w, y });
          return { y };
        },
        record,
      );
      return got.y;
    };
    const all = await run(37);
    for (const T of [1, 2, 5, 8, 12]) expect(await run(T)).toEqual(all.subarray(0, T * 70));
    freeWeight(device, w);
  });
});

describe.each(scalarTypes(device))("weight and bias gradients, %s", (dtype) => {
  it.each([
    { T: 1, N: 1, K: 1 },
    { T: 7, N: 66, K: 33 },
    { T: 40, N: 36, K: 132 },
    { T: 2, N: 70_001, K: 3 },
    { T: 301, N: 20, K: 260 },
  ])("[$T, $N, $K]", async ({ T, N, K }) => {
    const x = stored(dtype, normals(T * K, 1));
    const dy = stored(dtype, normals(T * N, 2));
    const before = normals(N * K, 3);
    const { dw, dbias } = matmulBackward({ T, N, K, x, w: new Float64Array(N * K), dy });
    const got = await once(
      device,
      (rec) => {
        const x = rec.input("x", [T, K], dtype);
        const dy = rec.input("dy", [T, N], dtype);
        const sum = rec.input("sum", [N, K], "f32");
        const dw = rec.like(sum, "dw");
        const db = rec.tensor("db", [N], "f32");
        const dbSum = rec.input("dbSum", [N], "f32");
        emitMatmulBackwardW(rec, { dy, x, dw: sum, alpha: 0.5, accumulate: true });
        emitMatmulBackwardW(rec, { dy, x, dw });
        emitBiasBackward(rec, { dy, db });
        emitBiasBackward(rec, { dy, db: dbSum, accumulate: true });
        return { sum, dw, db, dbSum };
      },
      { x, dy, sum: before, dbSum: before.subarray(0, N) },
    );
    expectClose(got.dw, dw, tolerance("f32", T), "dw");
    expectClose(
      got.sum,
      dw.map((value, i) => before[i] + 0.5 * value),
      tolerance("f32", T),
      "sum",
    );
    expectClose(got.db, dbias, tolerance("f32", T), "db");
    expectClose(
      got.dbSum,
      dbias.map((value, n) => value + before[n]),
      tolerance("f32", T),
      "db sum",
    );
  });
});

/** Records, pins one variant after the other for what was recorded, and compares each with the reference. */
async function everyVariant(
  spec: { format: WeightFormat; group: 32 | 64; T: number; N: number; K: number },
  wanted: (constants: Constants) => boolean,
): Promise<number> {
  const { T, N, K } = spec;
  const { w } = await weight(device, spec, 1);
  const rec = new Recorder(device, "variants");
  const x = rec.input("x", [T, K], "f32");
  const dy = rec.input("dy", [T, N], "f32");
  emitMatmul(rec, { x, w, y: rec.like(dy, "y") });
  emitMatmulBackwardX(rec, { dy, w, dx: rec.like(x, "dx") });
  freeWeight(device, w);
  let tried = 0;
  for (const command of rec.commands) {
    if (command.kind !== "dispatch") throw new Error("expected dispatches alone");
    const key = variantKey(command.kernel, sizesAtCapacity(command.values));
    for (const [index, variant] of command.kernel.variants.entries()) {
      if (!device.canRun(variant) || !wanted(variant.constants)) continue;
      device.pinnedVariants.set(key, index);
      await compare(device, spec);
      tried++;
    }
    device.pinnedVariants.delete(key);
  }
  return tried;
}

describe("variants", () => {
  it("all of q4", async () => {
    expect(await everyVariant({ format: "q4", group: 64, T: 6, N: 70, K: 288 }, () => true)).toBeGreaterThan(
      10,
    );
  }, 180_000);

  it.each(["f32", "f16", "q8"] as const)("split along k: %s", async (format) => {
    const split = ({ SPLIT, TILE_T }: Constants) => Number(SPLIT ?? 1) > 1 && TILE_T === 4;
    expect(await everyVariant({ format, group: 64, T: 6, N: 70, K: 288 }, split)).toBe(1);
  });
});

it("refuses shapes that do not fit", async () => {
  const { w } = await weight(device, { format: "f32", group: 32, N: 8, K: 4 }, 1);
  const record = once(device, (rec) => {
    const y = rec.tensor("y", [2, 8], "f32");
    emitMatmul(rec, { x: rec.input("x", [2, 5], "f32"), w, y });
    return { y };
  });
  await expect(record).rejects.toThrow(/matmul: x: got \[2, 5\], expected \[T, 4\]/);
});
