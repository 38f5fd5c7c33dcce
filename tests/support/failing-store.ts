import type { BlobStore } from "../../src/storage/blob-store.ts";

/** When a {@link failingStore} fails. */
export interface Failure {
  /** Writes that still work; from the next on all fail. */
  after?: number;
  /** Writes of these keys fail. */
  when?: (key: string) => boolean;
  /** Leaves half of the bytes behind in a blob that is added to. A blob that is saved stays as it was. */
  torn?: boolean;
  error: () => Error;
}

/** A store whose writes fail: a full disk, or with `after` a process that was killed. */
export function failingStore(store: BlobStore, { after = Infinity, when, torn, error }: Failure): BlobStore {
  let writes = 0;
  const fails = (key: string) => ++writes > after || when?.(key) === true;
  return {
    name: store.name,
    list: () => store.list(),
    load: (key) => store.load(key),
    save: (key, bytes) => (fails(key) ? Promise.reject(error()) : store.save(key, bytes)),
    append: async (key, bytes) => {
      if (!fails(key)) return store.append(key, bytes);
      // Only the write that was cut off leaves something: a killed process writes no more.
      if (torn && writes <= after + 1)
        await store.append(key, bytes.subarray(0, Math.ceil(bytes.length / 2)));
      throw error();
    },
    delete: (key) => (fails(key) ? Promise.reject(error()) : store.delete(key)),
  };
}

/** A blob as text. */
export async function storedText(store: BlobStore, key: string): Promise<string> {
  const bytes = await store.load(key);
  if (!bytes) throw new Error(`${store.name} holds no ${key}`);
  return new TextDecoder().decode(bytes);
}
