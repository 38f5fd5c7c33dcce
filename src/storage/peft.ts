import * as v from "valibot";
import { CorruptFileError, MissingTensorError, ShapeError, UnsupportedModelError } from "../util/errors.ts";
import { openSafetensors, writeSafetensors, type TensorData } from "./safetensors.ts";
import { readJson, type Bytes, type FileSource, type ReadOptions } from "./source.ts";

/** The seven linears of a decoder block that an adapter can change, as named inside a layer. */
export const LORA_MODULES = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
] as const;

export type LoraModule = (typeof LORA_MODULES)[number];

/** The two factors for one linear [N, K]: y += scale · (x · aᵀ) · bᵀ. */
export interface LoraFactors {
  /** `lora_A` [R, K]. */
  a: Float32Array;
  /** `lora_B` [N, R]. */
  b: Float32Array;
  N: number;
  K: number;
}

/** A LoRA adapter of a decoder, as PEFT stores it. */
export interface Adapter {
  rank: number;
  alpha: number;
  /** rsLoRA: the scale is alpha / √rank, not alpha / rank (Kalajdzievski 2023, arXiv:2312.03732). */
  rslora: boolean;
  /** alpha / rank, or alpha / √rank with rslora. */
  scale: number;
  /** What `base_model_name_or_path` says, for the record. */
  baseModel: string | null;
  /** By the weight that they belong to, e.g. `layers.0.self_attn.q_proj`. */
  tensors: Map<string, LoraFactors>;
}

/** The module path of a family's decoder layers in transformers of today, which PEFT loads by. */
const LAYER_ROOT = {
  qwen2: "model.layers",
  qwen2_5_vl: "model.language_model.layers",
} as const;

export type AdapterArchitecture = keyof typeof LAYER_ROOT;

/** The key of a linear in {@link Adapter.tensors}, and its name in the kit: `layers.<layer>.<module>`. */
export function adapterKey(layer: number, module: LoraModule): string {
  return `layers.${layer}.${module}`;
}

/** alpha / rank, or alpha / √rank with rsLoRA. */
export function loraScale(rank: number, alpha: number, rslora: boolean): number {
  return alpha / (rslora ? Math.sqrt(rank) : rank);
}

const AdapterConfig = v.object({
  peft_type: v.literal("LORA"),
  r: v.pipe(v.number(), v.integer(), v.minValue(1)),
  lora_alpha: v.number(),
  use_rslora: v.optional(v.nullable(v.boolean()), false),
  base_model_name_or_path: v.optional(v.nullable(v.string()), null),
});

/** Options that change the maths, with the values under which they do not. */
const UNSUPPORTED: Record<string, (value: unknown) => boolean> = {
  use_dora: off,
  use_qalora: off,
  use_bdlora: off,
  lora_bias: off,
  fan_in_fan_out: off,
  bias: (value) => off(value) || value === "none",
  modules_to_save: empty,
  rank_pattern: empty,
  alpha_pattern: empty,
  layer_replication: empty,
  trainable_token_indices: empty,
  target_parameters: empty,
  alora_invocation_tokens: empty,
  megatron_config: empty,
};

/**
 * Reads a PEFT adapter: `adapter_config.json` and `adapter_model.safetensors` under `folder`. The spellings of all
 * transformers versions are accepted: `model.language_model.layers`, `model.layers`, `language_model.model.layers`.
 * @throws UnsupportedModelError for another PEFT method or an option that changes the maths,
 *   CorruptFileError for tensors that are not a decoder's linears, MissingTensorError when half of a pair is absent,
 *   ShapeError when A and B do not fit the rank.
 */
export async function readAdapter(source: FileSource, folder = "", options?: ReadOptions): Promise<Adapter> {
  const at = (file: string) => (folder ? `${folder.replace(/\/$/, "")}/${file}` : file);
  const configPath = at("adapter_config.json");
  const config = parseAdapterConfig(await readJson(source, configPath, options), configPath);
  const path = at("adapter_model.safetensors");
  const table = await openSafetensors(source, path, options);

  const pairs = new Map<string, { a?: string; b?: string }>();
  for (const name of table.tensors.keys()) {
    const { key, half } = parseTensorName(name, path);
    const pair = pairs.get(key) ?? {};
    if (pair[half]) {
      throw new CorruptFileError(`${path}: ${key} is given twice: ${pair[half]} and ${name}`);
    }
    pair[half] = name;
    pairs.set(key, pair);
  }
  if (pairs.size === 0) throw new CorruptFileError(`${path}: got no tensors, expected LoRA pairs`);

  const { rank } = config;
  const factors = new Map<string, LoraFactors>();
  for (const key of [...pairs.keys()].sort()) {
    const pair = pairs.get(key) ?? {};
    if (pair.a === undefined || pair.b === undefined) {
      throw new MissingTensorError(
        `${path}: ${key} has only lora_${pair.a === undefined ? "B" : "A"}, expected lora_A and lora_B`,
      );
    }
    const shapeA = table.tensors.get(pair.a)?.shape ?? [];
    const shapeB = table.tensors.get(pair.b)?.shape ?? [];
    if (shapeA.length !== 2 || shapeA[0] !== rank) throw new ShapeError(pair.a, [...shapeA], [rank, "K"]);
    if (shapeB.length !== 2 || shapeB[1] !== rank) throw new ShapeError(pair.b, [...shapeB], ["N", rank]);
    factors.set(key, {
      a: await table.readFloat32(pair.a, options),
      b: await table.readFloat32(pair.b, options),
      K: shapeA[1],
      N: shapeB[0],
    });
  }
  return { ...config, tensors: factors };
}

