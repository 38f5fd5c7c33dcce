import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asStorageError, memoryStore, type BlobStore } from "../../src/storage/blob-store.ts";
import { folderStore } from "../../src/storage/folder-store.ts";
import { opfsStore } from "../../src/storage/opfs.ts";
import { openRecords } from "../../src/storage/records.ts";
import { InvalidOptionError, StorageError } from "../../src/util/errors.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "thinktab-"));
});
afterAll(() => rm(root, { recursive: true }));

describe.each<[string, () => BlobStore]>([
  ["memory", memoryStore],
  ["folder", () => folderStore(join(root, "store", "runs"))],
])("%s store", (name, make) => {
  it("saves, lists, replaces and deletes", async () => {
    const store = make();
    expect(await store.list()).toEqual([]);
    expect(await store.load("a")).toBeNull();
    const bytes = Uint8Array.of(1, 2, 3);
    await store.save("b.bin", bytes);
    await store.save("a", Uint8Array.of(9));
    bytes.fill(0); // the store keeps what was saved
    expect(await store.list()).toEqual(["a", "b.bin"]);
    expect(await store.load("b.bin")).toEqual(Uint8Array.of(1, 2, 3));
    await store.save("b.bin", Uint8Array.of(4));
    expect(await store.load("b.bin")).toEqual(Uint8Array.of(4));
    await store.delete("b.bin");
    await store.delete("b.bin");
    expect(await store.list()).toEqual(["a"]);
    await store.delete("a");
  });

  it("adds to what is there, and to what is not", async () => {
    const store = make();
    const bytes = Uint8Array.of(1, 2);
    await store.append("log", bytes);
    bytes.fill(9); // the store keeps what was added
    await store.append("log", Uint8Array.of(3));
    expect(await store.load("log")).toEqual(Uint8Array.of(1, 2, 3));
    await store.save("log", Uint8Array.of(4));
    await store.append("log", Uint8Array.of(5));
    expect(await store.load("log")).toEqual(Uint8Array.of(4, 5));
    await expect(store.append("log", new Uint8Array(0))).rejects.toThrow(InvalidOptionError);
    await expect(store.append("../log", bytes)).rejects.toThrow(InvalidOptionError);
    await store.delete("log");
  });

  it.each(["", "../a", "a/b", ".hidden", "a b", "x".repeat(201)])("refuses the key %j", async (key) => {
    await expect(make().save(key, new Uint8Array(1))).rejects.toThrow(InvalidOptionError);
  });

  it("refuses an empty blob", async () => {
    await expect(make().save("a", new Uint8Array(0))).rejects.toThrow(InvalidOptionError);
  });

  it("leaves nothing behind but the blob", async () => {
    if (name !== "folder") return;
    await make().save("a", Uint8Array.of(1));
    expect(await readdir(join(root, "store", "runs"))).toEqual(["a"]);
  });
});

describe("folder store", () => {
  it("keeps the old blob when a save fails half way, and removes the temporary file", async () => {
    const folder = join(root, "failing");
    const store = folderStore(folder);
    await store.save("a", Uint8Array.of(1));
    // The length of what is not bytes: writing fails after the temporary file was made.
    const broken = JSON.parse('{"byteLength": 3}') as Uint8Array;
    await expect(store.save("a", broken)).rejects.toThrow();
    expect(await store.load("a")).toEqual(Uint8Array.of(1));
    expect(await readdir(folder)).toEqual(["a"]);
  });

  it("does not list another process's unfinished save", async () => {
    const folder = join(root, "crashed");
    const store = folderStore(folder);
    await store.save("a", Uint8Array.of(1));
    await writeFile(join(folder, ".a.999-0.tmp"), "half");
    expect((await stat(join(folder, ".a.999-0.tmp"))).size).toBe(4);
    expect(await store.list()).toEqual(["a"]);
  });
});

describe("asStorageError", () => {
  it("explains a full and a forbidden storage, and leaves the rest alone", () => {
    const full = asStorageError(new DOMException("no room", "QuotaExceededError"), "saving a");
    expect(full).toBeInstanceOf(StorageError);
    expect(String(full)).toMatch(/saving a: the storage is full/);
    expect(asStorageError(Object.assign(new Error("write"), { code: "ENOSPC" }), "x")).toBeInstanceOf(
      StorageError,
    );
    expect(String(asStorageError(new DOMException("no", "SecurityError"), "x"))).toMatch(/refused/);
    const other = new TypeError("other");
    expect(asStorageError(other, "x")).toBe(other);
  });
});

describe("browser storage, where there is none", () => {
  it("says so", async () => {
    await expect(opfsStore("runs").list()).rejects.toThrow(StorageError);
    await expect(openRecords("runs", (value) => value)).rejects.toThrow(/no IndexedDB/);
  });
});
