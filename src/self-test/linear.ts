import { emitEmbedding, emitEmbeddingBackwardW, embeddingOrder } from "../kernels/embedding.ts";
import { emitBiasBackward, emitMatmul, emitMatmulBackwardW, emitMatmulBackwardX } from "../kernels/matmul.ts";
import { emitLora, emitLoraBackward } from "../kernels/lora.ts";
import { createWeight, emitQuantize } from "../kernels/quantize.ts";
import { allocateWeight, freeWeight } from "../kernels/weight.ts";
import type { Weight, WeightFormat } from "../kernels/weight.ts";
import { embeddingBackward, embeddingForward } from "../reference/embedding.ts";
import { loraBackward, loraForward } from "../reference/lora.ts";
import { matmulBackward, matmulForward } from "../reference/matmul.ts";
import { dequantize, packHalves, quantize } from "../reference/quantize.ts";
import type { Device } from "../gpu/device.ts";
import { halfToFloat } from "../util/half.ts";
import { integers, normals, runOnce, tolerance } from "./case.ts";
import type { Check, Floats, SelfTestCase } from "./case.ts";

const formats: readonly WeightFormat[] = ["f32", "f16", "q8", "q4"];
// One row past a tile, a width that is no whole group, a number of outputs that is no whole vec4.
const shape = { T: 33, N: 37, K: 76 };
const group = 32;

export function linearCases(dtypes: readonly Floats[]): SelfTestCase[] {
  const cases: SelfTestCase[] = [];
  for (const format of formats) {
    for (const dtype of dtypes) {
      const part = `${format} weight, ${dtype}`;
      cases.push({
        kernel: "matmul",
        part: `${part}, forward`,
        run: (device) => matmulForwardCase(device, format, dtype),
      });
      cases.push({
        kernel: "matmul",
        part: `${part}, backward x`,
        run: (device) => matmulBackwardXCase(device, format, dtype),
      });
    }
  }
  for (const format of formats) {
    const run = (device: Device) => matmulForwardCase(device, format, "f32", 1);
    cases.push({ kernel: "matmul", part: `${format} weight, one row`, run });
  }
  for (const dtype of dtypes) {
    cases.push({
      kernel: "matmul",
      part: `${dtype}, backward w and bias`,
      run: (device) => matmulBackwardWCase(device, dtype),
    });
  }
  for (const format of formats) {
    const run = (device: Device) => loraCase(device, format, "f32", 8);
    cases.push({ kernel: "lora", part: `${format} weight, forward and backward`, run });
  }
  const unfused = (device: Device) => loraCase(device, "q8", "f32", 6);
  cases.push({ kernel: "lora", part: "rank 6, forward and backward", run: unfused });
  for (const dtype of dtypes.filter((name) => name !== "f32")) {
    const run = (device: Device) => loraCase(device, "q8", dtype, 8);
    cases.push({ kernel: "lora", part: `${dtype}, forward and backward`, run });
  }
  for (const format of ["f16", "q8", "q4"] as const) {
    cases.push({ kernel: "quantize", part: `to ${format}`, run: (device) => quantizeCase(device, format) });
  }
  for (const format of formats) {
    cases.push({
      kernel: "embedding",
      part: `${format} forward`,
      run: (device) => embeddingCase(device, format),
    });
  }
  cases.push({ kernel: "embedding", part: "backward", run: embeddingBackwardCase });
  return cases;
}

/** What the words of a weight of this format stand for, from values [N, K]. */
function rounded(
  values: Float64Array,
  format: WeightFormat,
  { N, K }: { N: number; K: number },
): Float64Array {
  if (format === "f32") return values;
  if (format === "f16") {
    const words = packHalves(values, { N, K });
    const width = Math.ceil(K / 2);
    return values.map((_, i) => {
      const k = i % K;
      return halfToFloat((words[Math.floor(i / K) * width + Math.floor(k / 2)] >>> ((k % 2) * 16)) & 0xffff);
    });
  }
  const quantized = { N, K, group, bits: format === "q8" ? 8 : 4 } as const;
  return dequantize(quantize(values, quantized), quantized);
}

