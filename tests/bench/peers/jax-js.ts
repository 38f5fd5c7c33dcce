import * as jax from "@jax-js/jax";
import { concatenate, type Contender } from "../harness.ts";

const { numpy: np } = jax;

/** An array of jax-js. Every use consumes it; `.ref` keeps it for another. */
export type JaxArray = jax.Array;

/** jax-js on its own WebGPU device, made by jax-js itself through `navigator.gpu`. */
export async function initJax(): Promise<void> {
  const ready = await jax.init("webgpu");
  if (!ready.includes("webgpu")) throw new Error(`jax-js has no WebGPU backend: got ${ready.join(", ")}`);
  jax.defaultDevice("webgpu");
}

/** Host values as a jax-js array of f32 or i32. */
export function jaxArray(
  values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
  shape: number[],
): JaxArray {
  return np.array(values, { shape, dtype: values instanceof Int32Array ? np.int32 : np.float32 });
}

/**
 * A jitted function of fixed arrays. A run calls it and waits for every output; the outputs of the last run are kept to
 * be read, concatenated in order.
 */
export function jaxContender(
  f: (...inputs: JaxArray[]) => JaxArray | JaxArray[],
  inputs: JaxArray[],
): Contender {
  let outputs: JaxArray[] = [];
  return {
    async run() {
      jax.tree.dispose(outputs);
      const made = f(...inputs.map((input) => input.ref));
      outputs = Array.isArray(made) ? made : [made];
      await jax.blockUntilReady(outputs);
    },
    async read() {
      const parts: Float32Array[] = [];
      for (const output of outputs) parts.push((await output.ref.data()) as Float32Array);
      return concatenate(parts);
    },
    dispose() {
      jax.tree.dispose(outputs);
      jax.tree.dispose(inputs);
    },
  };
}

/** y = x·wᵀ with x [M, K] and wᵀ [K, N] laid out as jax-js is fastest with. */
export function jaxMatmul(x: JaxArray, transposed: JaxArray): Contender {
  const matmul = jax.jit((a: JaxArray, b: JaxArray) => np.matmul(a, b));
  return jaxContender(matmul, [x, transposed]);
}

/** Causal attention, q, k, v [T, H, D]. */
export function jaxAttention(q: JaxArray, k: JaxArray, v: JaxArray): Contender {
  return jaxContender(jax.jit(attention), [q, k, v]);
}

/**
 * The backward of causal attention alone: the forward runs once outside the clock and leaves its residuals, among them
 * the [H, T, T] probabilities. Outputs dq, dk, dv.
 */
export async function jaxAttentionBackward(
  q: JaxArray,
  k: JaxArray,
  v: JaxArray,
  dO: JaxArray,
): Promise<Contender> {
  const [o, pullback] = jax.vjp(jax.jit(attention), [q, k, v]);
  await o.blockUntilReady();
  o.dispose();
  const contender = jaxContender((cotangent) => pullback(cotangent), [dO]);
  return {
    ...contender,
    dispose() {
      contender.dispose();
      pullback.dispose();
    },
  };
}

function attention(q: JaxArray, k: JaxArray, v: JaxArray): JaxArray {
  return jax.nn.dotProductAttention(q, k, v, { isCausal: true });
}
