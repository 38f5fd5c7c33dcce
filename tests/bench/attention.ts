import {
  emitAttention,
  emitAttentionBackward,
  packedSegments,
  segmentInputs,
  planSegments,
} from "../../src/kernels/attention.ts";
import { attentionBackward, attentionForward } from "../../src/reference/attention.ts";
import type { BenchContext } from "./context.ts";
import { uniforms, type Benchmark } from "./harness.ts";
import { ourContender } from "./ours.ts";
import type { OnnxGraph } from "./peers/onnx-model.ts";

const T = 1024;
const H = 8;
const D = 64;
const shape = [T, H, D];
const scale = D ** -0.5;
const capacities = { queries: T, segments: 1 };
const segments = packedSegments([T], true);
/** (query, key) pairs of one head under the causal mask. */
const pairs = (T * (T + 1)) / 2;

function operands() {
  const count = T * H * D;
  return { q: uniforms(count, 1), k: uniforms(count, 2), v: uniforms(count, 3), dO: uniforms(count, 4) };
}

function reference({ q, k, v }: ReturnType<typeof operands>) {
  const [q64, k64, v64] = [q, k, v].map((values) => Float64Array.from(values));
  return { q: q64, k: k64, v: v64, segments, scale, H, KV: H, D };
}

/** Causal attention over one sequence; what the backward needs (log-sum-exp per row) is written as well. */
export function attentionForwardBench({ device, jax, onnx }: BenchContext): Benchmark {
  const { q, k, v, dO } = operands();
  return {
    name: "attention-forward",
    what: `causal attention, T = ${T}, ${H} heads of ${D}, f32, operands and result on the GPU`,
    flops: 4 * pairs * H * D,
    bytes: 4 * 4 * T * H * D,
    tolerance: 1e-4,
    expected: () => attentionForward(reference({ q, k, v, dO })).o,
    ours: () =>
      ourContender(device, "attention-forward", (rec) => {
        const o = rec.tensor("o", shape, "f32");
        const lse = rec.tensor("lse", [T, H], "f32");
        const table = segmentInputs(rec, capacities);
        const [qt, kt, vt] = ["q", "k", "v"].map((name) => rec.input(name, shape, "f32"));
        emitAttention(rec, { q: qt, k: kt, v: vt, segments: table, o, lse, scale });
        return { outputs: [o], inputs: { q, k, v, segments: planSegments(segments, capacities) } };
      }),
    peers: {
      "jax-js": async () => {
        const { jaxArray, jaxAttention } = await jax();
        return jaxAttention(jaxArray(q, shape), jaxArray(k, shape), jaxArray(v, shape));
      },
      "onnxruntime-web": async () => {
        const dims = [1, T, H * D];
        const graph: OnnxGraph = {
          inputs: ["q", "k", "v"].map((name) => ({ name, dims })),
          outputs: [{ name: "o", dims }],
          initializers: [],
          nodes: [
            {
              op: "MultiHeadAttention",
              domain: "com.microsoft",
              inputs: ["q", "k", "v"],
              outputs: ["o"],
              attributes: { num_heads: H, unidirectional: 1 },
            },
          ],
        };
        const session = await onnx();
        return session(graph, { q, k, v });
      },
    },
  };
}

/** The backward alone: both sides run their forward outside the clock and keep what they need of it. */
export function attentionBackwardBench({ device, jax }: BenchContext): Benchmark {
  const { q, k, v, dO } = operands();
  const inputs = reference({ q, k, v, dO });
  return {
    name: "attention-backward",
    what: `dq, dk, dv of the same attention; ours recomputes probabilities from saved row statistics, jax-js keeps them`,
    flops: 10 * pairs * H * D,
    bytes: 8 * 4 * T * H * D,
    tolerance: 1e-4,
    expected: () => {
      const { dq, dk, dv } = attentionBackward({
        ...inputs,
        ...attentionForward(inputs),
        do: Float64Array.from(dO),
      });
      const whole = new Float64Array(3 * dq.length);
      [dq, dk, dv].forEach((gradient, i) => whole.set(gradient, i * dq.length));
      return whole;
    },
    ours: () =>
      ourContender(device, "attention-backward", (rec) => {
        const { o, lse } = attentionForward(inputs); // the forward's result, from float64: only the backward is recorded
        const table = segmentInputs(rec, capacities);
        const [qt, kt, vt, ot, dOt] = ["q", "k", "v", "o", "dO"].map((name) => rec.input(name, shape, "f32"));
        const lset = rec.input("lse", [T, H], "f32");
        const [dq, dk, dv] = ["dq", "dk", "dv"].map((name) => rec.tensor(name, shape, "f32"));
        emitAttentionBackward(rec, {
          q: qt,
          k: kt,
          v: vt,
          o: ot,
          lse: lset,
          do: dOt,
          dq,
          dk,
          dv,
          segments: table,
          scale,
        });
        const host = { o: Float32Array.from(o), lse: Float32Array.from(lse), dO };
        return {
          outputs: [dq, dk, dv],
          inputs: { q, k, v, ...host, segments: planSegments(segments, capacities) },
        };
      }),
    peers: {
      "jax-js": async () => {
        const { jaxArray, jaxAttentionBackward } = await jax();
        return jaxAttentionBackward(
          jaxArray(q, shape),
          jaxArray(k, shape),
          jaxArray(v, shape),
          jaxArray(dO, shape),
        );
      },
    },
    noPeer: { "onnxruntime-web": "has no gradients" },
  };
}
