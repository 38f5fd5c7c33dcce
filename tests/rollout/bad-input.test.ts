/** Bad input, end to end: each gets its own error class and a message with what, got, expected; nothing loaded is lost. */
import { beforeAll, describe, expect, it } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { Device } from "../../src/gpu/device.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { parseSafetensors, writeSafetensors } from "../../src/storage/safetensors.ts";
import type { TensorData } from "../../src/storage/safetensors.ts";
import { memorySource } from "../../src/storage/source.ts";
import type { FileSource } from "../../src/storage/source.ts";
import {
  ContextLengthError,
  CorruptFileError,
  DeviceLostError,
  ImageDecodeError,
  ImageTokenMismatchError,
  MemoryBudgetError,
  MissingFileError,
  MissingTensorError,
  ShapeError,
  UnsupportedModelError,
} from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";

const paths = ["config.json", "tokenizer.json", "preprocessor_config.json", "model.safetensors"];
let files: Map<string, Uint8Array>;

beforeAll(async () => {
  const source = await tinyPolicySource(2);
  files = new Map(await Promise.all(paths.map(async (path) => [path, await source.read(path)] as const)));
});

function changed(changes: Record<string, Uint8Array | undefined>): FileSource {
  const table = new Map(files);
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes) table.set(path, bytes);
    else table.delete(path);
  }
  return memorySource(table, "folder");
}

function json(path: string, change: (value: Record<string, unknown>) => void): Uint8Array {
  const value = JSON.parse(new TextDecoder().decode(files.get(path))) as Record<string, unknown>;
  change(value);
  return new TextEncoder().encode(JSON.stringify(value));
}

async function weights(change: (tensors: TensorData[]) => TensorData[]): Promise<Uint8Array> {
  const table = await parseSafetensors(files.get("model.safetensors") ?? new Uint8Array());
  const tensors: TensorData[] = [];
  for (const { name, dtype, shape } of table.tensors.values()) {
    tensors.push({ name, dtype, shape, data: await table.readFloat32(name) });
  }
  return writeSafetensors(change(tensors));
}

describe("a folder that cannot be loaded", () => {
  const load = async (source: FileSource) => Policy.load(await sharedDevice(), source, { format: "q8" });

  it.each([
    ["config.json", MissingFileError],
    ["model.safetensors", MissingFileError],
    ["tokenizer.json", MissingFileError],
  ])("lacks %s", async (path, expected) => {
    await expect(load(changed({ [path]: undefined }))).rejects.toThrow(expected);
    await expect(load(changed({ [path]: undefined }))).rejects.toThrow(path);
  });

  it("has truncated weights", async () => {
    const whole = files.get("model.safetensors") ?? new Uint8Array();
    for (const length of [4, 200, whole.length - 4096]) {
      await expect(load(changed({ "model.safetensors": whole.slice(0, length) }))).rejects.toThrow(
        CorruptFileError,
      );
    }
  });

  it("has a header that is no header", async () => {
    const garbage = Uint8Array.from({ length: 4096 }, (_, i) => (i * 97) % 251);
    await expect(load(changed({ "model.safetensors": garbage }))).rejects.toThrow(CorruptFileError);
  });

  it("lacks a tensor, and says which", async () => {
    const missing = await weights((tensors) =>
      tensors.filter(({ name }) => !name.includes("layers.1.mlp.up_proj")),
    );
    await expect(load(changed({ "model.safetensors": missing }))).rejects.toThrow(MissingTensorError);
    await expect(load(changed({ "model.safetensors": missing }))).rejects.toThrow(
      /layers\.1\.mlp\.up_proj\.weight/,
    );
  });

  it("has a tensor of another shape", async () => {
    const wrong = await weights((tensors) =>
      tensors.map((tensor) => (tensor.name.endsWith("norm.weight") ? { ...tensor, shape: [8, 8] } : tensor)),
    );
    await expect(load(changed({ "model.safetensors": wrong }))).rejects.toThrow(ShapeError);
  });

  it("is of an architecture or activation that is not supported, and names both", async () => {
    const llama = json("config.json", (config) => {
      config.architectures = ["LlamaForCausalLM"];
      config.model_type = "llama";
    });
    await expect(load(changed({ "config.json": llama }))).rejects.toThrow(UnsupportedModelError);
    await expect(load(changed({ "config.json": llama }))).rejects.toThrow(/[Ll]lama[\s\S]*qwen2/);
    const relu = json("config.json", (config) => (config.hidden_act = "relu"));
    await expect(load(changed({ "config.json": relu }))).rejects.toThrow(/relu[\s\S]*silu/);
  });

  it("does not fit the memory it was given", async () => {
    const device = await Device.create({ gpu: await dawnGpu(), memoryBudgetBytes: 200_000 });
    await expect(Policy.load(device, changed({}), { format: "f32" })).rejects.toThrow(MemoryBudgetError);
    expect(device.liveBytes).toBeLessThan(1024);
    device.destroy();
  });
});

describe("a loaded policy", () => {
  const user = (content: string) => [{ role: "user" as const, content }];

  it("refuses bad requests one by one and answers the next good one as before", async () => {
    const policy = await Policy.load(await sharedDevice(), changed({}), { format: "q8" });
    const options = { maxNewTokens: 6, temperature: 0, stopTokens: [] };
    const [before] = await policy.generate(user("hello"), options);
    const image = (data: Uint8Array) => [
      {
        role: "user" as const,
        content: [
          { type: "image" as const, image: data },
          { type: "text" as const, text: "?" },
        ],
      },
    ];
    await expect(policy.generate(image(new Uint8Array([1, 2, 3])), options)).rejects.toThrow(
      ImageDecodeError,
    );
    await expect(policy.generate(user("a <|image_pad|> in the text"), options)).rejects.toThrow(
      ImageTokenMismatchError,
    );
    await expect(policy.generate(user("x".repeat(2000)), options)).rejects.toThrow(ContextLengthError);
    await expect(policy.generate(user("hello"), { ...options, maxNewTokens: 1020 })).rejects.toThrow(
      /more than the context of 1024/,
    );
    const [after] = await policy.generate(user("hello"), options);
    expect(after).toEqual(before);
    policy.destroy();
  });

  it("reports a lost device to what is under way and to what comes after", async () => {
    const device = await Device.create({ gpu: await dawnGpu() });
    const policy = await Policy.load(device, changed({}), { format: "q8" });
    const run = async () => {
      for await (const { index } of policy.stream(user("hello"), { maxNewTokens: 200, stopTokens: [] })) {
        expect(index).toBe(0);
        device.handle.destroy();
      }
    };
    await expect(run()).rejects.toThrow(DeviceLostError);
    await expect(policy.generate(user("hello"), { maxNewTokens: 2 })).rejects.toThrow(DeviceLostError);
  });
});