/** A weight of this format for as long as `use` runs, and the values that it holds. */
async function withWeight<T>(
  device: Device,
  format: WeightFormat,
  { N, K }: { N: number; K: number },
  use: (w: Weight, values: Float64Array) => Promise<T>,
): Promise<T> {
  const values = normals(N * K, 2);
  const w = await createWeight(device, "w", { format, N, K, group }, Float32Array.from(values));
  try {
    return await use(w, rounded(values, format, { N, K }));
  } finally {
    freeWeight(device, w);
  }
}

function matmulForwardCase(
  device: Device,
  format: WeightFormat,
  dtype: Floats,
  T = shape.T,
): Promise<Check[]> {
  const { N, K } = shape;
  return withWeight(device, format, shape, async (w, values) => {
    const x = normals(T * K, 1, dtype);
    const bias = normals(N, 3);
    const add = normals(T * N, 4, dtype);
    const { y } = await runOnce(
      device,
      (rec) => {
        const y = rec.tensor("y", [T, N], dtype);
        const inputs = {
          x: rec.input("x", [T, K], dtype),
          bias: rec.input("bias", [N], "f32"),
          add: rec.input("add", [T, N], dtype),
        };
        emitMatmul(rec, { ...inputs, w, y, alpha: 0.5 });
        return { y };
      },
      { x, bias, add },
    );
    const expected = matmulForward({ x, w: values, bias, add, alpha: 0.5, T, N, K });
    return [{ what: "y", actual: y, expected, tolerance: tolerance(dtype, K) }];
  });
}

function matmulBackwardXCase(device: Device, format: WeightFormat, dtype: Floats): Promise<Check[]> {
  const { T, N, K } = shape;
  return withWeight(device, format, shape, async (w, values) => {
    const dy = normals(T * N, 5, dtype);
    const { dx } = await runOnce(
      device,
      (rec) => {
        const dx = rec.tensor("dx", [T, K], dtype);
        emitMatmulBackwardX(rec, { dy: rec.input("dy", [T, N], dtype), w, dx });
        return { dx };
      },
      { dy },
    );
    const expected = matmulBackward({ x: new Float64Array(T * K), w: values, dy, T, N, K }).dx;
    return [{ what: "dx", actual: dx, expected, tolerance: tolerance(dtype, N) }];
  });
}

async function matmulBackwardWCase(device: Device, dtype: Floats): Promise<Check[]> {
  const { T, N, K } = shape;
  const x = normals(T * K, 1, dtype);
  const dy = normals(T * N, 5, dtype);
  const { dw, db } = await runOnce(
    device,
    (rec) => {
      const dw = rec.tensor("dw", [N, K], "f32");
      const db = rec.tensor("db", [N], "f32");
      const gradient = rec.input("dy", [T, N], dtype);
      emitMatmulBackwardW(rec, { dy: gradient, x: rec.input("x", [T, K], dtype), dw });
      emitBiasBackward(rec, { dy: gradient, db });
      return { dw, db };
    },
    { x, dy },
  );
  const expected = matmulBackward({ x, w: new Float64Array(N * K), dy, T, N, K });
  return [
    { what: "dw", actual: dw, expected: expected.dw, tolerance: tolerance("f32", T) },
    { what: "db", actual: db, expected: expected.dbias, tolerance: tolerance("f32", T) },
  ];
}

