import { describe, expect, test } from "vitest";
import { checkImagePath, folderImages, type ImageLookup } from "../../../src/data/images/lookup.ts";
import { openSplitFile, partStem, splitZipImages } from "../../../src/data/images/split-archive.ts";
import { zipImages } from "../../../src/data/images/zip-images.ts";
import { fileSource, memorySource, type FileSource } from "../../../src/storage/source.ts";
import { CorruptFileError, InvalidOptionError, MissingFileError } from "../../../src/util/errors.ts";
import { Rng } from "../../../src/util/rng.ts";
import { madeParts, madeZip, type MadeZipOptions } from "../../support/zip.ts";

/** Some that pack well and some that do not. */
function pictures(count: number): Map<string, Uint8Array> {
  const rng = new Rng(5, 0);
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const packs = index % 2 === 0;
      const bytes = Uint8Array.from({ length: 200 + index }, () => (packs ? 7 : rng.below(256)));
      return [`coco/träin/${index}.jpg`, bytes];
    }),
  );
}

async function expectAll(images: ImageLookup, expected: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of expected) {
    expect(await images.has(path)).toBe(true);
    expect(await images.read(path)).toEqual(bytes);
  }
  expect(await images.has("coco/none.jpg")).toBe(false);
  await expect(images.read("coco/none.jpg")).rejects.toThrow(MissingFileError);
}

const all = pictures(60);

describe("paths", () => {
  test.each([
    ["a/b.png", "a/b.png"],
    ["./a//b.png", "a/b.png"],
    ["a\\b.png", "a/b.png"],
    [" a/./b c.png ", "a/b c.png"],
    ["..a/b..png", "..a/b..png"],
  ])("%j is looked up as %j", (given, path) => {
    expect(checkImagePath(given)).toEqual({ path });
  });

  test.each([
    "../a.png",
    "a/../../b.png",
    "a/..",
    "..\\a.png",
    "/a.png",
    "\\a.png",
    "~/a.png",
    "c:\\a.png",
    "file:///a.png",
    "data:image/png;base64,AAAA",
    "a\0.png",
    "",
    "./",
  ])("%j is refused, before any file is looked for", async (path) => {
    expect(checkImagePath(path)).toHaveProperty("why");
    const images = folderImages({
      ...memorySource({}),
      exists: () => Promise.reject(new Error("looked for")),
    });
    await expect(images.has(path)).rejects.toThrow(InvalidOptionError);
    await expect(images.read(path)).rejects.toThrow(InvalidOptionError);
  });
});

test("images in a folder", async () => {
  await expectAll(folderImages(memorySource(all)), all);
  const picked = new Map(
    [...all].map(([path, bytes]) => [`images/${path}`, new Blob([new Uint8Array(bytes)])]),
  );
  const images = folderImages(fileSource(picked));
  // A folder that all files have in common is left out, be it the picked one or one in it.
  expect(await images.read("coco/träin/7.jpg")).toEqual(all.get("coco/träin/7.jpg"));
});

describe("a zip archive", () => {
  test.each<[string, MadeZipOptions]>([
    ["deflated", {}],
    ["stored", { level: 0 }],
    ["zip64", { zip64: true }],
    ["with a comment", { comment: "made up PK\u0005\u0006" }],
  ])("%s gives its files", async (_, options) => {
    const bytes = await madeZip(all, options);
    await expectAll(await zipImages({ source: memorySource({ "x.zip": bytes }), path: "x.zip" }), all);
  });

  test("with all in one folder is looked into with its name and without it", async () => {
    const bytes = await madeZip(new Map([...all].map(([path, file]) => [`image/${path}`, file])));
    const images = await zipImages({ source: memorySource({ "x.zip": bytes }), path: "x.zip" });
    await expectAll(images, all);
    expect(await images.has("image/coco/träin/3.jpg")).toBe(true);
  });

  test("is read where a file is, and nowhere else", async () => {
    const bytes = await madeZip(all, { level: 0 });
    let read = 0;
    const inner = memorySource({ "x.zip": bytes });
    const source: FileSource = {
      ...inner,
      read: (path, begin = 0, end = bytes.length) => {
        read += end - begin;
        return inner.read(path, begin, end);
      },
    };
    const images = await zipImages({ source, path: "x.zip" });
    read = 0;
    const file = await images.read("coco/träin/50.jpg");
    expect(read).toBe(30 + file.length);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    [
      "cut at its end",
      (bytes) => bytes.slice(0, -30),
      /its end is missing: it is truncated, or no zip archive/,
    ],
    ["cut at its beginning", (bytes) => bytes.slice(500), /500 bytes before its end are missing/],
    ["no archive", () => new Uint8Array(3000), /its end is missing/],
    ["empty", () => new Uint8Array(0), /its end is missing/],
  ])("%s is named", async (_, change, message) => {
    for (const zip64 of [false, true]) {
      const bytes = change(await madeZip(all, { zip64 }));
      const opening = zipImages({ source: memorySource({ "x.zip": bytes }), path: "x.zip" });
      await expect(opening).rejects.toThrow(CorruptFileError);
      await expect(opening).rejects.toThrow(message);
    }
  });

  test("with a changed byte in a file says so of that file alone", async () => {
    for (const level of [0, 6]) {
      const bytes = await madeZip(
        new Map([
          ["a", new Uint8Array(900).fill(3)],
          ["b", Uint8Array.of(1)],
        ]),
        { level },
      );
      bytes[40] ^= 0x55;
      const images = await zipImages({ source: memorySource({ "x.zip": bytes }), path: "x.zip" });
      await expect(images.read("a")).rejects.toThrow(/^a of x\.zip in memory: got/);
      expect(await images.read("b")).toEqual(Uint8Array.of(1));
    }
  });
});

