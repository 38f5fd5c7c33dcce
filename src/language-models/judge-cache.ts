import type { BlobStore } from "../storage/blob-store.ts";
import { judgeTiers, type JudgeTier } from "./judge-prompt.ts";

/** A judgement that was made. */
export interface KeptJudgement {
  score: JudgeTier;
  why: string;
}

/**
 * Judgements by a hash of all that they depend on. Questions and answers are not kept as such; the judge's reason is,
 * and may quote either.
 */
export interface JudgeCache {
  /** Null: it has not been judged. */
  get(key: string): Promise<KeptJudgement | null>;
  /** @throws StorageError when there is no room. */
  set(key: string, judgement: KeptJudgement): Promise<void>;
}

/** Judgements for as long as the object lives. @param capacity beyond which the oldest are dropped */
export function memoryCache(capacity = 20_000): JudgeCache {
  const kept = new Map<string, KeptJudgement>();
  return {
    get: (key) => Promise.resolve(kept.get(key) ?? null),
    set: (key, judgement) => {
      kept.delete(key); // what is set again is the newest
      kept.set(key, judgement);
      const [oldest] = kept.keys();
      if (kept.size > capacity) kept.delete(oldest);
      return Promise.resolve();
    },
  };
}

/**
 * Judgements in one blob of a store, a line of JSON each, written as they come. It is read at the first use; a line that
 * a crash cut off is passed over.
 */
export function storedCache(store: BlobStore, file = "judgements.jsonl"): JudgeCache {
  let opened: Promise<{ kept: Map<string, KeptJudgement>; torn: boolean }> | undefined;
  let written: Promise<void> = Promise.resolve();
  const open = async () => {
    opened ??= read(store, file);
    try {
      return await opened;
    } catch (error) {
      opened = undefined; // to be read at the next use
      throw error;
    }
  };
  return {
    get: async (key) => (await open()).kept.get(key) ?? null,
    async set(key, judgement) {
      const journal = await open();
      journal.kept.set(key, judgement);
      // One after the other, whatever became of the one before.
      const mine = written.then(async () => {
        const line = `${journal.torn ? "\n" : ""}${JSON.stringify({ key, ...judgement })}\n`;
        journal.torn = true; // an append that fails may leave a part
        await store.append(file, new TextEncoder().encode(line));
        journal.torn = false;
      });
      written = mine.catch(() => undefined);
      await mine;
    },
  };
}

async function read(store: BlobStore, file: string) {
  const text = new TextDecoder().decode((await store.load(file)) ?? new Uint8Array(0));
  const kept = new Map<string, KeptJudgement>();
  for (const line of text.split("\n")) {
    const entry = parseLine(line);
    if (entry) kept.set(entry.key, { score: entry.score, why: entry.why });
  }
  return { kept, torn: text !== "" && !text.endsWith("\n") };
}

function parseLine(line: string): (KeptJudgement & { key: string }) | null {
  try {
    const { key, score, why } = JSON.parse(line) as Record<string, unknown>;
    const tier = judgeTiers.find((each) => each === score);
    if (typeof key !== "string" || tier === undefined || typeof why !== "string") return null;
    return { key, score: tier, why };
  } catch {
    return null;
  }
}