/** y = x·Wᵀ + bias + add + s·(x·Aᵀ)·Bᵀ and the gradients of x, A and B. A rank that is no multiple of 4 is not fused (and rounds a y of f16 twice). */
function loraCase(device: Device, format: WeightFormat, dtype: Floats, R: number): Promise<Check[]> {
  const { T, N, K } = shape;
  const scale = 2;
  return withWeight(device, format, shape, async (w, values) => {
    const inputs = {
      x: normals(T * K, 1, dtype),
      a: normals(R * K, 6),
      b: normals(N * R, 7),
      bias: normals(N, 3),
      add: normals(T * N, 4, dtype),
      dy: normals(T * N, 5, dtype),
    };
    const got = await runOnce(
      device,
      (rec) => {
        const x = rec.input("x", [T, K], dtype);
        const a = rec.input("a", [R, K], "f32");
        const b = rec.input("b", [N, R], "f32");
        const bias = rec.input("bias", [N], "f32");
        const add = rec.input("add", [T, N], dtype);
        const y = rec.like(add, "y");
        const z = rec.tensor("z", [T, R], "f32");
        const dx = rec.like(x, "dx");
        const da = rec.like(a, "da");
        const db = rec.like(b, "db");
        rec.zero(da);
        rec.zero(db);
        emitLora(rec, { x, w, bias, add, a, b, z, y, scale });
        emitLoraBackward(rec, { dy: rec.input("dy", [T, N], dtype), x, z, w, a, b, dx, da, db, scale });
        return { y, z, da, db, dx };
      },
      inputs,
    );
    const reference = { ...inputs, w: values, T, N, K, R, scale };
    const forward = loraForward(reference);
    const backward = loraBackward({ ...reference, z: forward.z });
    // Two products in a row: errors of the first are multiplied by the second's matrix.
    const [floats, activations] = [tolerance("f32", N * R, 4), tolerance(dtype, N * R, 4)];
    return [
      { what: "y", actual: got.y, expected: forward.y, tolerance: activations },
      { what: "z", actual: got.z, expected: forward.z, tolerance: floats },
      { what: "dB", actual: got.db, expected: backward.db, tolerance: floats },
      { what: "dA", actual: got.da, expected: backward.da, tolerance: floats },
      { what: "dx", actual: got.dx, expected: backward.dx, tolerance: activations },
    ];
  });
}

/** Bits, not values: the shader and its twin round alike. */
async function quantizeCase(device: Device, format: "f16" | "q8" | "q4"): Promise<Check[]> {
  const { N, K } = shape;
  const values = normals(N * K, 2);
  const w = allocateWeight(device, "w", { format, N, K, group });
  try {
    await runOnce(
      device,
      (rec) => {
        emitQuantize(rec, { x: rec.input("x", [N * K], "f32"), encoding: "f32", w });
        return {};
      },
      { x: values },
    );
    const data = await device.read(w.data);
    if (!w.scales)
      return [{ what: "words", actual: data, expected: packHalves(values, { N, K }), tolerance: 0 }];
    const expected = quantize(values, { N, K, group, bits: format === "q8" ? 8 : 4 });
    return [
      { what: "words", actual: data, expected: expected.data, tolerance: 0 },
      { what: "scales", actual: await device.read(w.scales), expected: expected.scales, tolerance: 0 },
    ];
  } finally {
    freeWeight(device, w);
  }
}

function embeddingCase(device: Device, format: WeightFormat): Promise<Check[]> {
  const { T, N, K } = shape;
  return withWeight(device, format, shape, async (w, values) => {
    const ids = integers(T, N + 2, 8); // some are outside: rows of zeros
    const { y } = await runOnce(
      device,
      (rec) => {
        const y = rec.tensor("y", [T, K], "f32");
        emitEmbedding(rec, { ids: rec.input("ids", [T], "u32"), w, y });
        return { y };
      },
      { ids },
    );
    return [
      { what: "y", actual: y, expected: embeddingForward(ids, values, K), tolerance: tolerance("f32") },
    ];
  });
}

async function embeddingBackwardCase(device: Device): Promise<Check[]> {
  const { T, N, K } = shape;
  const ids = integers(T, 9, 8); // many tokens of the same id
  const dy = normals(T * K, 5);
  const { order, offsets, rows } = embeddingOrder(ids, N);
  const { dw } = await runOnce(
    device,
    (rec) => {
      const dw = rec.tensor("dw", [N, K], "f32");
      rec.zero(dw);
      emitEmbeddingBackwardW(rec, {
        dy: rec.input("dy", [T, K], "f32"),
        order: rec.input("order", [order.length], "u32"),
        offsets: rec.input("offsets", [offsets.length], "u32"),
        rows: rec.input("rows", [rows.length], "u32"),
        dw,
      });
      return { dw };
    },
    { dy, order, offsets, rows },
  );
  return [
    { what: "dw", actual: dw, expected: embeddingBackward(ids, dy, N, K), tolerance: tolerance("f32", T) },
  ];
}
