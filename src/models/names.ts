import type { Quantization, QuantizedAs } from "../storage/mlx.ts";
import type { TensorEntry, TensorTable } from "../storage/safetensors.ts";
import { CorruptFileError, MissingTensorError, ShapeError } from "../util/errors.ts";
import type { ModelConfig, TextConfig, VisionConfig } from "./config.ts";

/** A weight the architecture needs. */
export interface WeightSpec {
  /**
   * Its name in the kit: Hugging Face's without the root, so that all spellings of a root meet in one. Text:
   * `embed_tokens.weight`, `layers.0.self_attn.q_proj.weight`, `norm.weight`, `lm_head.weight`; vision:
   * `visual.blocks.0.attn.qkv.weight`, `visual.merger.mlp.0.weight`.
   */
  readonly name: string;
  /** Names it may have in a file, the most usual first. */
  readonly candidates: readonly string[];
  readonly shape: readonly number[];
}

/** Where a weight is in a file. */
export interface StoredWeight extends TensorEntry {
  /** Of a quantized weight: how, and its scales and biases. */
  readonly quantized?: QuantizedAs & { readonly scales: TensorEntry; readonly biases: TensorEntry };
  /** The file has a convolution's input channels behind its other axes, as MLX does. */
  readonly channelsLast?: boolean;
}

/** Roots of the decoder: the hub; in memory since transformers 4.52, written by some fine-tuning tools; and older ones. */
const TEXT_ROOTS = ["model.", "model.language_model.", "language_model.model."];
const HEAD_ROOTS = ["", "language_model.", "model."];
/** The last is MLX's. */
const VISION_ROOTS = ["visual.", "model.visual.", "vision_tower."];

/** Every weight of a model, with shapes, decoder first. A tied head has none of its own. */
export function weightSpecs(config: Pick<ModelConfig, "text" | "vision">): WeightSpec[] {
  return [...textSpecs(config.text), ...(config.vision ? visionSpecs(config.vision) : [])];
}

/**
 * Finds every weight of the model in a checkpoint, plain or quantized as MLX does: name in the kit → place in the file.
 * Tensors that the model does not need are left alone.
 * @throws MissingTensorError listing what is missing, ShapeError for a shape unlike the configuration's,
 *   CorruptFileError for quantized weights that config.json does not speak of, or in groups that do not fit.
 */
export function resolveWeights(
  config: Pick<ModelConfig, "architecture" | "text" | "vision" | "quantization">,
  table: Pick<TensorTable, "tensors">,
): Map<string, StoredWeight> {
  const found = new Map<string, StoredWeight>();
  const missing: string[] = [];
  for (const spec of weightSpecs(config)) {
    const name = spec.candidates.find((candidate) => table.tensors.has(candidate));
    const entry = name === undefined ? undefined : table.tensors.get(name);
    if (entry) found.set(spec.name, place(spec, entry, table, config.quantization));
    else missing.push(spec.candidates[0]);
  }
  if (missing.length > 0) {
    const names = missing.slice(0, 8);
    throw new MissingTensorError(
      `${config.architecture}: ${missing.length} of ${found.size + missing.length} weights are missing: ` +
        `${names.join(", ")}${missing.length > names.length ? ", …" : ""}; the checkpoint has ` +
        `${table.tensors.size} tensors`,
    );
  }
  return found;
}

