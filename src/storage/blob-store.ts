import { InvalidOptionError, StorageError } from "../util/errors.ts";
import type { Bytes } from "./source.ts";

/**
 * A flat set of named blobs that outlives the page or process. Saving is atomic: after a crash in the middle the old
 * blob, or none, is there, never half of the new one.
 */
export interface BlobStore {
  /** For messages. */
  readonly name: string;
  /** Keys in alphabetical order. */
  list(): Promise<string[]>;
  /** Null when there is none. */
  load(key: string): Promise<Bytes | null>;
  /** @throws StorageError when there is no room, InvalidOptionError for an empty blob or a key that is no file name. */
  save(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * Puts bytes at the end of a blob, made when there is none: for journals. What was there stays whole; of the new bytes
   * a crash or a full storage may leave a part, for the reader to pass over.
   * @throws as {@link BlobStore.save} does.
   */
  append(key: string, bytes: Uint8Array): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
}

/** Blobs for as long as the object lives: tests, and pages without storage. */
export function memoryStore(): BlobStore {
  const blobs = new Map<string, Bytes>();
  return {
    name: "memory",
    list: () => Promise.resolve([...blobs.keys()].sort()),
    load: (key) => {
      const bytes = blobs.get(key);
      return Promise.resolve(bytes ? bytes.slice() : null);
    },
    save: (key, bytes) =>
      new Promise((resolve) => {
        checkBlob(key, bytes);
        blobs.set(key, new Uint8Array(bytes));
        resolve();
      }),
    append: (key, bytes) =>
      new Promise((resolve) => {
        checkBlob(key, bytes);
        const old = blobs.get(key) ?? new Uint8Array(0);
        const joined = new Uint8Array(old.byteLength + bytes.byteLength);
        joined.set(old);
        joined.set(bytes, old.byteLength);
        blobs.set(key, joined);
        resolve();
      }),
    delete: (key) => {
      blobs.delete(key);
      return Promise.resolve();
    },
  };
}

/** @throws InvalidOptionError unless the key is a plain file name. */
export function checkKey(key: string): string {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(key)) return key;
  throw new InvalidOptionError(
    "blob key",
    JSON.stringify(key),
    "letters, digits, . _ - (not first a dot), at most 200",
  );
}

/** @throws InvalidOptionError for a bad key, or an empty blob, which could not be told from a save that was cut off. */
export function checkBlob(key: string, bytes: Uint8Array): void {
  checkKey(key);
  if (bytes.byteLength === 0) throw new InvalidOptionError(`blob ${key}`, "0 bytes", "at least one");
}

/** What a full or forbidden storage throws, made readable; anything else is returned as it is. */
export function asStorageError(cause: unknown, what: string): unknown {
  const name = cause instanceof Error ? cause.name : "";
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (name === "QuotaExceededError" || code === "ENOSPC" || code === "EDQUOT") {
    return new StorageError(`${what}: the storage is full; delete saved runs or models, or free disk space`, {
      cause,
    });
  }
  if (name === "SecurityError" || name === "NotAllowedError" || code === "EACCES" || code === "EROFS") {
    return new StorageError(`${what}: access to the storage was refused (private window, or no permission)`, {
      cause,
    });
  }
  return cause;
}
