import type { TensorEntry, TensorTable } from "../storage/safetensors.ts";
import { MissingTensorError, ShapeError } from "../util/errors.ts";
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

/** Roots of the decoder: the hub; in memory since transformers 4.52, written by some fine-tuning tools; and older ones. */
const TEXT_ROOTS = ["model.", "model.language_model.", "language_model.model."];
const HEAD_ROOTS = ["", "language_model.", "model."];
const VISION_ROOTS = ["visual.", "model.visual."];

/** Every weight of a model, with shapes, decoder first. A tied head has none of its own. */
export function weightSpecs(config: ModelConfig): WeightSpec[] {
  return [...textSpecs(config.text), ...(config.vision ? visionSpecs(config.vision) : [])];
}

/**
 * Finds every weight of the model in a checkpoint: name in the kit → entry in the file. Tensors that the model does
 * not need are left alone.
 * @throws MissingTensorError listing what is missing, ShapeError for a shape unlike the configuration's.
 */
export function resolveWeights(
  config: ModelConfig,
  table: Pick<TensorTable, "tensors">,
): Map<string, TensorEntry> {
  const found = new Map<string, TensorEntry>();
  const missing: WeightSpec[] = [];
  for (const spec of weightSpecs(config)) {
    const name = spec.candidates.find((candidate) => table.tensors.has(candidate));
    const entry = name === undefined ? undefined : table.tensors.get(name);
    if (!entry) {
      missing.push(spec);
      continue;
    }
    const same =
      entry.shape.length === spec.shape.length &&
      entry.shape.every((extent, axis) => extent === spec.shape[axis]);
    if (!same) throw new ShapeError(`weight ${entry.name}`, [...entry.shape], [...spec.shape]);
    found.set(spec.name, entry);
  }
  if (missing.length > 0) {
    const names = missing.slice(0, 8).map((spec) => spec.candidates[0]);
    throw new MissingTensorError(
      `${config.architecture}: ${missing.length} of ${found.size + missing.length} weights are missing: ` +
        `${names.join(", ")}${missing.length > names.length ? ", …" : ""}; the checkpoint has ` +
        `${table.tensors.size} tensors`,
    );
  }
  return found;
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
