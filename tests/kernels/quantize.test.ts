import { describe, expect, it } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { createWeight, emitQuantize } from "../../src/kernels/quantize.ts";
import type { SourceEncoding } from "../../src/kernels/quantize.ts";
import { allocateWeight, freeWeight, weightFromPacked } from "../../src/kernels/weight.ts";
import type { Weight, WeightFormat } from "../../src/kernels/weight.ts";
import { packHalves, quantize } from "../../src/reference/quantize.ts";
import { bfloat16ToFloat, floatToHalf, halfToFloat } from "../../src/util/half.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { integers, normals } from "../support/random.ts";

const device = await sharedDevice();

const formats: { format: WeightFormat; group: 32 | 64 }[] = [
  { format: "f32", group: 32 },
  { format: "f16", group: 32 },
  { format: "q8", group: 32 },
  { format: "q8", group: 64 },
  { format: "q4", group: 32 },
  { format: "q4", group: 64 },
];

/** Data and scales words of the CPU twin. */
function twin(
  values: Float64Array,
  { format, N, K, group }: Pick<Weight, "format" | "N" | "K" | "group">,
): number[][] {
  if (format === "f32") return [[...new Uint32Array(Float32Array.from(values).buffer)]];
  if (format === "f16") return [[...packHalves(values, { N, K })]];
  const { data, scales } = quantize(values, { N, K, group, bits: format === "q8" ? 8 : 4 });
  return [[...data], [...scales]];
}

/** Data and scales words on the GPU. */
async function words(on: Device, { data, scales }: Weight): Promise<number[][]> {
  const read = await on.readAll(scales ? [data, scales] : [data]);
  return read.map((values) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)]);
}

describe.each(formats)("$format in groups of $group", ({ format, group }) => {
  it.each([
    [{ N: 3, K: 1 }, 1],
    [{ N: 5, K: 33 }, 1],
    [{ N: 70, K: 200 }, 0.02],
    [{ N: 9, K: 128 }, 3e-6],
    [{ N: 2, K: 64 }, 2e4],
  ] as const)("the same bits as the CPU twin: %o, values of %f", async ({ N, K }, scale) => {
    const values = normals(N * K, 1, scale);
    const w = await createWeight(device, "w", { format, N, K, group }, Float32Array.from(values));
    expect(await words(device, w)).toEqual(twin(values, w));
    freeWeight(device, w);
  });

  it.each(["f16", "bf16"] as const)(
    "from packed %s, rows that share words",
    async (encoding: SourceEncoding) => {
      const [N, K] = [7, 45];
      const narrow: Record<string, [(value: number) => number, (bits: number) => number]> = {
        f16: [floatToHalf, halfToFloat],
        bf16: [(value) => new Uint32Array(Float32Array.of(value).buffer)[0] >>> 16, bfloat16ToFloat],
      };
      const [toBits, toValue] = narrow[encoding];
      const bits = Array.from(normals(N * K, 2), toBits);
      const source = new Uint32Array(Math.ceil((N * K) / 2));
      bits.forEach((half, i) => (source[i >> 1] |= half << ((i & 1) * 16)));
      const w = allocateWeight(device, "w", { format, N, K, group });
      await once(
        device,
        (rec) => {
          emitQuantize(rec, { x: rec.input("x", [source.length], "u32"), encoding, w });
          return { data: w.data };
        },
        { x: source },
      );
      expect(await words(device, w)).toEqual(twin(Float64Array.from(bits, toValue), w));
      freeWeight(device, w);
    },
  );
});

it("levels of constant, mixed and far-off groups", async () => {
  const [N, K] = [6, 32];
  const rows = [0, 0.1, -3, 100, 65_504, 1e-7].map((value) => new Array<number>(K).fill(value));
  rows[3][5] = 100.05;
  const values = Float64Array.from(rows.flat(), Math.fround);
  const w = await createWeight(device, "w", { format: "q4", N, K }, Float32Array.from(values));
  expect(await words(device, w)).toEqual(twin(values, w));
  freeWeight(device, w);
});

it("fills shards, a part of the rows at a time", async () => {
  const small = await sharedDevice({ maxBindingBytes: 64 * 1024 });
  const [N, K] = [1003, 200];
  const values = normals(N * K, 3);
  for (const format of ["q4", "q8", "f16"] as const) {
    const w = await createWeight(small, "w", { format, N, K }, Float32Array.from(values));
    expect(w.data.storage.shards?.length).toBeGreaterThan(1);
    expect(await words(small, w)).toEqual(twin(values, w));
    freeWeight(small, w);
  }
});

it("takes words that are already packed", async () => {
  const [N, K] = [4, 40];
  const data = integers(N * 8, 2 ** 32, 1);
  const scales = integers(N * 2, 2 ** 32, 2);
  const w = weightFromPacked(device, "w", { format: "q4", N, K }, { data, scales });
  expect(await words(device, w)).toEqual([[...data], [...scales]]);
  expect(() => weightFromPacked(device, "w", { format: "q4", N, K }, { data })).toThrow(
    /words of scales: got 0/,
  );
  freeWeight(device, w);
});

it("refuses a source that is too short", async () => {
  const w = allocateWeight(device, "w", { format: "q4", N: 4, K: 40 });
  const record = once(device, (rec) => {
    emitQuantize(rec, { x: rec.input("x", [100], "f32"), encoding: "f32", w });
    return { data: w.data };
  });
  await expect(record).rejects.toThrow(/values: got 100, expected 4 rows of 40/);
});
