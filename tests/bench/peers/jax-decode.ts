import * as jax from "@jax-js/jax";
import type { Contender } from "../harness.ts";
import { decodeSpread, promptTokens, type DecodeConfig, type DecoderConfig } from "../decoder-config.ts";
import { decoderHidden, jaxParameters, rotation, type Arrays } from "./jax-decoder.ts";
import { jaxArray, type JaxArray } from "./jax-js.ts";

const { numpy: np, nn } = jax;

/**
 * Greedy decoding in jax-js over a KV cache of fixed capacity: one jitted function for the prompt, one for each token
 * after it. Tokens stay on the GPU; a run decodes all of them and waits once, at the end.
 */
export function jaxDecode(config: DecoderConfig, decode: DecodeConfig): Contender {
  const { batch, prompt, generated } = decode;
  const capacity = prompt + generated;
  const parameters = jaxParameters(config, decodeSpread);
  const tables = rotation(config, capacity);
  const first = jaxArray(promptTokens(config, decode), [batch, prompt]);
  const zero = jaxArray(Int32Array.of(0), [1]);

  const prefill = jax.jit((p: Arrays, tokens: JaxArray, begin: JaxArray, t: Arrays) => {
    const cache: Arrays = {};
    for (let layer = 0; layer < config.layers; layer++) {
      for (const part of ["k", "v"])
        cache[`${part}${layer}`] = np.zeros([batch, capacity, config.K, config.D]);
    }
    return decodeStep(config, p, cache, tokens, begin, t);
  });
  const next = jax.jit((p: Arrays, cache: Arrays, tokens: JaxArray, begin: JaxArray, t: Arrays) =>
    decodeStep(config, p, cache, tokens, begin, t),
  );
  // Positions are made once: their upload is no part of decoding.
  const positions = Array.from({ length: generated }, (_, i) => jaxArray(Int32Array.of(prompt + i), [1]));

  let drawn: JaxArray[] = [];
  return {
    async run() {
      jax.tree.dispose(drawn);
      let [token, cache] = prefill(jax.tree.ref(parameters), first.ref, zero.ref, jax.tree.ref(tables));
      drawn = [token];
      for (let i = 0; i + 1 < generated; i++) {
        [token, cache] = next(
          jax.tree.ref(parameters),
          cache,
          token.ref,
          positions[i].ref,
          jax.tree.ref(tables),
        );
        drawn.push(token);
      }
      jax.tree.dispose(cache);
      await jax.blockUntilReady(drawn[drawn.length - 1]);
    },
    /** The tokens, [generated, batch]. */
    async read() {
      const values = new Float32Array(generated * batch);
      for (const [i, token] of drawn.entries()) values.set(await token.ref.data(), i * batch);
      return values;
    },
    dispose() {
      jax.tree.dispose([drawn, parameters, tables, first, zero, positions]);
      prefill.dispose();
      next.dispose();
    },
  };
}

/** tokens [B, L] at positions begin… → the most likely next token [B, 1], and the cache that holds them too. */
function decodeStep(
  config: DecoderConfig,
  p: Arrays,
  cache: Arrays,
  tokens: JaxArray,
  begin: JaxArray,
  { cos, sin }: Arrays,
): [JaxArray, Arrays] {
  const { K, D, C } = config;
  const [B, L] = tokens.shape;
  const capacity = cos.shape[0];
  const positions = begin.add(np.arange(0, L, 1, { dtype: np.int32 })); // [L]
  const keys = np.arange(0, capacity, 1, { dtype: np.int32 });
  const visible = keys.ref.reshape([1, capacity]).lessEqual(positions.ref.reshape([L, 1])); // [L, S]
  const made: Arrays = {};

  /** The cache with the new rows in it. A prompt begins at row 0: it is padded; one token is selected into its row. */
  const store = (name: string, rows: JaxArray): JaxArray => {
    const held = cache[name];
    if (L > 1) {
      held.dispose();
      return np.pad(rows, { 1: [0, capacity - L] });
    }
    const here = keys.ref.equal(positions.ref).reshape([1, capacity, 1, 1]);
    return np.where(here, np.broadcastTo(rows, [B, capacity, K, D]), held);
  };
  const attend = (layer: number, q: JaxArray, k: JaxArray, v: JaxArray) => {
    const [kName, vName] = [`k${layer}`, `v${layer}`];
    made[kName] = store(kName, k);
    made[vName] = store(vName, v);
    return nn.dotProductAttention(q, made[kName].ref, made[vName].ref, { mask: visible.ref });
  };
  const here = { cos: np.take(cos, positions.ref, 0), sin: np.take(sin, positions.ref, 0) };
  const hidden = decoderHidden(config, p, { tokens, ...here }, attend);
  const last = hidden.slice([], [L - 1, L], []).reshape([B, C]);
  const logits = np.matmul(last, p["model.embed_tokens.weight"].ref.transpose()); // [B, V]
  jax.tree.dispose([p, tokens, positions, keys, visible, here]);
  return [np.argmax(logits, -1).astype(np.int32).reshape([B, 1]), made];
}