/** A weight that the file has, held to the shape it must have there. */
function place(
  { shape }: WeightSpec,
  entry: TensorEntry,
  { tensors }: Pick<TensorTable, "tensors">,
  quantization: Quantization | undefined,
): StoredWeight {
  const module = entry.name.replace(/\.weight$/, "");
  const scales = tensors.get(`${module}.scales`);
  // No architecture here has integers for weights: words without scales are what is left of a quantized weight.
  if (!entry.name.endsWith(".weight") || !(scales || entry.dtype === "U32")) {
    // A convolution [out, in, …axes] is [out, …axes, in] in MLX's files.
    const last = shape.length === 5 ? [shape[0], ...shape.slice(2), shape[1]] : shape;
    if (!sameShape(entry.shape, shape) && sameShape(entry.shape, last))
      return { ...entry, channelsLast: true };
    expectShape(entry, shape);
    return entry;
  }
  const as = quantization?.modules.get(module) ?? quantization;
  if (!as) {
    throw new CorruptFileError(
      `weight ${entry.name} is quantized: got a config.json that does not say how, expected ` +
        `"quantization": {"group_size": …, "bits": …}`,
    );
  }
  const biases = tensors.get(`${module}.biases`);
  if (!scales || !biases) {
    const lacking = scales ? "biases" : "scales";
    throw new MissingTensorError(
      `weight ${entry.name} is quantized and its ${lacking} are missing: got no ${module}.${lacking}`,
    );
  }
  const [N, K, ...rest] = shape;
  if (rest.length > 0 || K % as.group !== 0) {
    throw new CorruptFileError(
      `weight ${entry.name}: got a quantized weight of shape [${shape.join(", ")}], expected a matrix whose rows are ` +
        `whole groups of ${as.group}`,
    );
  }
  if (entry.dtype !== "U32") {
    throw new CorruptFileError(
      `weight ${entry.name}: got ${entry.dtype} beside scales, expected words (U32)`,
    );
  }
  expectShape(entry, [N, (K * as.bits) / 32]);
  for (const floats of [scales, biases]) {
    expectShape(floats, [N, K / as.group]);
    if (!["F16", "BF16", "F32"].includes(floats.dtype)) {
      throw new CorruptFileError(`${floats.name}: got ${floats.dtype}, expected F16, BF16 or F32`);
    }
  }
  return { ...entry, quantized: { bits: as.bits, group: as.group, scales, biases } };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

function expectShape({ name, shape }: TensorEntry, expected: readonly number[]): void {
  if (!sameShape(shape, expected)) throw new ShapeError(`weight ${name}`, [...shape], [...expected]);
}

function textSpecs(text: TextConfig): WeightSpec[] {
  const { hiddenSize: C, intermediateSize: F, vocabSize: V } = text;
  const queries = text.numHeads * text.headDim;
  const keys = text.numKvHeads * text.headDim;
  const specs: WeightSpec[] = [];
  const add = (name: string, ...shape: number[]) =>
    specs.push({ name, candidates: TEXT_ROOTS.map((root) => root + name), shape });

  add("embed_tokens.weight", V, C);
  for (let layer = 0; layer < text.numLayers; layer++) {
    const at = `layers.${layer}.`;
    add(`${at}input_layernorm.weight`, C);
    for (const [module, width] of [
      ["q_proj", queries],
      ["k_proj", keys],
      ["v_proj", keys],
    ] as const) {
      add(`${at}self_attn.${module}.weight`, width, C);
      if (text.attentionBias) add(`${at}self_attn.${module}.bias`, width);
    }
    add(`${at}self_attn.o_proj.weight`, C, queries);
    add(`${at}post_attention_layernorm.weight`, C);
    add(`${at}mlp.gate_proj.weight`, F, C);
    add(`${at}mlp.up_proj.weight`, F, C);
    add(`${at}mlp.down_proj.weight`, C, F);
  }
  add("norm.weight", C);
  if (!text.tieWordEmbeddings) {
    const name = "lm_head.weight";
    specs.push({ name, candidates: HEAD_ROOTS.map((root) => root + name), shape: [V, C] });
  }
  return specs;
}

function visionSpecs(vision: VisionConfig): WeightSpec[] {
  const { hiddenSize: C, intermediateSize: F, patchSize, mergeSize } = vision;
  const merged = C * mergeSize * mergeSize;
  const specs: WeightSpec[] = [];
  const add = (name: string, ...shape: number[]) =>
    specs.push({ name: `visual.${name}`, candidates: VISION_ROOTS.map((root) => root + name), shape });
  const addLinear = (name: string, N: number, K: number) => {
    add(`${name}.weight`, N, K);
    add(`${name}.bias`, N);
  };

  add("patch_embed.proj.weight", C, vision.inChannels, vision.temporalPatchSize, patchSize, patchSize);
  for (let block = 0; block < vision.depth; block++) {
    const at = `blocks.${block}.`;
    add(`${at}norm1.weight`, C);
    addLinear(`${at}attn.qkv`, 3 * C, C);
    addLinear(`${at}attn.proj`, C, C);
    add(`${at}norm2.weight`, C);
    addLinear(`${at}mlp.gate_proj`, F, C);
    addLinear(`${at}mlp.up_proj`, F, C);
    addLinear(`${at}mlp.down_proj`, C, F);
  }
  add("merger.ln_q.weight", C);
  addLinear("merger.mlp.0", merged, merged);
  addLinear("merger.mlp.2", vision.outHiddenSize, merged);
  return specs;
}
