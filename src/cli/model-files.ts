import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { readJson } from "../storage/source.ts";
import { isRecord } from "../util/is-record.ts";
import { openModel, writeJson } from "./session.ts";

/** What a Hugging Face folder has beside its weights. */
const companions = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.json",
  "merges.txt",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "preprocessor_config.json",
];

/** Puts the rest of a model's folder beside weights that were trained, so that they load as a model. */
export async function saveModelFiles(model: string, out: string): Promise<void> {
  const source = await openModel(model);
  for (const name of companions) {
    if (await source.exists(name)) await writeFile(join(out, name), await source.read(name));
  }
  const config = await readJson(source, "config.json");
  // The weights are plain f32 now, whatever they were.
  const plain = isRecord(config)
    ? Object.fromEntries(Object.entries(config).filter(([key]) => !/^quantization(_config)?$/.test(key)))
    : {};
  await writeJson(join(out, "config.json"), { ...plain, torch_dtype: "float32" });
}
