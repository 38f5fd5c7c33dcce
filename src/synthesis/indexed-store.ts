import { openDB, type DBSchema } from "idb";
import { asStorageError } from "../storage/blob-store.ts";
import { StorageError } from "../util/errors.ts";
import type { ImageOutcome, KeptAnswer, ReadableSynthesisStore, SynthesisRun } from "./store.ts";

interface Schema extends DBSchema {
  answers: { key: string; value: KeptAnswer };
  outcomes: { key: string; value: ImageOutcome };
  runs: { key: string; value: SynthesisRun };
}

/** A store in the browser. */
export interface IndexedSynthesisStore extends ReadableSynthesisStore {
  /** Forgets everything, answers included. */
  clear(): Promise<void>;
}

/**
 * Opens an IndexedDB database for one synthesis, made when there is none. It may be open in several tabs.
 * @param name tells syntheses apart.
 * @throws StorageError where there is no IndexedDB, or access to it is refused.
 */
export async function openIndexedSynthesisStore(name: string): Promise<IndexedSynthesisStore> {
  const what = `IndexedDB database thinktab-synthesis-${name}`;
  if (typeof indexedDB === "undefined") throw new StorageError(`${what}: this context has no IndexedDB`);
  const guarded = async <R>(work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (error) {
      throw asStorageError(error, what);
    }
  };
  const database = await guarded(() =>
    openDB<Schema>(`thinktab-synthesis-${name}`, 1, {
      upgrade(created) {
        for (const store of ["answers", "outcomes", "runs"] as const) created.createObjectStore(store);
      },
    }),
  );
  return {
    name: what,
    answer: async (key) => (await guarded(() => database.get("answers", key))) ?? null,
    // Strict: fulfilled when it is on the disk, as an answer is used from then on.
    keepAnswer: (key, answer) =>
      guarded(async () => {
        const transaction = database.transaction("answers", "readwrite", { durability: "strict" });
        await Promise.all([transaction.store.put(answer, key), transaction.done]);
      }),
    keepRun: (run) =>
      guarded(async () => {
        await database.put("runs", run, run.fingerprint);
      }),
    keepOutcome: (outcome) =>
      guarded(async () => {
        await database.put("outcomes", outcome, outcome.path);
      }),
    async *outcomes(run) {
      for (const path of await guarded(() => database.getAllKeys("outcomes"))) {
        const outcome = await guarded(() => database.get("outcomes", path));
        if (outcome && (run === undefined || outcome.run === run)) yield outcome;
      }
    },
    runs: () => guarded(() => database.getAll("runs")),
    clear: () =>
      guarded(async () => {
        const names = ["answers", "outcomes", "runs"] as const;
        const transaction = database.transaction(names, "readwrite");
        await Promise.all([
          ...names.map((store) => transaction.objectStore(store).clear()),
          transaction.done,
        ]);
      }),
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}