function parseAdapterConfig(json: unknown, path: string): Omit<Adapter, "tensors"> {
  const record: Record<string, unknown> = typeof json === "object" && json !== null ? { ...json } : {};
  if (record.peft_type !== undefined && record.peft_type !== "LORA") {
    throw new UnsupportedModelError(
      `${path}: got peft_type ${JSON.stringify(record.peft_type)}, expected LORA`,
    );
  }
  const parsed = v.safeParse(AdapterConfig, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new CorruptFileError(`${path}: ${v.getDotPath(issue) ?? "content"}: ${issue.message}`);
  }
  for (const [option, neutral] of Object.entries(UNSUPPORTED)) {
    if (!neutral(record[option])) {
      throw new UnsupportedModelError(
        `${path}: got ${option} = ${JSON.stringify(record[option])}, expected it off: the kit has plain LoRA and rsLoRA`,
      );
    }
  }
  const { r: rank, lora_alpha: alpha, base_model_name_or_path: baseModel } = parsed.output;
  const rslora = parsed.output.use_rslora === true;
  return { rank, alpha, rslora, scale: loraScale(rank, alpha, rslora), baseModel };
}

/** Any root, then `layers.<i>.<module>.lora_A.weight`, with an adapter name in between or not. */
function parseTensorName(name: string, path: string): { key: string; half: "a" | "b" } {
  const match =
    /^(?:base_model\.model\.)?(.*?)layers\.(\d+)\.([a-z_.]+?)\.lora_([AB])(?:\.default)?\.weight$/.exec(name);
  const [, root, layer, module, half] = match ?? [];
  const known = LORA_MODULES.find((candidate) => candidate === module);
  if (!match || !known || !ACCEPTED_ROOTS.has(root)) {
    throw new CorruptFileError(
      `${path}: got tensor ${name}, expected …layers.<i>.<module>.lora_A.weight or lora_B.weight of a decoder, ` +
        `module being one of ${LORA_MODULES.join(", ")}`,
    );
  }
  return { key: adapterKey(Number(layer), known), half: half === "A" ? "a" : "b" };
}

/** What may stand before `layers.`; a vision tower's blocks are named otherwise and are refused. */
const ACCEPTED_ROOTS = new Set([
  "",
  "model.",
  "model.model.",
  "language_model.",
  "model.language_model.",
  "model.language_model.model.",
  "language_model.model.",
]);

/**
 * The two files of a PEFT adapter, by name. Module paths are those that transformers of today gives the model: for a
 * vision-language model `model.language_model.layers`, as the checkpoint's own spelling loads with a warning only and
 * changes nothing. `target_modules` is a regular expression that names the decoder, as a list of suffixes would also
 * hit the vision tower's linears.
 */
export function writeAdapter(
  adapter: Adapter,
  { architecture }: { architecture: AdapterArchitecture },
): Map<string, Bytes> {
  const root = LAYER_ROOT[architecture];
  const tensors: TensorData[] = [];
  const modules = new Set<string>();
  for (const [key, { a, b, N, K }] of adapter.tensors) {
    const path = key.replace(/^layers/, `base_model.model.${root}`);
    const { rank } = adapter;
    tensors.push({ name: `${path}.lora_A.weight`, dtype: "F32", shape: [rank, K], data: a });
    tensors.push({ name: `${path}.lora_B.weight`, dtype: "F32", shape: [N, rank], data: b });
    modules.add(key.split(".").slice(-1)[0]);
  }
  const suffixes = LORA_MODULES.map((module) => module.split(".")[1]).filter((suffix) => modules.has(suffix));
  const config = {
    base_model_name_or_path: adapter.baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: adapter.rank,
    target_modules: targetModules(adapter, root, suffixes),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: adapter.rslora,
  };
  return new Map([
    ["adapter_config.json", new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)],
    ["adapter_model.safetensors", writeSafetensors(tensors, { format: "pt" })],
  ]);
}

/** One expression when every layer has the same linears, else each linear by its full path. */
function targetModules(adapter: Adapter, root: string, suffixes: readonly string[]): string | string[] {
  const layers = new Set([...adapter.tensors.keys()].map((key) => key.split(".")[1]));
  if (adapter.tensors.size === layers.size * suffixes.length) {
    const last = Math.max(...[...layers].map(Number));
    const contiguous = layers.size === last + 1;
    if (contiguous) return `${root.replaceAll(".", "\\.")}\\.\\d+\\..*\\.(${suffixes.join("|")})`;
  }
  return [...adapter.tensors.keys()].map((key) => key.replace(/^layers/, root));
}

function off(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

function empty(value: unknown): boolean {
  if (off(value)) return true;
  return typeof value === "object" && Object.keys(value as object).length === 0;
}
