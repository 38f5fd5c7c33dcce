import { uniforms } from "./harness.ts";

/** A decoder in Qwen2's style: RMSNorm, RoPE, grouped-query attention with biases on q, k and v, SwiGLU, tied head. */
export interface DecoderConfig {
  name: string;
  V: number;
  C: number;
  F: number;
  layers: number;
  H: number;
  K: number;
  D: number;
  eps: number;
  ropeTheta: number;
}

/** 0.41M and 4.96M parameters, the sizes in which small-model trainers for the browser publish their step times. */
export const decoder04M: DecoderConfig = {
  name: "0.4M",
  V: 512,
  C: 128,
  F: 320,
  layers: 2,
  H: 4,
  K: 2,
  D: 32,
  eps: 1e-6,
  ropeTheta: 10_000,
};
export const decoder5M: DecoderConfig = {
  name: "5M",
  V: 2048,
  C: 256,
  F: 704,
  layers: 6,
  H: 4,
  K: 2,
  D: 64,
  eps: 1e-6,
  ropeTheta: 10_000,
};

/** AdamW as both sides run it. Decay applies to matrices alone. The global norm is computed and clipped to `maxNorm`. */
export interface TrainConfig {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  maxNorm: number;
  batch: number;
  length: number;
}

export const training: TrainConfig = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.01,
  maxNorm: 1,
  batch: 8,
  length: 128,
};

/** A parameter under its Hugging Face name; matrices are [out, in]. */
export interface Parameter {
  name: string;
  shape: number[];
  values: Float32Array<ArrayBuffer>;
}

/**
 * Deterministic parameters: norms about one, biases small but not zero, so that they matter. `spread` is the standard
 * deviation of the layers' matrices: 0.02 as models are initialised for training; larger, and greedy decoding wanders
 * instead of repeating a token, so that equal tokens prove more.
 */
export function decoderParameters({ V, C, F, layers, H, K, D }: DecoderConfig, spread = 0.02): Parameter[] {
  const parameters: Parameter[] = [];
  const add = (name: string, shape: number[], scale: number, offset = 0) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const values = uniforms(count, parameters.length + 1, scale).map((value) => value + offset);
    parameters.push({ name, shape, values });
  };
  add("model.embed_tokens.weight", [V, C], 0.02);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    add(`${prefix}input_layernorm.weight`, [C], 0.02, 1);
    add(`${prefix}self_attn.q_proj.weight`, [H * D, C], spread);
    add(`${prefix}self_attn.q_proj.bias`, [H * D], 0.02);
    add(`${prefix}self_attn.k_proj.weight`, [K * D, C], spread);
    add(`${prefix}self_attn.k_proj.bias`, [K * D], 0.02);
    add(`${prefix}self_attn.v_proj.weight`, [K * D, C], spread);
    add(`${prefix}self_attn.v_proj.bias`, [K * D], 0.02);
    add(`${prefix}self_attn.o_proj.weight`, [C, H * D], spread);
    add(`${prefix}post_attention_layernorm.weight`, [C], 0.02, 1);
    add(`${prefix}mlp.gate_proj.weight`, [F, C], spread);
    add(`${prefix}mlp.up_proj.weight`, [F, C], spread);
    add(`${prefix}mlp.down_proj.weight`, [C, F], spread);
  }
  add("model.norm.weight", [C], 0.02, 1);
  return parameters;
}

/** What config.json of a Hugging Face folder would say of this decoder. */
export function huggingFaceConfig(config: DecoderConfig): Record<string, unknown> {
  return {
    model_type: "qwen2",
    architectures: ["Qwen2ForCausalLM"],
    vocab_size: config.V,
    hidden_size: config.C,
    intermediate_size: config.F,
    num_hidden_layers: config.layers,
    num_attention_heads: config.H,
    num_key_value_heads: config.K,
    head_dim: config.D,
    rms_norm_eps: config.eps,
    rope_theta: config.ropeTheta,
    hidden_act: "silu",
    tie_word_embeddings: true,
    max_position_embeddings: 2048,
    torch_dtype: "float32",
  };
}

/** Input tokens and the tokens that follow them, [batch · length] each, the same for everybody. */
export function trainingTokens(
  { V }: DecoderConfig,
  { batch, length }: TrainConfig,
): { tokens: Int32Array<ArrayBuffer>; targets: Int32Array<ArrayBuffer> } {
  const tokens = new Int32Array(batch * length);
  const targets = new Int32Array(batch * length);
  const drawn = tokenDraws(V, batch * (length + 1), 77);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      tokens[b * length + t] = drawn[b * (length + 1) + t];
      targets[b * length + t] = drawn[b * (length + 1) + t + 1];
    }
  }
  return { tokens, targets };
}

function tokenDraws(V: number, count: number, seed: number): Int32Array<ArrayBuffer> {
  return Int32Array.from(uniforms(count, seed), (value) =>
    Math.min(V - 1, Math.floor((value / Math.sqrt(3) / 2 + 0.5) * V)),
  );
}

/** Greedy generation: `prompt` tokens of each of `batch` sequences are read, then `generated` are drawn. */
export interface DecodeConfig {
  batch: number;
  prompt: number;
  generated: number;
}

/** Spread of the matrices in the model that decodes. */
export const decodeSpread = 0.08;

/** [batch · prompt] tokens, the same for everybody, other ones for each sequence. */
export function promptTokens({ V }: DecoderConfig, { batch, prompt }: DecodeConfig): Int32Array<ArrayBuffer> {
  return tokenDraws(V, batch * prompt, 78);
}

/** Parameters that take part in a matrix product, the tied head included. */
function matmulParameters({ V, C, F, layers, H, K, D }: DecoderConfig): number {
  return layers * (2 * H * D * C + 2 * K * D * C + 3 * C * F) + V * C;
}

/** Operations of one training step: two products in the backward for each in the forward, and causal attention. */
export function trainStepFlops(config: DecoderConfig, { batch, length }: TrainConfig): number {
  const tokens = batch * length;
  const pairs = (batch * length * (length + 1)) / 2; // (query, key) pairs under the causal mask
  const attention = config.layers * pairs * config.H * config.D * (4 + 10); // forward 2 products, backward 5
  return 6 * tokens * matmulParameters(config) + attention;
}

/** Operations of one decoded token at a given context length, for each sequence. */
export function decodeFlops(config: DecoderConfig, context: number): number {
  return 2 * matmulParameters(config) + config.layers * context * config.H * config.D * 4;
}

/** Number of parameters. */
export function parameterCount(config: DecoderConfig): number {
  const { V, C, F, layers, H, K, D } = config;
  return V * C + layers * (2 * H * D * C + 2 * K * D * C + 3 * C * F + H * D + 2 * K * D + 2 * C) + C;
}
