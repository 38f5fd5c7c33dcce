import { describe, expect, it } from "vitest";
import { runParity } from "../../src/cli/parity.ts";
import { folderSource } from "../../src/storage/folder-source.ts";
import { memorySource } from "../../src/storage/source.ts";
import type { FileSource } from "../../src/storage/source.ts";
import { sharedDevice } from "../support/device.ts";
import { fixturePath } from "../support/fixtures.ts";

describe("parity with PyTorch", () => {
  it.each([
    ["qwen2_tiny", /grad\.dr_grpo/],
    ["qwen2_5_vl_tiny", /vision\.merger/],
  ])("holds on %s: every layer, log-prob, gradient and loss", async (name, telling) => {
    const result = await runParity(await sharedDevice(), folderSource(fixturePath(name)));
    expect(result.tensors.filter((row) => !row.passed)).toEqual([]);
    expect(result.notChecked.filter((tensor) => !/merged|attention_mask/.test(tensor))).toEqual([]);
    expect(result.tensors.some((row) => telling.test(row.name))).toBe(true);
    expect(result.passed).toBe(true);
  });

  it("does not hold with one weight changed", async () => {
    const real = folderSource(fixturePath("qwen2_tiny"));
    const files = new Map<string, Uint8Array>();
    for (const path of [
      "config.json",
      "info.json",
      "reference.safetensors",
      "adapter/adapter_config.json",
      "adapter/adapter_model.safetensors",
    ]) {
      files.set(path, await real.read(path));
    }
    const weights = (await real.read("model.safetensors")).slice();
    // The middle of the file is in some block's weights, whatever their order.
    new DataView(weights.buffer).setFloat32(Math.floor(weights.byteLength / 8) * 4, 90, true);
    files.set("model.safetensors", weights);
    const changed: FileSource = memorySource(files);
    const result = await runParity(await sharedDevice(), changed);
    expect(result.passed).toBe(false);
    expect(result.tensors.find((row) => row.name === "logits")?.passed).toBe(false);
  });
});
