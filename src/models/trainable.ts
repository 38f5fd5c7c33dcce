/** Which tensors are trained, by name and shape: known before anything is allocated. */
import type { ParameterSpec } from "../layers/parameters.ts";
import { Rng } from "../util/rng.ts";
import type { ModelConfig, TextConfig } from "./config.ts";
import { VisionTower } from "./vision-tower.ts";

/** Linear layers of a decoder block, by PEFT's names, with their shapes [N, K]. */
export function decoderLinears(text: TextConfig): Record<string, readonly [N: number, K: number]> {
  const { hiddenSize: C, intermediateSize: F } = text;
  const queries = text.numHeads * text.headDim;
  const keys = text.numKvHeads * text.headDim;
  return {
    "self_attn.q_proj": [queries, C],
    "self_attn.k_proj": [keys, C],
    "self_attn.v_proj": [keys, C],
    "self_attn.o_proj": [C, queries],
    "mlp.gate_proj": [F, C],
    "mlp.up_proj": [F, C],
    "mlp.down_proj": [C, F],
  };
}

/** LoRA on every linear layer of the decoder: A [R, K] and B [N, R] of each. */
export function loraSpecs(text: TextConfig, rank: number): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  for (let layer = 0; layer < text.numLayers; layer++) {
    for (const [module, [N, K]] of Object.entries(decoderLinears(text))) {
      specs.push({ name: `layers.${layer}.${module}.lora_A`, shape: [rank, K], decay: true });
      specs.push({ name: `layers.${layer}.${module}.lora_B`, shape: [N, rank], decay: true });
    }
  }
  return specs;
}

/** PEFT's start: A uniform in ±1/√K (its Kaiming bound with a = √5), B zero, so that the adapter changes nothing yet. */
export function initialLora(specs: readonly ParameterSpec[], seed: number): Map<string, Float32Array> {
  const rng = new Rng(seed);
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of specs) {
    const [rows, columns] = shape;
    const data = new Float32Array(rows * columns);
    const bound = 1 / Math.sqrt(columns);
    if (name.endsWith("lora_A"))
      for (let i = 0; i < data.length; i++) data[i] = (rng.uniform() * 2 - 1) * bound;
    values.set(name, data);
  }
  return values;
}

/** Every weight of the model, for dense training. Norms and biases do not decay. */
export function denseSpecs({ text, vision }: ModelConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const matrix = (name: string, N: number, K: number) =>
    specs.push({ name: `${name}.weight`, shape: [N, K], decay: true });
  const vector = (name: string, length: number) => specs.push({ name, shape: [length], decay: false });
  matrix("embed_tokens", text.vocabSize, text.hiddenSize);
  for (let layer = 0; layer < text.numLayers; layer++) {
    const at = `layers.${layer}`;
    for (const [module, [N, K]] of Object.entries(decoderLinears(text))) {
      matrix(`${at}.${module}`, N, K);
      if (text.attentionBias && /[qkv]_proj$/.test(module)) vector(`${at}.${module}.bias`, N);
    }
    vector(`${at}.input_layernorm.weight`, text.hiddenSize);
    vector(`${at}.post_attention_layernorm.weight`, text.hiddenSize);
  }
  vector("norm.weight", text.hiddenSize);
  if (!text.tieWordEmbeddings) matrix("lm_head", text.vocabSize, text.hiddenSize);
  if (vision) {
    const { hiddenSize: C, intermediateSize: F } = vision;
    const wide = C * vision.mergeSize ** 2;
    const biased = (name: string, N: number, K: number) => {
      matrix(name, N, K);
      vector(`${name}.bias`, N);
    };
    matrix("visual.patch_embed.proj", C, VisionTower.patchDim(vision));
    for (let index = 0; index < vision.depth; index++) {
      const at = `visual.blocks.${index}`;
      for (const module of ["q", "k", "v", "proj"]) biased(`${at}.attn.${module}`, C, C);
      biased(`${at}.mlp.gate_proj`, F, C);
      biased(`${at}.mlp.up_proj`, F, C);
      biased(`${at}.mlp.down_proj`, C, F);
      vector(`${at}.norm1.weight`, C);
      vector(`${at}.norm2.weight`, C);
    }
    vector("visual.merger.ln_q.weight", C);
    biased("visual.merger.mlp.0", wide, wide);
    biased("visual.merger.mlp.2", vision.outHiddenSize, wide);
  }
  return specs;
}
