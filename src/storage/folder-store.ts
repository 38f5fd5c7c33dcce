import { asStorageError, checkBlob, checkKey, type BlobStore } from "./blob-store.ts";

/**
 * Blobs as files in a folder, made when first written to (Node only; `node:fs` is imported when first used). A save
 * writes a hidden temporary file, flushes it to disk, and renames it over the old one.
 */
export function folderStore(root: string): BlobStore {
  const modules = async () => ({ fs: await import("node:fs/promises"), path: await import("node:path") });
  let saves = 0;

  return {
    name: root,
    async list() {
      const { fs } = await modules();
      const names = await fs.readdir(root).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw asStorageError(error, root);
      });
      return names.filter((name) => !name.startsWith(".")).sort();
    },
    async load(key) {
      const { fs, path } = await modules();
      try {
        return new Uint8Array(await fs.readFile(path.join(root, checkKey(key))));
      } catch (error) {
        if (isMissing(error)) return null;
        throw asStorageError(error, `${key} in ${root}`);
      }
    },
    async save(key, bytes) {
      const { fs, path } = await modules();
      checkBlob(key, bytes);
      const target = path.join(root, key);
      const temporary = path.join(root, `.${key}.${process.pid}-${saves++}.tmp`);
      try {
        await fs.mkdir(root, { recursive: true });
        const file = await fs.open(temporary, "w");
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await fs.rename(temporary, target);
        await syncFolder(fs, root);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw asStorageError(error, `saving ${key} (${bytes.byteLength} bytes) in ${root}`);
      }
    },
    async append(key, bytes) {
      const { fs, path } = await modules();
      checkBlob(key, bytes);
      try {
        await fs.mkdir(root, { recursive: true });
        const file = await fs.open(path.join(root, key), "a");
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
      } catch (error) {
        throw asStorageError(error, `adding to ${key} (${bytes.byteLength} bytes) in ${root}`);
      }
    },
    async delete(key) {
      const { fs, path } = await modules();
      await fs.rm(path.join(root, checkKey(key)), { force: true });
    },
  };
}

/** Makes the rename itself last. Windows cannot open folders, and needs no such step. */
async function syncFolder(fs: typeof import("node:fs/promises"), root: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await fs.open(root, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
