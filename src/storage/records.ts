import { openDB, type DBSchema } from "idb";
import { StorageError } from "../util/errors.ts";
import { asStorageError } from "./blob-store.ts";

/** Small structured records by key: run records, tuning results, settings. Values must survive structured clone. */
export interface RecordStore<T> {
  /** Null when there is none. @throws whatever `parse` throws for a record that is not a T. */
  get(key: string): Promise<T | null>;
  /** @throws StorageError when there is no room. */
  put(key: string, value: T): Promise<void>;
  delete(key: string): Promise<void>;
  /** In alphabetical order. */
  keys(): Promise<string[]>;
  /** Gives the database back; using the store afterwards is an error. */
  close(): void;
}

interface Schema extends DBSchema {
  records: { key: string; value: unknown };
}

/**
 * Opens an IndexedDB database of its own for one kind of record. `parse` checks what comes out, which an older version
 * of the kit may have written.
 * @throws StorageError where there is no IndexedDB, or access to it is refused.
 */
export async function openRecords<T>(name: string, parse: (value: unknown) => T): Promise<RecordStore<T>> {
  const what = `IndexedDB database ${name}`;
  if (typeof indexedDB === "undefined") throw new StorageError(`${what}: this context has no IndexedDB`);
  const guarded = async <R>(work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (error) {
      throw asStorageError(error, what);
    }
  };

  const database = await guarded(() =>
    openDB<Schema>(name, 1, {
      upgrade: (created) => {
        created.createObjectStore("records");
      },
    }),
  );
  return {
    async get(key) {
      const value = await guarded(() => database.get("records", key));
      return value === undefined ? null : parse(value);
    },
    put: (key, value) =>
      guarded(async () => {
        await database.put("records", value, key);
      }),
    delete: (key) => guarded(() => database.delete("records", key)),
    keys: () => guarded(() => database.getAllKeys("records")),
    close: () => {
      database.close();
    },
  };
}
