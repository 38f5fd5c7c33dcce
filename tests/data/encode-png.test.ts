import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../src/data/decode-image.ts";
import { encodePng } from "../../src/data/encode-png.ts";
import { Rng } from "../../src/util/rng.ts";

function picture(width: number, height: number) {
  const rng = new Rng(width * 1000 + height);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => rng.below(256)) };
}

describe("a picture comes back as it was, read by libpng", () => {
  test.each([
    [1, 1],
    [7, 3],
    [3, 7],
    [300, 200],
  ])("%i × %i", async (width, height) => {
    const image = picture(width, height);
    expect(await decodeImage(await encodePng(image))).toEqual(image);
  });
});

test("rows are stored unfiltered, one byte before each", async () => {
  const image = picture(2, 2);
  const bytes = Buffer.from(await encodePng(image));
  const begin = bytes.indexOf("IDAT") + 4;
  const rows = inflateSync(bytes.subarray(begin, begin + bytes.readUInt32BE(begin - 8)));
  expect([...rows]).toEqual([0, ...image.data.subarray(0, 6), 0, ...image.data.subarray(6)]);
});

test("bytes that are no picture are refused", async () => {
  await expect(encodePng({ width: 2, height: 2, data: new Uint8Array(11) })).rejects.toThrow(/11/);
});
