import * as v from "valibot";
import { CheckpointError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { BlobStore } from "./blob-store.ts";
import { parseSafetensors, writeSafetensors, type TensorData, type TensorTable } from "./safetensors.ts";
import type { Bytes } from "./source.ts";

/** What a run needs beside its tensors to go on where it was. All of it is JSON. */
export interface CheckpointState {
  /** Optimizer steps done. */
  step: number;
  seed: number;
  /** The run's settings, compared on resuming. */
  config: unknown;
  /** Of the kit, the run file's format and the like. */
  versions: Record<string, string>;
  /** Cursor into the data, position of the counter RNG, schedule: whatever the trainer keeps. */
  progress: unknown;
}

/** State and tensors: the adapter's factors and the optimizer's moments. */
export interface Checkpoint {
  state: CheckpointState;
  tensors: readonly TensorData[];
}

/** A checkpoint as it was found. */
export interface LoadedCheckpoint {
  state: CheckpointState;
  tensors: TensorTable;
}

const VERSION = "1";
const UNHASHED = "0".repeat(64);

const State = v.object({
  step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  seed: v.number(),
  config: v.unknown(),
  versions: v.record(v.string(), v.string()),
  progress: v.unknown(),
});

/**
 * A checkpoint as one safetensors file, readable by any tool: state and content hash stand in its metadata. The hash
 * (SHA-256) is taken over the whole file with 64 zeros in the hash's own place.
 */
export async function encodeCheckpoint({ state, tensors }: Checkpoint): Promise<Bytes> {
  const file = writeSafetensors(tensors, {
    "thinktab.checkpoint": VERSION,
    "thinktab.sha256": UNHASHED,
    "thinktab.state": JSON.stringify(state),
  });
  const at = hashOffset(file);
  if (at === null) throw new CheckpointError("checkpoint: the header written holds no place for the hash");
  file.set(new TextEncoder().encode(await sha256Hex(file)), at);
  return file;
}

/**
 * Reads a checkpoint back.
 * @throws CheckpointError when the bytes are torn or changed, of another version, or not a checkpoint at all.
 */
export async function decodeCheckpoint(file: Uint8Array, name = "checkpoint"): Promise<LoadedCheckpoint> {
  const at = hashOffset(file);
  if (at === null) {
    throw new CheckpointError(
      `${name}: got ${file.byteLength} bytes without a content hash, expected a checkpoint`,
    );
  }
  const stated = new TextDecoder().decode(file.subarray(at, at + 64));
  const blank = new Uint8Array(file);
  blank.set(new TextEncoder().encode(UNHASHED), at);
  const actual = await sha256Hex(blank);
  if (stated !== actual) {
    throw new CheckpointError(
      `${name}: got content of hash ${actual.slice(0, 12)}…, expected ${stated.slice(0, 12)}…: torn or changed`,
    );
  }

  const tensors = await parseSafetensors(file, name);
  const version = tensors.metadata["thinktab.checkpoint"];
  if (version !== VERSION) throw new CheckpointError(`${name}: got format ${version}, expected ${VERSION}`);
  const parsed = v.safeParse(State, JSON.parse(tensors.metadata["thinktab.state"] ?? "null"));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new CheckpointError(`${name}: state: ${v.getDotPath(issue) ?? "content"}: ${issue.message}`);
  }
  return { state: parsed.output, tensors };
}

const PREFIX = "checkpoint-";
const SUFFIX = ".safetensors";

/** Saves under a key made of the step, e.g. `checkpoint-00000020.safetensors`, and returns the key. */
export async function saveCheckpoint(store: BlobStore, checkpoint: Checkpoint): Promise<string> {
  const key = `${PREFIX}${String(checkpoint.state.step).padStart(8, "0")}${SUFFIX}`;
  await store.save(key, await encodeCheckpoint(checkpoint));
  return key;
}

/** Null when there is none under this key. @throws CheckpointError when it is torn. */
export async function loadCheckpoint(store: BlobStore, key: string): Promise<LoadedCheckpoint | null> {
  const file = await store.load(key);
  return file ? decodeCheckpoint(file, `${key} in ${store.name}`) : null;
}

/** Keys of the saved checkpoints, oldest step first. */
export async function listCheckpoints(store: BlobStore): Promise<string[]> {
  return (await store.list()).filter((key) => key.startsWith(PREFIX) && key.endsWith(SUFFIX));
}

/**
 * The newest checkpoint that is whole, and the keys of newer ones that are not, for the caller to report; null when
 * there is none at all.
 * @throws CheckpointError when there are checkpoints, and every one is torn.
 */
export async function loadLatestCheckpoint(
  store: BlobStore,
): Promise<(LoadedCheckpoint & { key: string; torn: string[] }) | null> {
  const torn: string[] = [];
  for (const key of (await listCheckpoints(store)).reverse()) {
    try {
      const loaded = await loadCheckpoint(store, key);
      if (loaded) return { ...loaded, key, torn };
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      torn.push(key);
    }
  }
  if (torn.length > 0)
    throw new CheckpointError(`${store.name}: every checkpoint is torn: ${torn.join(", ")}`);
  return null;
}

/** Where the 64 digits of the hash stand in a file, or null. */
function hashOffset(file: Uint8Array): number | null {
  if (file.byteLength < 8) return null;
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (length > file.byteLength - 8) return null;
  // Metadata is written first and in this order, before the state, so that no text of the state can be taken for it.
  const header = new TextDecoder("latin1").decode(file.subarray(8, 8 + Math.min(length, 200)));
  const lead = /^\{"__metadata__":\{"thinktab\.checkpoint":"\d+","thinktab\.sha256":"(?=[0-9a-f]{64}")/.exec(
    header,
  );
  return lead ? 8 + lead[0].length : null;
}
