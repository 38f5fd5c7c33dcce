import { describe, expect, it } from "vitest";
import { parseModelConfig } from "../../src/models/config.ts";
import type { ModelConfig } from "../../src/models/config.ts";
import { exportWeights } from "../../src/models/export-weights.ts";
import { Model } from "../../src/models/model.ts";
import { weightSpecs } from "../../src/models/names.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { writeSafetensors } from "../../src/storage/safetensors.ts";
import { memorySource, readJson } from "../../src/storage/source.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";
import { distinctWeights, outputs } from "../support/tiny-model.ts";

const folder = await tinyPolicySource();
const configJson = await readJson(folder, "config.json");
const config: ModelConfig = parseModelConfig(configJson);
const device = await sharedDevice();

describe("exportWeights", () => {
  it("gives a checkpoint that loads to the same weights, log-probs and features", async () => {
    const source = distinctWeights(config, 3);
    const trained = await Model.create(device, config, source, { dense: "all" });
    const tensors = await exportWeights(trained);

    expect(tensors.map(({ name, shape, dtype }) => ({ name, shape, dtype }))).toEqual(
      weightSpecs(config).map(({ candidates, shape }) => ({ name: candidates[0], shape, dtype: "F32" })),
    );
    for (const [index, { name }] of weightSpecs(config).entries()) {
      expect(tensors[index].data, name).toEqual(await source.read(name));
    }
    const files = {
      "config.json": new TextEncoder().encode(JSON.stringify(configJson)),
      "model.safetensors": writeSafetensors(tensors),
    };
    const loaded = await Model.load(device, memorySource(files), { format: "f32" });
    const expected = await outputs(trained);
    expect(new Set([...expected.logp, ...expected.features]).size).toBeGreaterThan(100);
    expect(await outputs(loaded)).toEqual(expected);
    loaded.destroy();
    trained.destroy();
  });

  it("gives the decoder's weights where the decoder alone is trained", async () => {
    const source = distinctWeights(config, 4);
    const trained = await Model.create(device, config, source, { format: "f32", dense: "decoder" });
    const names = (await exportWeights(trained)).map(({ name }) => name);
    expect(names).toEqual(
      weightSpecs({ ...config, vision: undefined }).map(({ candidates }) => candidates[0]),
    );
    trained.destroy();
  });

  it.each([{ lora: { rank: 2 } }, {}])("refuses a model with %o", async (options) => {
    const model = await Model.create(device, { ...config, vision: undefined }, distinctWeights(config, 5), {
      format: "f32",
      ...options,
    });
    await expect(exportWeights(model)).rejects.toThrow(InvalidOptionError);
    model.destroy();
  });
});