describe("an archive in parts, aa to ap", () => {
  const parts = async (zip64 = true) => {
    const archive = await madeZip(all, { zip64 });
    const made = madeParts(archive, Math.ceil(archive.length / 16));
    expect([...made.keys()].at(-1)).toBe("image.zip.part-ap");
    return made;
  };
  const open = (files: Map<string, Uint8Array>) => splitZipImages(memorySource(files), "image.zip");

  test("gives its files, those that lie across parts too", async () => {
    for (const zip64 of [false, true]) await expectAll(await open(await parts(zip64)), all);
  });

  test("is one file of all bytes", async () => {
    const files = await parts();
    const { source, path, parts: found } = await openSplitFile(memorySource(files), "image.zip");
    const whole = new Uint8Array([...files.values()].flatMap((bytes) => [...bytes]));
    expect(found).toHaveLength(16);
    expect(await source.size(path)).toBe(whole.length);
    expect(await source.read(path)).toEqual(whole);
    const [from, to] = [found[0].bytes - 3, 2 * found[0].bytes + 5];
    expect(await source.read(path, from, to)).toEqual(whole.slice(from, to));
    await expect(source.read(path, 0, whole.length + 1)).rejects.toThrow(CorruptFileError);
    await expect(source.read("other.zip")).rejects.toThrow(MissingFileError);
  });

  test("of more than 26 parts is opened, too", async () => {
    const archive = await madeZip(all);
    const files = madeParts(archive, Math.ceil(archive.length / 30));
    expect([...files.keys()].at(-1)).toBe("image.zip.part-bd");
    await expectAll(await open(files), all);
  });

  test.each([["aa"], ["ab", "ag"], ["ao"]])("names the parts that are missing: %s", async (...missing) => {
    const files = await parts();
    for (const suffix of missing) files.delete(`image.zip.part-${suffix}`);
    const names = missing.map((suffix) => `image.zip.part-${suffix}`).join(", ");
    await expect(open(files)).rejects.toThrow(MissingFileError);
    await expect(open(files)).rejects.toThrow(`${names}: not found in memory`);
  });

  test.each(["aa", "ah", "ao"])("names a part that is truncated: %s", async (suffix) => {
    const files = await parts();
    const name = `image.zip.part-${suffix}`;
    files.set(name, files.get(name)!.slice(0, -10));
    await expect(open(files)).rejects.toThrow(CorruptFileError);
    await expect(open(files)).rejects.toThrow(new RegExp(`^${name} \\(\\d+ bytes\\) in memory: truncated`));
  });

  test("names what is wrong at its end: the last part truncated, or missing", async () => {
    const cut = await parts();
    cut.set("image.zip.part-ap", cut.get("image.zip.part-ap")!.slice(0, -1));
    await expect(open(cut)).rejects.toThrow("image.zip.part-ap (");
    await expect(open(cut)).rejects.toThrow("is truncated, or image.zip.part-aq and what follows is missing");
    const short = await parts();
    short.delete("image.zip.part-ap");
    await expect(open(short)).rejects.toThrow("image.zip.part-ap and what follows is missing");
  });

  test("of two, of which the first lost bytes that no length shows", async () => {
    const archive = await madeZip(all);
    const files = madeParts(archive, archive.length - 600);
    files.set("image.zip.part-aa", files.get("image.zip.part-aa")!.slice(0, -4));
    await expect(open(files)).rejects.toThrow("image.zip.part-aa is truncated by 4 bytes");
  });

  test("of none says which was looked for", async () => {
    await expect(open(new Map())).rejects.toThrow("image.zip.part-aa: not found in memory");
  });

  test("names of parts", () => {
    expect(partStem("image.zip.part-ab")).toBe("image.zip");
    expect(partStem("image.zip")).toBeNull();
  });
});
