import { describe, expect, it } from "vitest";
import type { Device, TensorData } from "../../src/gpu/device.ts";
import { shards } from "../../src/gpu/tensor.ts";
import { embeddingOrder, emitEmbedding, emitEmbeddingBackwardW } from "../../src/kernels/embedding.ts";
import type { Weight, WeightFormat } from "../../src/kernels/weight.ts";
import { embeddingBackward, embeddingForward } from "../../src/reference/embedding.ts";
import { floatToHalf, halfToFloat } from "../../src/util/half.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { integers, normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();
const formats: readonly WeightFormat[] = ["f32", "f16", "q8", "q4"];

/** A weight with random contents, and its values in float64. */
function randomWeight(on: Device, format: WeightFormat, N: number, K: number, group: 32 | 64) {
  const bits = { f32: 32, f16: 16, q8: 8, q4: 4 }[format];
  const quantized = format === "q8" || format === "q4";
  const padded = quantized ? Math.ceil(K / group) * group : K;
  const [W, G] = [Math.ceil((padded * bits) / 32), padded / group];
  const normal = normals(N * K, 1);
  const q = integers(N * padded, 2 ** bits, 2);
  const pairs = Uint32Array.from(normals(N * G * 2, 3), floatToHalf); // s and b of each group, as half floats
  const values = new Float64Array(N * K);
  const words: TensorData = format === "f32" ? new Float32Array(N * W) : new Uint32Array(N * W);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const i = n * K + k;
      if (format === "f32") words[n * W + k] = values[i] = normal[i];
      else if (format === "f16") {
        const half = floatToHalf(normal[i]);
        values[i] = halfToFloat(half);
        words[n * W + (k >> 1)] |= half << (16 * (k % 2));
      } else {
        const element = q[n * padded + k];
        const pair = 2 * (n * G + Math.floor(k / group));
        values[i] = halfToFloat(pairs[pair]) * element + halfToFloat(pairs[pair + 1]);
        words[n * W + Math.floor((k * bits) / 32)] |= element << ((k * bits) % 32);
      }
    }
  }
  const packed = Uint32Array.from({ length: N * G }, (_, i) => pairs[2 * i] | (pairs[2 * i + 1] << 16));
  const data = on.tensor("data", [N, W], format === "f32" ? "f32" : "u32", words);
  const scales = quantized ? on.tensor("scales", [N, G], "u32", packed) : undefined;
  const w: Weight = { format, N, K, group, data, scales };
  return { w, values };
}

function lookUp(on: Device, w: Weight, ids: Uint32Array, dtype: "f32" | "f16" = "f32") {
  return once(
    on,
    (rec) => {
      const y = rec.tensor("y", [ids.length, w.K], dtype);
      emitEmbedding(rec, { ids: rec.input("ids", [ids.length], "u32"), w, y });
      return { y };
    },
    { ids },
  );
}

describe.each(formats)("lookup in a weight of format %s", (format) => {
  it.each([
    { T: 1, N: 1, K: 32, group: 32 as const },
    { T: 7, N: 11, K: 65, group: 32 as const },
    { T: 33, N: 300, K: 200, group: 64 as const },
  ])("$T tokens, $N rows of $K in groups of $group", async ({ T, N, K, group }) => {
    const { w, values } = randomWeight(device, format, N, K, group);
    const ids = integers(T, N, 4);
    if (T > 1) ids.set([N, 0xffff_ffff, N - 1]); // two that are no rows, and the last row
    const { y } = await lookUp(device, w, ids);
    // s · q + b of up to 255 · 4: the rounding of the product is absolute.
    const { rel } = tolerance("f32");
    expectClose(y, embeddingForward(ids, values, K), { abs: 256 * rel, rel }, "y");
  });

  it("takes rows from every shard, whose borders differ for data and scales", async () => {
    const small = await sharedDevice({ maxBindingBytes: 6144 });
    const { w, values } = randomWeight(small, format, 2000, 24, 32);
    expect(shards(w.data).length).toBeGreaterThan(1);
    if (w.scales) expect(shards(w.scales).map(({ begin }) => begin)).toEqual([0, 1536]);
    const ids = Uint32Array.of(1999, 0, 63, 64, 2000, 383, 384, 1535, 1536);
    const { y } = await lookUp(small, w, ids);
    const { rel } = tolerance("f32");
    expectClose(y, embeddingForward(ids, values, 24), { abs: 256 * rel, rel }, "y");
  });
});

