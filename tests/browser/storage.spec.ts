import { fileURLToPath } from "node:url";
import { expect, test, type Page } from "@playwright/test";
import { runInPage, sourceFile } from "./bundle.ts";

/** What the page's script is given of the library. */
interface Library {
  decodeImage: (typeof import("../../src/data/decode-image.ts"))["decodeImage"];
  fileSource: (typeof import("../../src/storage/source.ts"))["fileSource"];
  openRecords: (typeof import("../../src/storage/records.ts"))["openRecords"];
  opfsStore: (typeof import("../../src/storage/opfs.ts"))["opfsStore"];
  storageEstimate: (typeof import("../../src/storage/opfs.ts"))["storageEstimate"];
}
declare global {
  interface Window {
    library: Library;
  }
}

/** A script that puts the modules under test on the window. */
const entry = `
  import { decodeImage } from ${sourceFile("data/decode-image.ts")};
  import { fileSource } from ${sourceFile("storage/source.ts")};
  import { openRecords } from ${sourceFile("storage/records.ts")};
  import { opfsStore, storageEstimate } from ${sourceFile("storage/opfs.ts")};
  window.library = { decodeImage, fileSource, openRecords, opfsStore, storageEstimate };`;

// The page allows no scripts but its own; this one is the test's.
test.use({ bypassCSP: true });

async function open(page: Page): Promise<void> {
  await page.goto("./");
  await runInPage(page, entry, "library");
}

test("blobs survive a reload in the private file system, and saving is all or nothing", async ({ page }) => {
  await open(page);
  const before = await page.evaluate(async () => {
    const store = window.library.opfsStore("test-runs");
    for (const key of await store.list()) await store.delete(key);
    const none = await store.load("a.bin");
    await store.save("b.bin", new Uint8Array([7]));
    await store.save("a.bin", new Uint8Array([1, 2, 3]));
    await store.save("a.bin", new Uint8Array([4, 5]));
    await store.append("log", new Uint8Array([1]));
    await store.append("log", new Uint8Array([2, 3]));
    await store.delete("missing.bin");
    return { none, estimate: await window.library.storageEstimate() };
  });
  expect(before.none).toBeNull();
  expect(before.estimate?.quotaBytes).toBeGreaterThan(0);

  await open(page);
  const after = await page.evaluate(async () => {
    const store = window.library.opfsStore("test-runs");
    const keys = await store.list();
    const bytes = [...((await store.load("a.bin")) ?? [])];
    const log = [...((await store.load("log")) ?? [])];

    // A full disk: the stream refuses. The old blob stays, a new key does not appear.
    const refuse = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
    const original = FileSystemWritableFileStream.prototype.write;
    FileSystemWritableFileStream.prototype.write = refuse;
    const failure = async (key: string) => store.save(key, new Uint8Array([9])).then(String, String);
    const errors = [await failure("a.bin"), await failure("new.bin")];
    const unadded = await store.append("log", new Uint8Array([9])).then(String, String);
    FileSystemWritableFileStream.prototype.write = original;
    return {
      keys,
      bytes,
      log,
      unadded,
      logThen: [...((await store.load("log")) ?? [])],
      errors,
      kept: [...((await store.load("a.bin")) ?? [])],
      fresh: await store.load("new.bin"),
      keysThen: await store.list(),
    };
  });
  expect(after.keys).toEqual(["a.bin", "b.bin", "log"]);
  expect(after.bytes).toEqual([4, 5]);
  expect(after.log).toEqual([1, 2, 3]);
  expect(after.unadded).toMatch(/^StorageError: adding to log .*the storage is full/);
  expect(after.logThen).toEqual([1, 2, 3]);
  for (const error of after.errors) expect(error).toMatch(/^StorageError: saving .*the storage is full/);
  expect(after.kept).toEqual([4, 5]);
  expect(after.fresh).toBeNull();
  expect(after.keysThen).toEqual(["a.bin", "b.bin", "log"]);
});

test("records survive a reload in IndexedDB, and are checked when read", async ({ page }) => {
  await open(page);
  await page.evaluate(async () => {
    const records = await window.library.openRecords("test-records", (value) => value);
    for (const key of await records.keys()) await records.delete(key);
    await records.put("b", { step: 2 });
    await records.put("a", "text");
    records.close();
  });
  await open(page);
  const found = await page.evaluate(async () => {
    const records = await window.library.openRecords("test-records", (value) => {
      if (typeof value !== "object" || value === null) throw new Error("no record");
      return value;
    });
    return {
      keys: await records.keys(),
      b: await records.get("b"),
      none: await records.get("c"),
      refused: await records.get("a").then(String, String),
    };
  });
  expect(found).toEqual({ keys: ["a", "b"], b: { step: 2 }, none: null, refused: "Error: no record" });
});

test("a page decodes images to the same pixels as they were encoded from", async ({ page }) => {
  await open(page);
  const result = await page.evaluate(async () => {
    const rgba = new Uint8ClampedArray([255, 0, 0, 255, 10, 20, 30, 255, 200, 100, 50, 255, 1, 2, 3, 255]);
    const canvas = new OffscreenCanvas(2, 2);
    canvas.getContext("2d")?.putImageData(new ImageData(rgba, 2, 2), 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    const url = URL.createObjectURL(blob);
    const { decodeImage } = window.library;
    const inputs = [
      blob,
      url,
      await blob.arrayBuffer(),
      await createImageBitmap(blob),
      new ImageData(rgba, 2, 2),
    ];
    const decoded = [];
    for (const input of inputs) {
      const { width, height, data } = await decodeImage(input);
      decoded.push([width, height, ...data]);
    }
    const refused = await decodeImage(new Blob(["no image"], { type: "image/png" })).then(String, String);
    return { decoded, refused };
  });
  expect(result.decoded).toHaveLength(5);
  for (const image of result.decoded)
    expect(image).toEqual([2, 2, 255, 0, 0, 10, 20, 30, 200, 100, 50, 1, 2, 3]);
  expect(result.refused).toMatch(/^ImageDecodeError: image: got 8 bytes of type image\/png/);
});

test("a picked folder is read without its own name", async ({ page }) => {
  await open(page);
  await page.setContent(`<input type="file" webkitdirectory>`);
  await page.setInputFiles("input", fileURLToPath(new URL("../fixtures/indices", import.meta.url)));
  const found = await page.evaluate(async () => {
    const source = window.library.fileSource([...(document.querySelector("input")?.files ?? [])]);
    return {
      there: await source.exists("indices.json"),
      begin: [...(await source.read("indices.json", 0, 2))],
    };
  });
  expect(found).toEqual({ there: true, begin: [0x7b, 0x22] });
});
