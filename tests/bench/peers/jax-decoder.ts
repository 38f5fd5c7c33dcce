import * as jax from "@jax-js/jax";
import type { Contender } from "../harness.ts";
import { decoderParameters, trainingTokens, type DecoderConfig, type TrainConfig } from "../decoder-config.ts";
import { jaxArray, type JaxArray } from "./jax-js.ts";

const { numpy: np, nn } = jax;

type Parameters = Record<string, JaxArray>;

/**
 * The decoder's training step in jax-js: one jitted function from (parameters, moments, step) to their successors and
 * the loss, gradients by `valueAndGrad`. A run is one step and waits for all of its outputs; the loss is left on the GPU.
 */
export async function jaxTrainStep(config: DecoderConfig, train: TrainConfig): Promise<Contender> {
  const shapes = decoderParameters(config);
  const zeros = () => Object.fromEntries(shapes.map(({ name, shape }) => [name, np.zeros(shape)]));
  let parameters: Parameters = Object.fromEntries(
    shapes.map(({ name, shape, values }) => [name, jaxArray(values, shape)]),
  );
  let first: Parameters = zeros();
  let second: Parameters = zeros();
  let loss: JaxArray | undefined;
  const losses: number[] = [];
  let steps = 0;

  const { tokens, targets } = trainingTokens(config, train);
  const batch = [train.batch, train.length];
  const data = { tokens: jaxArray(tokens, batch), targets: jaxArray(targets, batch), ...rotation(config, train.length) };

  const step = jax.jit(
    (p: Parameters, m: Parameters, v: Parameters, corrections: JaxArray, batchData: Parameters) => {
      const [value, gradients] = jax.valueAndGrad((q: Parameters) => decoderLoss(config, q, batchData))(jax.tree.ref(p));
      jax.tree.dispose(batchData);
      return [adamW(train, p, gradients, m, v, corrections), value] as [[Parameters, Parameters, Parameters], JaxArray];
    },
  );

  const run = async () => {
    steps++;
    const corrections = jaxArray(
      Float32Array.of(1 / (1 - train.beta1 ** steps), 1 / (1 - train.beta2 ** steps)),
      [2],
    );
    const made = step(parameters, first, second, corrections, jax.tree.ref(data));
    loss?.dispose();
    [[parameters, first, second], loss] = made;
    await jax.blockUntilReady([parameters, first, second, loss]);
  };
  return {
    run,
    /** The losses before the first, second, third and fourth update: they agree only if the gradients do. */
    async read() {
      while (losses.length < 4) {
        if (losses.length > 0 || steps === 0) await run();
        losses.push(((await loss!.ref.data()) as Float32Array)[0]);
      }
      return Float32Array.from(losses);
    },
    dispose() {
      jax.tree.dispose([parameters, first, second, data]);
      loss?.dispose();
      step.dispose();
    },
  };
}

/** cos and sin [L, 1, D/2] of RoPE's angles. */
function rotation({ D, ropeTheta }: DecoderConfig, length: number): Parameters {
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

/** Mean cross-entropy of the next token. Consumes the parameters; the data is a constant of the trace. */
function decoderLoss(config: DecoderConfig, p: Parameters, data: Parameters): JaxArray {
  const { layers, H, K, D, C, V, eps } = config;
  const [B, L] = data.tokens.shape;
  const use = (name: string) => p[name].ref;
  const linear = (x: JaxArray, name: string) => np.matmul(x, use(`${name}.weight`).transpose());
  const biased = (x: JaxArray, name: string) => linear(x, name).add(use(`${name}.bias`));
  const norm = (x: JaxArray, name: string) => {
    const mean = np.square(x.ref).mean(-1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(mean.add(eps)))).mul(use(name));
  };

  let x = np.take(use("model.embed_tokens.weight"), data.tokens.ref, 0); // [B, L, C]
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    const h = norm(x.ref, `${prefix}input_layernorm.weight`);
    const q = rotate(biased(h.ref, `${prefix}self_attn.q_proj`).reshape([B, L, H, D]), data);
    const k = rotate(biased(h.ref, `${prefix}self_attn.k_proj`).reshape([B, L, K, D]), data);
    const v = biased(h, `${prefix}self_attn.v_proj`).reshape([B, L, K, D]);
    const o = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([B, L, H * D]);
    x = x.add(linear(o, `${prefix}self_attn.o_proj`));
    const g = norm(x.ref, `${prefix}post_attention_layernorm.weight`);
    const gate = nn.silu(linear(g.ref, `${prefix}mlp.gate_proj`));
    x = x.add(linear(gate.mul(linear(g, `${prefix}mlp.up_proj`)), `${prefix}mlp.down_proj`));
  }
  const hidden = norm(x, "model.norm.weight").reshape([B * L, C]);
  const logits = np.matmul(hidden, use("model.embed_tokens.weight").transpose()); // [B·L, V]
  const picked = logits.ref.mul(nn.oneHot(data.targets.ref.reshape([B * L]), V)).sum(-1);
  const loss = nn.logsumexp(logits, -1).sub(picked).mean();
  jax.tree.dispose(p);
  return loss;
}

/** RoPE over halves, as Qwen2 does it. x [B, L, heads, D]. */
function rotate(x: JaxArray, { cos, sin }: Parameters): JaxArray {
  const half = x.shape[3] / 2;
  const a = x.ref.slice([], [], [], [0, half]);
  const b = x.slice([], [], [], [half, 2 * half]);
  const left = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref));
  const right = b.mul(cos.ref).add(a.mul(sin.ref));
  return np.concatenate([left, right], -1);
}

/** One AdamW update after clipping by the global norm. `corrections` holds 1/(1−β₁ᵗ) and 1/(1−β₂ᵗ). */
function adamW(
  { learningRate, beta1, beta2, eps, weightDecay, maxNorm }: TrainConfig,
  parameters: Parameters,
  gradients: Parameters,
  first: Parameters,
  second: Parameters,
  corrections: JaxArray,
): [Parameters, Parameters, Parameters] {
  const names = Object.keys(parameters);
  const squares = names.map((name) => np.square(gradients[name].ref).sum());
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  const clip = np.minimum(np.reciprocal(norm.add(1e-6)).mul(maxNorm), 1);
  const correction1 = corrections.ref.slice(0);
  const correction2 = corrections.slice(1);
  const next: [Parameters, Parameters, Parameters] = [{}, {}, {}];
  for (const name of names) {
    const p = parameters[name];
    const g = gradients[name].mul(clip.ref);
    const m = first[name].mul(beta1).add(g.ref.mul(1 - beta1));
    const v = second[name].mul(beta2).add(np.square(g).mul(1 - beta2));
    const direction = m.ref.mul(correction1.ref).div(np.sqrt(v.ref.mul(correction2.ref)).add(eps));
    const decay = p.ndim > 1 ? 1 - learningRate * weightDecay : 1;
    next[0][name] = p.mul(decay).sub(direction.mul(learningRate));
    next[1][name] = m;
    next[2][name] = v;
  }
  jax.tree.dispose([clip, correction1, correction2]);
  return next;
}
