import { CorruptFileError, MissingFileError } from "../util/errors.ts";
import { expectRange, type FileSource } from "./source.ts";

/**
 * Files in a folder on disk (Node only; `node:fs` is imported when first used, so that a browser bundle may contain
 * this module). Paths may not leave the folder.
 */
export function folderSource(root: string): FileSource {
  const modules = lazy(async () => ({
    fs: await import("node:fs/promises"),
    path: await import("node:path"),
  }));

  async function locate(path: string) {
    const { fs, path: paths } = await modules();
    const full = paths.resolve(root, path);
    const relative = paths.relative(root, full);
    if (relative.startsWith("..") || paths.isAbsolute(relative)) {
      throw new MissingFileError(`${path}: leaves the folder ${root}, expected a path inside it`);
    }
    return { fs, full };
  }

  async function size(path: string): Promise<number> {
    const { fs, full } = await locate(path);
    const stat = await fs.stat(full).catch((cause: unknown) => {
      throw isMissing(cause) ? new MissingFileError(`${path}: not found in ${root}`, { cause }) : cause;
    });
    if (!stat.isFile()) throw new MissingFileError(`${path}: not a file in ${root}`);
    return stat.size;
  }

  return {
    name: root,
    size,
    async exists(path) {
      try {
        await size(path);
        return true;
      } catch (error) {
        if (error instanceof MissingFileError) return false;
        throw error;
      }
    },
    async read(path, begin = 0, end, options) {
      options?.signal?.throwIfAborted();
      const total = await size(path);
      const stop = end ?? total;
      expectRange(root, path, begin, stop, total);
      const { fs, full } = await locate(path);
      const bytes = new Uint8Array(stop - begin);
      const file = await fs.open(full, "r");
      try {
        // One read call is capped by the platform (2 GiB); 64 MiB pieces also keep cancelling responsive.
        for (let at = 0; at < bytes.byteLength;) {
          options?.signal?.throwIfAborted();
          const length = Math.min(bytes.byteLength - at, 64 << 20);
          const { bytesRead } = await file.read(bytes, at, length, begin + at);
          if (bytesRead === 0) {
            throw new CorruptFileError(
              `${path} in ${root}: ends at byte ${begin + at}, expected at least ${stop}`,
            );
          }
          at += bytesRead;
        }
      } finally {
        await file.close();
      }
      return bytes;
    },
  };
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
