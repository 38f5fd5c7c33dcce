/** Where the engine keeps training runs, by name: each in a folder of its own, held by one user at a time. */
import { memoryStore } from "../src/storage/blob-store.ts";
import type { BlobStore } from "../src/storage/blob-store.ts";
import { RunFolder } from "../src/train/run-folder.ts";
import type { RecordedStep, RunRecord } from "../src/train/run-record.ts";
import { parseRunRecipe } from "../src/train/run-recipe.ts";
import type { RunRecipe } from "../src/train/run-recipe.ts";
import type { Evaluation } from "../src/evaluation/accuracy.ts";
import { StorageError } from "../src/util/errors.ts";

/** What the surroundings give: a browser's private file system and its locks, or stand-ins. */
export interface RunStorage {
  /** Blobs that outlive the engine. May throw StorageError when used, where there is no such storage. */
  openStore(name: string): BlobStore;
  /**
   * Takes a lock that every engine of this origin knows. The function gives it back; null: somebody else has it.
   * It must also be given back when the engine dies.
   */
  lock(name: string): Promise<(() => void) | null>;
  /** Whether somebody has the lock. */
  locked(name: string): Promise<boolean>;
}

/** A run that was saved: by this engine, or by one before it. */
export interface SavedRun {
  recipe: RunRecipe;
  /** Steps recorded, from 0. */
  steps: RecordedStep[];
  /** The record of a run that has ended by itself; null for one that can go on. */
  record: RunRecord | null;
  before: Evaluation | null;
  after: Evaluation | null;
  /** Some engine, in this tab or another, is training it. */
  inUse: boolean;
}

/** A run's folder while it is trained: nobody else writes into it. */
export interface HeldRun {
  folder: RunFolder;
  /** Why the run is kept in memory only, where it is. */
  unkept: string | undefined;
  release: () => void;
}

export class Runs {
  /** Runs for which there was no storage: they last as long as the engine. */
  readonly #memory = new Map<string, { store: BlobStore; reason: string }>();

  constructor(private readonly storage: RunStorage) {}

  /**
   * Takes a run for training. Without storage it is kept in memory.
   * @throws StorageError when it is being trained elsewhere.
   */
  async hold(name: string): Promise<HeldRun> {
    const release = await this.storage.lock(name);
    if (!release) {
      throw new StorageError(
        `run ${name}: it is going on in another tab, expected one tab at a time: go on there, or stop it there first`,
      );
    }
    try {
      const { store, reason } = await this.#open(name);
      return { folder: new RunFolder(store), unkept: reason, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What is saved of a run; null when there is nothing to go on with or to look at. */
  async saved(name: string): Promise<SavedRun | null> {
    const { store } = await this.#open(name);
    const folder = new RunFolder(store);
    const json = await folder.recipe();
    if (json === null) return null;
    const steps = await folder.steps();
    const record = await folder.record();
    return {
      recipe: parseRunRecipe(json),
      steps,
      record: record?.steps === steps.length ? record : null,
      before: (await folder.evaluation("before"))?.evaluation ?? null,
      after: (await folder.evaluation("after"))?.evaluation ?? null,
      inUse: await this.storage.locked(name),
    };
  }

  /** A file of a run, such as run.json; null when it has none of this name. */
  async file(name: string, key: string): Promise<Uint8Array | null> {
    return (await this.#open(name)).store.load(key);
  }

  /** Deletes what is saved of a run. @throws StorageError while it is trained. */
  async discard(name: string): Promise<void> {
    const { folder, release } = await this.hold(name);
    try {
      await folder.clear();
    } finally {
      release();
    }
  }

  async #open(name: string): Promise<{ store: BlobStore; reason?: string }> {
    const known = this.#memory.get(name);
    if (known) return known;
    const store = this.storage.openStore(name);
    try {
      await store.list();
      return { store };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const inMemory = { store: memoryStore(), reason: error.message };
      this.#memory.set(name, inMemory);
      return inMemory;
    }
  }
}

/** Runs that nobody else sees, for as long as the engine lives. */
export function memoryRuns(openStore: (name: string) => BlobStore = () => memoryStore()): RunStorage {
  const stores = new Map<string, BlobStore>();
  const locks = new Set<string>();
  return {
    openStore(name) {
      const store = stores.get(name) ?? openStore(name);
      stores.set(name, store);
      return store;
    },
    lock(name) {
      if (locks.has(name)) return Promise.resolve(null);
      locks.add(name);
      return Promise.resolve(() => locks.delete(name));
    },
    locked: (name) => Promise.resolve(locks.has(name)),
  };
}
