import * as jax from "@jax-js/jax";
import type { DecoderConfig } from "../decoder-config.ts";
import { decoderParameters } from "../decoder-config.ts";
import { jaxArray, type JaxArray } from "./jax-js.ts";

const { numpy: np, nn } = jax;

/** Named arrays: parameters, moments, caches, inputs. */
export type Arrays = Record<string, JaxArray>;

/** The decoder's parameters under their Hugging Face names. */
export function jaxParameters(config: DecoderConfig, spread?: number): Arrays {
  return Object.fromEntries(
    decoderParameters(config, spread).map(({ name, shape, values }) => [name, jaxArray(values, shape)]),
  );
}

/** cos and sin [length, 1, D/2] of RoPE's angles. */
export function rotation({ D, ropeTheta }: DecoderConfig, length: number): { cos: JaxArray; sin: JaxArray } {
  const half = D / 2;
  const table = (f: (angle: number) => number) => {
    const values = new Float32Array(length * half);
    for (let t = 0; t < length; t++) {
      for (let i = 0; i < half; i++) values[t * half + i] = f(t * ropeTheta ** (-i / half));
    }
    return jaxArray(values, [length, 1, half]);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** How a layer's queries meet keys and values: q [B, L, H, D], k, v [B, L, K, D], consumed → o [B, L, H, D]. */
export type Attend = (layer: number, q: JaxArray, k: JaxArray, v: JaxArray) => JaxArray;

/** tokens [B, L] → hidden states after the final norm [B, L, C]. Consumes nothing. cos, sin [L, 1, D/2]. */
export function decoderHidden(
  config: DecoderConfig,
  p: Arrays,
  { tokens, cos, sin }: { tokens: JaxArray; cos: JaxArray; sin: JaxArray },
  attend: Attend,
): JaxArray {
  const { layers, H, K, D, eps } = config;
  const [B, L] = tokens.shape;
  const use = (name: string) => p[name].ref;
  const linear = (x: JaxArray, name: string) => np.matmul(x, use(`${name}.weight`).transpose());
  const biased = (x: JaxArray, name: string) => linear(x, name).add(use(`${name}.bias`));
  const norm = (x: JaxArray, name: string) => {
    const mean = np.square(x.ref).mean(-1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(mean.add(eps)))).mul(use(name));
  };
  const rotate = (x: JaxArray) => {
    const a = x.ref.slice([], [], [], [0, D / 2]);
    const b = x.slice([], [], [], [D / 2, D]);
    const left = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref));
    const right = b.mul(cos.ref).add(a.mul(sin.ref));
    return np.concatenate([left, right], -1);
  };

  let x = np.take(use("model.embed_tokens.weight"), tokens.ref, 0);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    const h = norm(x.ref, `${prefix}input_layernorm.weight`);
    const q = rotate(biased(h.ref, `${prefix}self_attn.q_proj`).reshape([B, L, H, D]));
    const k = rotate(biased(h.ref, `${prefix}self_attn.k_proj`).reshape([B, L, K, D]));
    const v = biased(h, `${prefix}self_attn.v_proj`).reshape([B, L, K, D]);
    const o = attend(layer, q, k, v).reshape([B, L, H * D]);
    x = x.add(linear(o, `${prefix}self_attn.o_proj`));
    const g = norm(x.ref, `${prefix}post_attention_layernorm.weight`);
    const gate = nn.silu(linear(g.ref, `${prefix}mlp.gate_proj`));
    x = x.add(linear(gate.mul(linear(g, `${prefix}mlp.up_proj`)), `${prefix}mlp.down_proj`));
  }
  return norm(x, "model.norm.weight");
}
