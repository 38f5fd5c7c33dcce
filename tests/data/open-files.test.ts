import { expect, it, test } from "vitest";
import { dataFileAt, dataFileOf, imagesAt, imagesOf } from "../../src/data/open-files.ts";
import { readText } from "../../src/storage/source.ts";
import { InvalidOptionError, MissingFileError } from "../../src/util/errors.ts";

test("a file under an address is one of the folder above it", () => {
  const { source, path } = dataFileAt("https://example.org/sets/a%20b.jsonl");
  expect([source.name, path]).toEqual(["https://example.org/sets", "a b.jsonl"]);
});

test.each([
  "https://example.org/a?key=1",
  "https://me:pw@example.org/a",
  "https://example.org/a#x",
  "a.jsonl",
  "ftp://x/a",
])("refuses %s, and shows no secret", async (address) => {
  expect(() => dataFileAt(address)).toThrow(InvalidOptionError);
  await expect(imagesAt(`${address}/`)).rejects.toThrow(InvalidOptionError);
  expect(() => dataFileAt("https://me:pw@example.org/a")).not.toThrow(/pw/);
});

it("opens files that were given: one, a folder's, the parts of an archive", async () => {
  const file = new File(["text"], "r.jsonl");
  const data = dataFileOf({ name: "r.jsonl", file });
  expect(await readText(data.source, data.path)).toBe("text");
  const folder = await imagesOf({ name: "mine", files: new Map([["top/in/a.png", new Blob(["a"])]]) });
  expect([await folder.has("in/a.png"), await folder.has("b.png")]).toEqual([true, false]);
  const parts = new Map([
    ["image.zip.part-aa", new Blob(["x"])],
    ["image.zip.part-ac", new Blob(["x"])],
  ]);
  await expect(imagesOf({ name: "parts", files: parts })).rejects.toThrow(MissingFileError);
  await expect(imagesOf({ name: "parts", files: parts })).rejects.toThrow("image.zip.part-ab: not found");
});

it("finds images of a folder by their paths from it, and from the one that it is in", async () => {
  const files = new Map([["shapes/train/1.png", new Blob(["a"])]]);
  const images = await imagesOf({ name: "mine", files });
  expect(
    await Promise.all(["shapes/train/1.png", "train/1.png", "1.png"].map((path) => images.has(path))),
  ).toEqual([true, true, false]);
  expect(await images.read("shapes/train/1.png")).toEqual(new TextEncoder().encode("a"));
  const { source, path } = dataFileOf({ name: "set/r.jsonl", file: new Blob(["text"]) });
  expect(await readText(source, path)).toBe("text");
});
