import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dequantize, quantize } from "../../src/reference/quantize.ts";
import {
  dequantizeMatrix,
  dequantizeWords,
  joinScales,
  packedRows,
  parseQuantization,
  quantizationEntry,
  splitScales,
} from "../../src/storage/mlx.ts";
import { parseSafetensors } from "../../src/storage/safetensors.ts";
import { CorruptFileError, UnsupportedModelError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { fixturePath } from "../support/fixtures.ts";
import { normals } from "../support/random.ts";

describe("words of MLX", () => {
  it("stand for the fixture's values", async () => {
    const table = await parseSafetensors(readFileSync(fixturePath("mlx_4bit.safetensors")));
    const data = new Uint32Array((await table.readBytes("weight")).buffer);
    const [scales, biases] = [await table.readFloat32("scales"), await table.readFloat32("biases")];
    const expected = await table.readFloat32("dequant");
    const words = joinScales(scales, biases);
    if (!words) throw new Error("the fixture's scales are halves");
    expect(words.length).toBe(24 * 4);
    const values = dequantizeWords(data, scales, biases, { bits: 4, group: 64 });
    expectClose(values, expected, { abs: 0, rel: 2 ** -22 }, "dequantized");
    const packed = { bits: 4, group: 64, N: 24, K: 256, data, scales: words } as const;
    expect(dequantizeMatrix(packed)).toEqual(values);
  });

  it.each([
    [4, 32],
    [4, 64],
    [8, 32],
    [8, 64],
  ] as const)("of %i bits in groups of %i are those of our quantizer", (bits, group) => {
    const shape = { N: 5, K: 128, bits, group };
    const packed = { ...shape, ...quantize(normals(5 * 128, bits + group, 0.1), shape) };
    const expected = Float32Array.from(dequantize(packed, shape));
    expect(dequantizeMatrix(packed)).toEqual(expected);
    const middle = packedRows(packed, 2, 2);
    expect(dequantizeMatrix(middle)).toEqual(expected.slice(2 * 128, 4 * 128));
  });

  it("join scales and biases that are halves, and only those", () => {
    const words = Uint32Array.of(0x3c003800, 0x8001_7bff);
    const { scales, biases } = splitScales(words);
    expect([[...scales], [...biases]]).toEqual([
      [0x3800, 0x7bff],
      [0x3c00, 0x8001],
    ]);
    expect(joinScales(Float32Array.of(0.5, 65_504), Float32Array.of(1, -(2 ** -24)))).toEqual(words);
    expect(joinScales(Float32Array.of(1 + 2 ** -11), Float32Array.of(0))).toBeUndefined();
    expect(joinScales(Float32Array.of(1), Float32Array.of(1e6))).toBeUndefined();
  });
});

describe("the quantization entry", () => {
  it("is read with its modules, and written again", () => {
    const entry = {
      group_size: 64,
      bits: 4,
      mode: "affine",
      "model.embed_tokens": { group_size: 32, bits: 8 },
      "visual.merger": false,
    };
    const parsed = parseQuantization(entry);
    expect(parsed).toEqual({
      group: 64,
      bits: 4,
      modules: new Map<string, unknown>([
        ["model.embed_tokens", { group: 32, bits: 8 }],
        ["visual.merger", false],
      ]),
    });
    const { mode, ...rest } = entry;
    expect(mode).toBe("affine");
    expect(quantizationEntry(parsed)).toEqual(rest);
  });

  it.each([
    [{ group_size: 64, bits: 3 }, /affine, 3 bits in groups of 64; supported: affine, 4 or 8 bits/],
    [{ group_size: 128, bits: 4 }, /groups of 128; supported: .* groups of 32 or 64/],
    [{ group_size: 32, bits: 4, mode: "mxfp4" }, /got mxfp4/],
    [{ group_size: 32, bits: 4, "model.norm": { group_size: 16, bits: 4 } }, /model\.norm: got .* of 16/],
  ])("is refused where it asks for what there is not: %o", (entry, message) => {
    expect(() => parseQuantization(entry)).toThrow(UnsupportedModelError);
    expect(() => parseQuantization(entry)).toThrow(message);
  });

  it.each([[{ bits: 4 }], ["4bit"], [{ group_size: 32, bits: "4" }], [{ group_size: 32, bits: 4, x: null }]])(
    "is refused where it has another form: %o",
    (entry) => {
      expect(() => parseQuantization(entry)).toThrow(CorruptFileError);
      expect(() => parseQuantization(entry)).toThrow(
        /config\.json: quantization.*expected {group_size, bits}/,
      );
    },
  );
});
