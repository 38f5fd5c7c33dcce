import { describe, expect, it } from "vitest";
import {
  adapterKey,
  LORA_MODULES,
  loraScale,
  readAdapter,
  writeAdapter,
  type Adapter,
} from "../../src/storage/peft.ts";
import { openSafetensors, parseSafetensors, writeSafetensors } from "../../src/storage/safetensors.ts";
import { memorySource, readJson, type FileSource } from "../../src/storage/source.ts";
import {
  CorruptFileError,
  MissingFileError,
  MissingTensorError,
  ShapeError,
  UnsupportedModelError,
} from "../../src/util/errors.ts";
import { fixtureSource } from "../support/fixtures.ts";

const vl = fixtureSource("qwen2_5_vl_tiny");

/** A rank-1 adapter file with the given config and tensor names. */
function adapterSource(config: Record<string, unknown>, names: string[], shapes?: number[][]): FileSource {
  const tensors = names.map((name, i) => {
    const shape = shapes?.[i] ?? (name.includes("lora_A") ? [1, 3] : [2, 1]);
    return { name, dtype: "F32" as const, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  });
  return memorySource({
    "adapter_config.json": new TextEncoder().encode(
      JSON.stringify({ peft_type: "LORA", r: 1, lora_alpha: 2, ...config }),
    ),
    "adapter_model.safetensors": writeSafetensors(tensors),
  });
}
const pair = (path: string) => [`${path}.lora_A.weight`, `${path}.lora_B.weight`];
const good = pair("base_model.model.model.layers.3.self_attn.q_proj");

describe("readAdapter", () => {
  it("reads what PEFT wrote, with rsLoRA", async () => {
    const adapter = await readAdapter(vl, "adapter");
    expect(adapter).toMatchObject({ rank: 4, alpha: 8, rslora: true, baseModel: null });
    expect(adapter.scale).toBe(4);
    expect(loraScale(4, 8, false)).toBe(2);
    const keys = [0, 1].flatMap((layer) => LORA_MODULES.map((module) => adapterKey(layer, module)));
    expect([...adapter.tensors.keys()].sort()).toEqual(keys.sort());
    expect(adapter.tensors.get("layers.1.mlp.down_proj")).toMatchObject({ N: 64, K: 128 });
    const table = await openSafetensors(vl, "adapter/adapter_model.safetensors");
    expect(adapter.tensors.get("layers.1.self_attn.k_proj")?.b).toEqual(
      await table.readFloat32(
        "base_model.model.model.language_model.layers.1.self_attn.k_proj.lora_B.weight",
      ),
    );
  });

  it("reads a text model's, with the plain scale", async () => {
    const adapter = await readAdapter(fixtureSource("qwen2_tiny"), "adapter/");
    expect(adapter.scale).toBe(2);
    expect(adapter.tensors.size).toBe(14);
  });

  it.each([
    "base_model.model.model.layers.3.self_attn.q_proj",
    "base_model.model.model.language_model.layers.3.self_attn.q_proj",
    "base_model.model.language_model.model.layers.3.self_attn.q_proj",
    "model.language_model.layers.3.self_attn.q_proj",
  ])("accepts the spelling %s", async (path) => {
    const adapter = await readAdapter(adapterSource({}, pair(path)));
    expect([...adapter.tensors.keys()]).toEqual(["layers.3.self_attn.q_proj"]);
  });

  it.each([
    "base_model.model.model.visual.blocks.0.attn.qkv",
    "base_model.model.model.visual.layers.0.mlp.up_proj",
    "base_model.model.model.layers.0.mlp.gate_up_proj",
    "base_model.model.lm_head",
  ])("refuses %s", async (path) => {
    await expect(readAdapter(adapterSource({}, pair(path)))).rejects.toThrow(CorruptFileError);
    await expect(readAdapter(adapterSource({}, pair(path)))).rejects.toThrow(path);
  });

  it.each<[string, unknown]>([
    ["peft_type", "LOHA"],
    ["use_dora", true],
    ["bias", "lora_only"],
    ["modules_to_save", ["lm_head"]],
    ["rank_pattern", { q_proj: 8 }],
    ["alpha_pattern", { q_proj: 8 }],
    ["lora_bias", true],
    ["fan_in_fan_out", true],
    ["trainable_token_indices", [1, 2]],
  ])("refuses %s = %j", async (option, value) => {
    const reading = readAdapter(adapterSource({ [option]: value }, good));
    await expect(reading).rejects.toThrow(UnsupportedModelError);
    await expect(reading).rejects.toThrow(option);
  });

  it("accepts those options when they are off", async () => {
    const off = { use_dora: false, bias: "none", modules_to_save: [], rank_pattern: {}, use_rslora: null };
    expect((await readAdapter(adapterSource(off, good))).rslora).toBe(false);
  });

  it("names what is wrong with the files", async () => {
    await expect(readAdapter(adapterSource({ r: 0 }, good))).rejects.toThrow(/adapter_config\.json: r:/);
    await expect(readAdapter(adapterSource({ lora_alpha: "8" }, good))).rejects.toThrow(CorruptFileError);
    await expect(readAdapter(adapterSource({}, []))).rejects.toThrow(/no tensors/);
    await expect(readAdapter(adapterSource({}, good.slice(1)))).rejects.toThrow(MissingTensorError);
    await expect(readAdapter(adapterSource({ r: 2 }, good))).rejects.toThrow(ShapeError);
    await expect(
      readAdapter(
        adapterSource({}, good, [
          [1, 3],
          [2, 2],
        ]),
      ),
    ).rejects.toThrow(ShapeError);
    const twice = [...good, ...pair("base_model.model.model.language_model.layers.3.self_attn.q_proj")];
    await expect(readAdapter(adapterSource({}, twice))).rejects.toThrow(/given twice/);
    await expect(readAdapter(memorySource({}))).rejects.toThrow(MissingFileError);
  });
});

describe("writeAdapter", () => {
  it("writes the tensors and spelling that PEFT wrote, and reads back the same", async () => {
    const adapter = await readAdapter(vl, "adapter");
    const files = writeAdapter(adapter, { architecture: "qwen2_5_vl" });
    const source = memorySource(files);
    expect(await readAdapter(source)).toEqual(adapter);

    const written = await parseSafetensors(files.get("adapter_model.safetensors") ?? new Uint8Array());
    const original = await openSafetensors(vl, "adapter/adapter_model.safetensors");
    expect(written.metadata).toEqual({ format: "pt" });
    expect([...written.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort());
    for (const [name, entry] of original.tensors) {
      expect(written.tensors.get(name)?.shape).toEqual(entry.shape);
      expect(await written.readBytes(name)).toEqual(await original.readBytes(name));
    }
  });

  it("targets the decoder's linears only, as a full match", async () => {
    const files = writeAdapter(await readAdapter(vl, "adapter"), { architecture: "qwen2_5_vl" });
    const config = (await readJson(memorySource(files), "adapter_config.json")) as { target_modules: string };
    const target = new RegExp(`^(?:${config.target_modules})$`);
    expect("model.language_model.layers.1.mlp.down_proj").toMatch(target);
    expect("model.language_model.layers.0.self_attn.q_proj").toMatch(target);
    expect("model.visual.blocks.0.mlp.down_proj").not.toMatch(target);
    expect("model.language_model.layers.0.mlp").not.toMatch(target);
  });

  it("lists full paths when the layers differ", async () => {
    const whole = await readAdapter(fixtureSource("qwen2_tiny"), "adapter");
    const some: Adapter = { ...whole, tensors: new Map([...whole.tensors].slice(0, 9)) };
    const files = writeAdapter(some, { architecture: "qwen2" });
    const config = (await readJson(memorySource(files), "adapter_config.json")) as {
      target_modules: string[];
    };
    expect(config.target_modules).toEqual([...some.tensors.keys()].map((key) => `model.${key}`));
    expect(await readAdapter(memorySource(files))).toEqual(some);
  });

  it("refuses factors of another rank", async () => {
    const adapter = await readAdapter(vl, "adapter");
    expect(() => writeAdapter({ ...adapter, rank: 8 }, { architecture: "qwen2_5_vl" })).toThrow(ShapeError);
  });
});