it.each(scalarTypes(device))("writes activations as %s", async (dtype) => {
  const { w, values } = randomWeight(device, "f32", 9, 10, 32);
  const ids = integers(5, 9, 4);
  const { y } = await lookUp(device, w, ids, dtype);
  expectClose(y, embeddingForward(ids, values, 10), tolerance(dtype), "y");
});

it("looks up more than 65,535 workgroups", async () => {
  const { w, values } = randomWeight(device, "q4", 50, 61, 32);
  const ids = integers(70_001, 50, 4);
  const { y } = await lookUp(device, w, ids);
  expectClose(y, embeddingForward(ids, values, 61), { abs: 256 * tolerance("f32").rel, rel: 0 }, "y");
});

it("refuses another width than the weight's", async () => {
  const { w } = randomWeight(device, "f32", 2, 8, 32);
  const record = once(device, (rec) => {
    const y = rec.tensor("y", [1, 9], "f32");
    emitEmbedding(rec, { ids: rec.input("ids", [1], "u32"), w, y });
    return { y };
  });
  await expect(record).rejects.toThrow(/embedding: width of y.*\[T, 8\]/);
});

describe("embeddingOrder", () => {
  it("groups tokens by id, in the tokens' order within an id", () => {
    const { order, offsets, rows } = embeddingOrder(Uint32Array.of(4, 0, 4, 9, 2, 4), 5);
    expect([...order]).toEqual([1, 4, 0, 2, 5]);
    expect([...offsets]).toEqual([0, 1, 2, 5]);
    expect([...rows]).toEqual([0, 2, 4]);
  });

  it("of no token is no group", () => {
    const { order, offsets, rows } = embeddingOrder(Uint32Array.of(7), 5);
    expect([order.length, [...offsets], rows.length]).toEqual([0, [0], 0]);
  });
});

describe.each(scalarTypes(device))("gradient from %s", (dtype) => {
  it.each([
    { T: 1, V: 3, C: 4 },
    { T: 97, V: 11, C: 65 },
    // More than 65,535 workgroups: about 59,000 distinct ids.
    ...(dtype === "f32" ? [{ T: 70_001, V: 200_000, C: 90 }] : []),
  ])("$T tokens of $V ids, width $C, added to what is there", async ({ T, V, C }) => {
    const ids = integers(T, V + 1, 5); // the last is no row
    const { order, offsets, rows } = embeddingOrder(ids, V);
    const dy = stored(dtype, normals(T * C, 6));
    const before = device.tensor("dw", [V, C], "f32", Float32Array.from(normals(V * C, 7)));
    await once(
      device,
      (rec) => {
        const count = rec.dim("U", Math.min(T, V));
        emitEmbeddingBackwardW(rec, {
          dy: rec.input("dy", [T, C], dtype),
          order: rec.input("order", [T], "u32"),
          offsets: rec.input("offsets", [Math.min(T, V) + 1], "u32"),
          rows: rec.input("rows", [count], "u32"),
          dw: before,
        });
        return {};
      },
      { dy, order, offsets, rows },
      { U: rows.length },
    );
    const after = await device.read(before);
    const initial = normals(V * C, 7);
    const expected = embeddingBackward(ids, dy, V, C).map((d, i) => d + initial[i]);
    expectClose(after, expected, tolerance("f32", T / V), "dw");
    device.freeTensor(before);
  });
});

it("adds to every shard of a large gradient", async () => {
  const small = await sharedDevice({ maxBindingBytes: 6144 });
  const [V, C] = [300, 12];
  const ids = Uint32Array.of(299, 0, 128, 127, 299, 256);
  const { order, offsets, rows } = embeddingOrder(ids, V);
  const dy = normals(ids.length * C, 1);
  const dw = small.tensor("dw", [V, C], "f32");
  expect(shards(dw).length).toBe(3);
  await once(
    small,
    (rec) => {
      emitEmbeddingBackwardW(rec, {
        dy: rec.input("dy", [ids.length, C], "f32"),
        order: rec.input("order", [order.length], "u32"),
        offsets: rec.input("offsets", [offsets.length], "u32"),
        rows: rec.input("rows", [rows.length], "u32"),
        dw,
      });
      return {};
    },
    { dy, order, offsets, rows },
  );
  expectClose(await small.read(dw), embeddingBackward(ids, dy, V, C), tolerance("f32", 2), "dw");
});
