import * as jax from "@jax-js/jax";
import type { Contender } from "../harness.ts";
import {
  decoderParameters,
  trainingTokens,
  type DecoderConfig,
  type TrainConfig,
} from "../decoder-config.ts";
import { decoderHidden, jaxParameters, rotation, type Arrays } from "./jax-decoder.ts";
import { jaxArray, type JaxArray } from "./jax-js.ts";

const { numpy: np, nn } = jax;

/**
 * The decoder's training step in jax-js: one jitted function from (parameters, moments, step) to their successors and
 * the loss, gradients by `valueAndGrad`. A run is one step and waits for all of its outputs; the loss is left on the GPU.
 */
export function jaxTrainStep(config: DecoderConfig, train: TrainConfig): Contender {
  const shapes = decoderParameters(config);
  const zeros = () => Object.fromEntries(shapes.map(({ name, shape }) => [name, np.zeros(shape)]));
  let parameters = jaxParameters(config);
  let first: Arrays = zeros();
  let second: Arrays = zeros();
  let loss: JaxArray | undefined;
  const losses: number[] = [];
  let steps = 0;

  const { tokens, targets } = trainingTokens(config, train);
  const batch = [train.batch, train.length];
  const data = {
    tokens: jaxArray(tokens, batch),
    targets: jaxArray(targets, batch),
    ...rotation(config, train.length),
  };

  const step = jax.jit((p: Arrays, m: Arrays, v: Arrays, corrections: JaxArray, batchData: Arrays) => {
    const [value, gradients] = jax.valueAndGrad((q: Arrays) => decoderLoss(config, q, batchData))(
      jax.tree.ref(p),
    );
    jax.tree.dispose(batchData);
    return [adamW(train, p, gradients, m, v, corrections), value] as [[Arrays, Arrays, Arrays], JaxArray];
  });

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

/** Mean cross-entropy of the next token. Consumes the parameters; the data is a constant of the trace. */
function decoderLoss(config: DecoderConfig, p: Arrays, { tokens, targets, cos, sin }: Arrays): JaxArray {
  const { C, V } = config;
  const rows = tokens.size;
  const causal = (_: number, q: JaxArray, k: JaxArray, v: JaxArray) =>
    nn.dotProductAttention(q, k, v, { isCausal: true });
  const hidden = decoderHidden(config, p, { tokens, cos, sin }, causal).reshape([rows, C]);
  const logits = np.matmul(hidden, p["model.embed_tokens.weight"].ref.transpose()); // [B·L, V]
  const picked = logits.ref.mul(nn.oneHot(targets.ref.reshape([rows]), V)).sum(-1);
  const loss = nn.logsumexp(logits, -1).sub(picked).mean();
  jax.tree.dispose(p);
  return loss;
}

/** One AdamW update after clipping by the global norm. `corrections` holds 1/(1−β₁ᵗ) and 1/(1−β₂ᵗ). */
function adamW(
  { learningRate, beta1, beta2, eps, weightDecay, maxNorm }: TrainConfig,
  parameters: Arrays,
  gradients: Arrays,
  first: Arrays,
  second: Arrays,
  corrections: JaxArray,
): [Arrays, Arrays, Arrays] {
  const names = Object.keys(parameters);
  const squares = names.map((name) => np.square(gradients[name].ref).sum());
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  const clip = np.minimum(np.reciprocal(norm.add(1e-6)).mul(maxNorm), 1);
  const correction1 = corrections.ref.slice(0);
  const correction2 = corrections.slice(1);
  const next: [Arrays, Arrays, Arrays] = [{}, {}, {}];
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
