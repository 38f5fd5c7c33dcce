import { StorageError } from "../util/errors.ts";
import { asStorageError, checkBlob, checkKey, type BlobStore } from "./blob-store.ts";

/**
 * Blobs in a folder of the browser's private file system (OPFS), in pages and workers. The writable stream of the File
 * System standard collects a save in a swap file and puts it in the blob's place when closed, which makes it atomic. A
 * first save makes the empty file before that, so an empty file is what a crash left, and counts as absent.
 * The browser may clear the storage of a site under pressure; `requestPersistence` asks it not to.
 * Every method throws {@link StorageError} where there is no such file system.
 */
export function opfsStore(folder: string): BlobStore {
  const what = `OPFS folder ${folder}`;
  checkKey(folder);

  async function open(): Promise<FileSystemDirectoryHandle> {
    const storage = globalThis.navigator?.storage;
    if (typeof storage?.getDirectory !== "function") {
      throw new StorageError(
        `${what}: this browser or context has no private file system (it needs https or localhost)`,
      );
    }
    try {
      return await (await storage.getDirectory()).getDirectoryHandle(folder, { create: true });
    } catch (error) {
      throw asStorageError(error, what);
    }
  }

  /** In a swap file first: a journal is copied whenever something is added to it, which is cheap for a run's few MB. */
  async function write(key: string, bytes: Uint8Array, append: boolean): Promise<void> {
    const directory = await open();
    checkBlob(key, bytes);
    try {
      const handle = await directory.getFileHandle(key, { create: true });
      const stream = await handle.createWritable({ keepExistingData: append });
      try {
        if (append) await stream.seek((await handle.getFile()).size);
        await stream.write(new Uint8Array(bytes));
        await stream.close();
      } catch (error) {
        await stream.abort().catch(() => undefined); // it may be broken already; the first error counts
        throw error;
      }
    } catch (error) {
      const doing = append ? "adding to" : "saving";
      throw asStorageError(error, `${doing} ${key} (${bytes.byteLength} bytes) in ${what}`);
    }
  }

  return {
    name: what,
    async list() {
      const keys: string[] = [];
      for await (const [key, handle] of (await open()).entries()) {
        // Chromium keeps swap files beside the blobs while they are written.
        if (!(handle instanceof FileSystemFileHandle) || key.endsWith(".crswap")) continue;
        if ((await handle.getFile()).size > 0) keys.push(key);
      }
      return keys.sort();
    },
    async load(key) {
      const directory = await open();
      try {
        const file = await (await directory.getFileHandle(checkKey(key))).getFile();
        return file.size === 0 ? null : new Uint8Array(await file.arrayBuffer());
      } catch (error) {
        if (isNotFound(error)) return null;
        throw asStorageError(error, `${key} in ${what}`);
      }
    },
    save: (key, bytes) => write(key, bytes, false),
    append: (key, bytes) => write(key, bytes, true),
    async delete(key) {
      const directory = await open();
      try {
        await directory.removeEntry(checkKey(key));
      } catch (error) {
        if (!isNotFound(error)) throw asStorageError(error, `${key} in ${what}`);
      }
    },
  };
}

/** Asks the browser to keep this site's storage under pressure. False when it declines, or cannot. */
export async function requestPersistence(): Promise<boolean> {
  const storage = globalThis.navigator?.storage;
  return typeof storage?.persist === "function" ? storage.persist() : false;
}

/** Bytes this site uses and may use, by the browser's estimate; null where it gives none. */
export async function storageEstimate(): Promise<{ usedBytes: number; quotaBytes: number } | null> {
  const storage = globalThis.navigator?.storage;
  if (typeof storage?.estimate !== "function") return null;
  const { usage = 0, quota = 0 } = await storage.estimate();
  return { usedBytes: usage, quotaBytes: quota };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === "NotFoundError";
}
