import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, type ImageInput } from "../../src/data/decode-image.ts";
import { ImageDecodeError, ShapeError } from "../../src/util/errors.ts";

// 3 × 2, every pixel of its own.
const pixels = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 200, 100, 50, 255, 255, 255]);
const expected = { width: 3, height: 2, data: pixels };
const raw = { raw: { width: 3, height: 2, channels: 3 as const } };

let folder = "";
let png = new Uint8Array();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "thinktab-"));
  png = new Uint8Array(await sharp(pixels, raw).png().toBuffer());
  await writeFile(join(folder, "a.png"), png);
});
afterAll(() => rm(folder, { recursive: true }));

describe("decodeImage", () => {
  it.each<[string, () => ImageInput]>([
    ["bytes", () => png],
    ["an ArrayBuffer", () => new Uint8Array(png).buffer],
    ["a Blob", () => new Blob([png])],
    ["a path", () => join(folder, "a.png")],
    ["a file URL", () => pathToFileURL(join(folder, "a.png"))],
    ["a file URL as text", () => pathToFileURL(join(folder, "a.png")).href],
    ["a data URL", () => `data:image/png;base64,${Buffer.from(png).toString("base64")}`],
    ["an RGB image", () => expected],
  ])("takes %s", async (_, input) => {
    expect(await decodeImage(input())).toEqual(expected);
  });

  it("drops alpha without blending", async () => {
    const rgba = Uint8Array.from([255, 0, 0, 128, 7, 8, 9, 0]);
    const file = await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(file)).data]).toEqual([255, 0, 0, 7, 8, 9]);
  });

  it("widens grey, and narrows 16 bits", async () => {
    const grey = sharp(Uint8Array.of(0, 77, 255), { raw: { width: 3, height: 1, channels: 1 } });
    const file = await grey.toColourspace("b-w").png().toBuffer();
    expect((await sharp(file).metadata()).channels).toBe(1);
    expect([...(await decodeImage(file)).data]).toEqual([0, 0, 0, 77, 77, 77, 255, 255, 255]);
    const deep = await sharp(pixels, raw).toColourspace("rgb16").png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect((await decodeImage(deep)).data).toHaveLength(18);
  });

  it("applies the EXIF orientation", async () => {
    const turned = await sharp(pixels, raw).withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await decodeImage(turned);
    expect(image).toMatchObject({ width: 2, height: 3 });
    expect([...image.data.slice(0, 6)]).toEqual([10, 20, 30, 255, 0, 0]); // bottom left, then top left
  });

  it("fetches", async () => {
    const seen: string[] = [];
    const request = (url: RequestInfo | URL) => {
      seen.push(url instanceof Request ? url.url : String(url));
      return Promise.resolve(new Response(png));
    };
    expect(await decodeImage(new URL("https://example.org/a.png"), { fetch: request })).toEqual(expected);
    expect(seen).toEqual(["https://example.org/a.png"]);
    const missing = () => Promise.resolve(new Response(null, { status: 404 }));
    await expect(decodeImage("https://example.org/b.png", { fetch: missing })).rejects.toThrow(
      /b\.png: got status 404/,
    );
  });

  it.each<[string, () => ImageInput, RegExp]>([
    ["text", () => new Blob(["hello"], { type: "text/plain" }), /image: got 5 bytes of type text\/plain/],
    ["nothing", () => new Uint8Array(0), /got 0 bytes/],
    ["a truncated file", () => png.slice(0, 50), /got 50 bytes/],
    ["a missing file", () => join(folder, "b.png"), /b\.png: could not be read.*ENOENT/],
    ["a number, from an untyped caller", () => JSON.parse("5") as ImageInput, /got 5, expected an RGB image/],
  ])("refuses %s", async (_, input, message) => {
    await expect(decodeImage(input())).rejects.toThrow(ImageDecodeError);
    await expect(decodeImage(input())).rejects.toThrow(message);
  });

  it("refuses an RGB image unlike its size, and stops when aborted", async () => {
    await expect(decodeImage({ width: 2, height: 2, data: pixels })).rejects.toThrow(ShapeError);
    const aborted = { signal: AbortSignal.abort() };
    await expect(decodeImage(png, aborted)).rejects.toMatchObject({ name: "AbortError" });
  });
});
