import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/storage/blob-store.ts";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  saveCheckpoint,
  type Checkpoint,
} from "../../src/storage/checkpoint.ts";
import { parseSafetensors, writeSafetensors } from "../../src/storage/safetensors.ts";
import { CheckpointError } from "../../src/util/errors.ts";

const at = (step: number): Checkpoint => ({
  state: {
    step,
    seed: 7,
    config: { lr: 1e-5, note: 'a "quoted" {"thinktab.sha256":"…"} ü' },
    versions: { thinktab: "0.1.0" },
    progress: { epoch: 1, order: [3, 1, 2] },
  },
  tensors: [
    {
      name: "layers.0.self_attn.q_proj.lora_A",
      dtype: "F32",
      shape: [1, 3],
      data: Float32Array.of(1, NaN, step),
    },
    { name: "adam.m", dtype: "F32", shape: [2], data: Float32Array.of(0.1, -0) },
  ],
});

describe("checkpoints", () => {
  it("come back to the bit", async () => {
    const file = await encodeCheckpoint(at(3));
    expect(await encodeCheckpoint(at(3))).toEqual(file);
    const { state, tensors } = await decodeCheckpoint(file);
    expect(state).toEqual(at(3).state);
    for (const { name, data } of at(3).tensors) {
      expect(await tensors.readBytes(name)).toEqual(new Uint8Array(data.buffer));
    }
    // Any reader of safetensors opens it.
    expect([...(await parseSafetensors(file)).tensors.keys()].sort()).toEqual(
      at(3)
        .tensors.map((t) => t.name)
        .sort(),
    );
  });

  it("are refused at any length but their own, and with any byte changed", async () => {
    const file = await encodeCheckpoint(at(3));
    for (let length = 0; length < file.byteLength; length += 7) {
      await expect(decodeCheckpoint(file.slice(0, length)), `${length} bytes`).rejects.toThrow(
        CheckpointError,
      );
    }
    for (let i = 0; i < file.byteLength; i++) {
      const changed = file.slice();
      changed[i] ^= 1;
      await expect(decodeCheckpoint(changed), `byte ${i}`).rejects.toThrow(CheckpointError);
    }
    const longer = new Uint8Array(file.byteLength + 1);
    longer.set(file);
    await expect(decodeCheckpoint(longer)).rejects.toThrow(/torn or changed/);
  });

  it("are told from other files and other versions", async () => {
    const other = writeSafetensors(at(1).tensors, { format: "pt" });
    await expect(decodeCheckpoint(other, "run")).rejects.toThrow(/run: got \d+ bytes without a content hash/);
    const future = await encodeCheckpoint(at(1));
    const digits = new TextDecoder("latin1").decode(future).indexOf('sha256":"') + 9;
    future[new TextDecoder("latin1").decode(future).indexOf('checkpoint":"1"') + 13] = 0x32;
    future.fill(0x30, digits, digits + 64);
    future.set(new TextEncoder().encode(createHash("sha256").update(future).digest("hex")), digits);
    await expect(decodeCheckpoint(future)).rejects.toThrow(/got format 2, expected 1/);
    const state = { ...at(1).state, step: -1 };
    const bad = await encodeCheckpoint({ ...at(1), state });
    await expect(decodeCheckpoint(bad)).rejects.toThrow(/state: step/);
  });

  it("are listed by step, and the newest whole one is found", async () => {
    const store = memoryStore();
    expect(await loadLatestCheckpoint(store)).toBeNull();
    for (const step of [100, 5, 20]) await saveCheckpoint(store, at(step));
    await store.save("notes.txt", Uint8Array.of(1));
    const keys = await listCheckpoints(store);
    expect(keys).toEqual(
      [5, 20, 100].map((step) => `checkpoint-${String(step).padStart(8, "0")}.safetensors`),
    );
    expect(await loadLatestCheckpoint(store)).toMatchObject({ key: keys[2], torn: [], state: { step: 100 } });

    const newest = (await store.load(keys[2])) ?? new Uint8Array();
    await store.save(keys[2], newest.slice(0, 200));
    expect(await loadLatestCheckpoint(store)).toMatchObject({
      key: keys[1],
      torn: [keys[2]],
      state: { step: 20 },
    });
    await expect(loadCheckpoint(store, keys[2])).rejects.toThrow(CheckpointError);
    expect(await loadCheckpoint(store, "checkpoint-7")).toBeNull();

    for (const key of keys.slice(0, 2)) await store.save(key, Uint8Array.of(1));
    await expect(loadLatestCheckpoint(store)).rejects.toThrow(/every checkpoint is torn/);
  });
});
