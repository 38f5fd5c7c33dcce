import { describe, expect, it } from "vitest";
import { narrowHalf, toFloat32, widenHalf } from "../../src/storage/dtype.ts";
import {
  openCheckpoint,
  openSafetensors,
  parseSafetensors,
  writeSafetensors,
  type TensorData,
} from "../../src/storage/safetensors.ts";
import { memorySource, type FileSource } from "../../src/storage/source.ts";
import {
  CorruptFileError,
  InvalidOptionError,
  MissingFileError,
  MissingTensorError,
  ShapeError,
} from "../../src/util/errors.ts";
import { fixtureSource } from "../support/fixtures.ts";

const tensors: TensorData[] = [
  { name: "w", dtype: "F32", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: "flags", dtype: "U8", shape: [3], data: Uint8Array.of(7, 8, 9) },
  { name: "ids", dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 5n) },
  { name: "empty", dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
  { name: "scalar", dtype: "F32", shape: [], data: Float32Array.of(2.5) },
];

/** A file with a header written by hand. */
function craft(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.byteLength + dataBytes);
  new DataView(file.buffer).setBigUint64(0, headerLength ?? BigInt(json.byteLength), true);
  file.set(json, 8);
  return file;
}
const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("safetensors", () => {
  it("round-trips, byte for byte the same for the same content in any order", async () => {
    const file = writeSafetensors(tensors, { format: "pt", a: "b" });
    expect(writeSafetensors([...tensors].reverse(), { a: "b", format: "pt" })).toEqual(file);
    const table = await parseSafetensors(file);
    expect(table.metadata).toEqual({ a: "b", format: "pt" });
    expect(new Set(table.tensors.keys())).toEqual(new Set(tensors.map((tensor) => tensor.name)));
    expect(await table.readFloat32("w")).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(await table.readFloat32("ids")).toEqual(Float32Array.of(-1, 5));
    expect(await table.readFloat32("scalar")).toEqual(Float32Array.of(2.5));
    expect(await table.readBytes("empty")).toHaveLength(0);
    expect(await table.readBytes("flags")).toEqual(Uint8Array.of(7, 8, 9));
    const rows = await table.readRows("w", 1, 2);
    expect(new Float32Array(rows.buffer)).toEqual(Float32Array.of(3, 4, 5, 6));
  });

  it("aligns the data to 8 bytes", () => {
    for (const name of ["x", "xx", "xxx", "xxxx", "xxxxx"]) {
      const file = writeSafetensors([{ name, dtype: "U8", shape: [1], data: Uint8Array.of(1) }]);
      expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0);
    }
  });

  it("reads a file written by another implementation, in parts", async () => {
    const source = fixtureSource("qwen2_5_vl_tiny");
    const read: number[] = [];
    const counting: FileSource = {
      ...source,
      read: async (path, begin, end, options) => {
        const bytes = await source.read(path, begin, end, options);
        read.push(bytes.byteLength);
        return bytes;
      },
    };
    const table = await openCheckpoint(counting);
    expect(table.tensors.size).toBe(68);
    expect(table.tensors.get("visual.patch_embed.proj.weight")?.shape).toEqual([32, 3, 2, 4, 4]);
    read.length = 0;
    const whole = await table.readFloat32("model.embed_tokens.weight");
    const rows = new Float32Array((await table.readRows("model.embed_tokens.weight", 100, 3)).buffer);
    expect(rows).toEqual(whole.slice(100 * 64, 103 * 64));
    expect(read).toEqual([384 * 64 * 4, 3 * 64 * 4]);
  });

  it("opens shards, and names what is missing", async () => {
    const shard = (name: string) => writeSafetensors(tensors.filter((tensor) => tensor.name === name));
    const index = (map: Record<string, string>) =>
      new TextEncoder().encode(JSON.stringify({ weight_map: map }));
    const files = {
      "model.safetensors.index.json": index({ w: "a.safetensors", flags: "b.safetensors" }),
      "a.safetensors": shard("w"),
      "b.safetensors": shard("flags"),
    };
    const table = await openCheckpoint(memorySource(files));
    expect([...table.tensors.keys()]).toEqual(["w", "flags"]);
    expect(await table.readBytes("flags")).toEqual(Uint8Array.of(7, 8, 9));

    const noShard = memorySource({ ...files, "model.safetensors.index.json": index({ w: "c.safetensors" }) });
    await expect(openCheckpoint(noShard)).rejects.toThrow(MissingFileError);
    await expect(openCheckpoint(noShard)).rejects.toThrow(/c\.safetensors/);
    const noTensor = memorySource({
      ...files,
      "model.safetensors.index.json": index({ v: "a.safetensors" }),
    });
    await expect(openCheckpoint(noTensor)).rejects.toThrow(/tensor v is listed in a\.safetensors/);
    const noMap = memorySource({ "model.safetensors.index.json": new TextEncoder().encode("{}") });
    await expect(openCheckpoint(noMap)).rejects.toThrow(/weight_map/);
    await expect(openCheckpoint(memorySource({}))).rejects.toThrow(/model\.safetensors/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(3), /got 3 bytes/],
    ["a header longer than the file", craft({}, 0, 1000n), /header length of 1000/],
    ["an absurd header length", craft({}, 0, 0xffffffffffffffffn), /header length of 18446744073709551615/],
    ["another format", new TextEncoder().encode("<!doctype html><title>404</title>"), /header length/],
    ["a header that is not JSON", craft("{nope", 0), /not JSON/],
    ["a header that is no object", craft("[1,2]", 0), /not an object/],
    ["an unknown dtype", craft({ x: entry("F4", [2], 0, 1) }, 1), /tensor x: got dtype F4/],
    ["a negative extent", craft({ x: entry("F32", [-1], 0, 4) }, 4), /shape \[-1\]/],
    ["offsets the wrong way round", craft({ x: entry("F32", [1], 4, 0) }, 4), /data_offsets \[4,0\]/],
    ["a size unlike its shape", craft({ x: entry("F32", [2, 2], 0, 12) }, 12), /got 12 bytes, expected 16/],
    ["truncated data", craft({ x: entry("F32", [2], 0, 8) }, 5), /truncated.*tensor x/],
    [
      "overlapping tensors",
      craft({ x: entry("F32", [2], 0, 8), y: entry("F32", [2], 4, 12) }, 12),
      /x and y overlap/,
    ],
    ["an entry that is no object", craft({ x: 5 }, 0), /tensor x/],
  ])("refuses %s", async (_, file, message) => {
    await expect(parseSafetensors(file)).rejects.toThrow(CorruptFileError);
    await expect(parseSafetensors(file)).rejects.toThrow(message);
  });

  it("refuses every truncation of a good file", async () => {
    const file = writeSafetensors(tensors);
    for (let length = 0; length < file.byteLength; length++) {
      await expect(parseSafetensors(file.slice(0, length)), `${length} bytes`).rejects.toThrow(
        CorruptFileError,
      );
    }
  });

  it("refuses unknown tensors and rows", async () => {
    const table = await parseSafetensors(writeSafetensors(tensors));
    await expect(table.readBytes("v")).rejects.toThrow(MissingTensorError);
    await expect(table.readRows("w", 2, 2)).rejects.toThrow(ShapeError);
    await expect(table.readRows("w", -1, 1)).rejects.toThrow(ShapeError);
  });

  it("refuses to write data unlike its shape, or a name twice", () => {
    expect(() => writeSafetensors([{ ...tensors[0], shape: [2, 2] }])).toThrow(ShapeError);
    expect(() => writeSafetensors([tensors[0], tensors[0]])).toThrow(InvalidOptionError);
  });

  it("hands the abort signal down", async () => {
    const source = memorySource({ f: writeSafetensors(tensors) });
    const table = await openSafetensors(source, "f");
    await expect(table.readBytes("w", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("dtypes", () => {
  it("widens every half to the value of its definition", () => {
    const halves = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const wide = widenHalf(halves);
    for (let i = 0; i < 0x10000; i++) {
      const exponent = (i >> 10) & 31;
      const fraction = (i & 1023) / 1024;
      const sign = i & 0x8000 ? -1 : 1;
      let expected = sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
      if (exponent === 31) expected = fraction === 0 ? sign * Infinity : NaN;
      if (!Object.is(wide[i], expected)) expect.fail(`half ${i}: got ${wide[i]}, expected ${expected}`);
    }
  });

  it("narrows back every half, and rounds to nearest even", () => {
    const finite = Uint16Array.from({ length: 0x10000 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
    expect(narrowHalf(widenHalf(finite))).toEqual(finite);
    const cases: [number, number][] = [
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1 + 2 ** -11 + 2 ** -20, 0x3c01],
      [65519, 0x7bff],
      [65520, 0x7c00],
      [-Infinity, 0xfc00],
      [NaN, 0x7e00],
      [2 ** -25, 0],
      [2 ** -25 + 2 ** -40, 1],
      [3 * 2 ** -25, 2],
      [2 ** -14 - 2 ** -26, 0x0400],
    ];
    for (const [value, half] of cases) expect(narrowHalf([value])[0], String(value)).toBe(half);
  });

  it("widens bfloat16 and integers, at any offset", () => {
    const file = Uint8Array.of(9, 0x80, 0x3f, 0x20, 0xc1);
    expect(toFloat32(file.subarray(1), "BF16")).toEqual(Float32Array.of(1, -10));
    expect(toFloat32(Uint8Array.of(255, 255, 255, 255), "I32")).toEqual(Float32Array.of(-1));
    expect(toFloat32(Uint8Array.of(255, 1), "I8")).toEqual(Float32Array.of(-1, 1));
    expect(() => toFloat32(new Uint8Array(3), "BF16")).toThrow(ShapeError);
  });
});
