import { emitMatmul } from "../../src/kernels/matmul.ts";
import { denseWeight } from "../../src/kernels/weight.ts";
import type { BenchContext } from "./context.ts";
import { uniforms, type Benchmark } from "./harness.ts";
import { ourContender } from "./ours.ts";

const size = 1024;

/** y = x·wᵀ, 1024³. Peers get the weight in the layout they multiply fastest: [K, N]. */
export function matmulF32({ device, onnx, jax }: BenchContext): Benchmark {
  const x = uniforms(size * size, 1);
  const w = uniforms(size * size, 2, 1 / Math.sqrt(size)); // [N, K]
  const transposed = new Float32Array(size * size); // [K, N]
  for (let n = 0; n < size; n++) for (let k = 0; k < size; k++) transposed[k * size + n] = w[n * size + k];
  return {
    name: "matmul-f32",
    what: "y = x·wᵀ, 1024 × 1024 × 1024, f32; operands on the GPU, result left there",
    flops: 2 * size ** 3,
    bytes: 3 * 4 * size ** 2,
    tolerance: 1e-4,
    ours: () =>
      ourContender(device, "matmul-f32", (rec) => {
        const weight = device.tensor("w", [size, size], "f32", w);
        const y = rec.tensor("y", [size, size], "f32");
        emitMatmul(rec, { x: rec.input("x", [size, size], "f32"), w: denseWeight(weight), y });
        return { outputs: [y], inputs: { x }, owned: [weight] };
      }),
    peers: {
      "jax-js": async () => {
        const { jaxArray, jaxMatmul } = await jax();
        return jaxMatmul(jaxArray(x, [size, size]), jaxArray(transposed, [size, size]));
      },
      "onnxruntime-web": async () => {
        const dims = [size, size];
        const graph = {
          inputs: [{ name: "x", dims }],
          outputs: [{ name: "y", dims }],
          initializers: [{ name: "w", dims, data: transposed }],
          nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
        };
        const session = await onnx();
        return session(graph, { x });
      },
    },
  };
}
