import type { Tensor } from "../../src/gpu/tensor.ts";
import { emitMatmul } from "../../src/kernels/matmul.ts";
import type { Weight } from "../../src/kernels/weight.ts";
import { floatToHalf, halfToFloat } from "../../src/util/half.ts";
import type { BenchContext } from "./context.ts";
import { uniforms, type Benchmark } from "./harness.ts";
import { ourContender } from "./ours.ts";

const size = 1024;
const layers = 8;
const group = 32;
const groups = size / group;
/** The value that stands for zero: MatMulNBits' default zero point for four bits. */
const zeroPoint = 8;

/** One layer's weights as both sides store them: w = scale · (q − 8). */
interface QuantizedLayer {
  /** Two values a byte, low half first; [N, K/2]. The same bytes serve both sides. */
  packed: Uint8Array<ArrayBuffer>;
  /** [N, K/32], each exactly representable in f16, the kit's format. */
  scales: Float32Array<ArrayBuffer>;
}

function quantizedLayer(seed: number): QuantizedLayer {
  const packed = new Uint8Array((size * size) / 2);
  uniforms(packed.length, seed).forEach(
    (value, i) => (packed[i] = Math.floor((value / Math.sqrt(3) + 1) * 128) & 255),
  );
  // Uniform over 16 levels the standard deviation is 4.6: these scales keep the activations' size from layer to layer.
  const scale = 1 / (4.6 * Math.sqrt(size));
  const scales = uniforms(size * groups, seed + 100, 0.1).map((value) =>
    halfToFloat(floatToHalf((1 + value) * scale)),
  );
  return { packed, scales };
}

/** Low half the scale, high half the bias −8·scale, exact in f16 because 8 is a power of two. */
function packScales(scales: Float32Array): Uint32Array {
  return Uint32Array.from(
    scales,
    (scale) => (floatToHalf(scale) | (floatToHalf(-zeroPoint * scale) << 16)) >>> 0,
  );
}

/** Eight linear layers of 1024 × 1024 in a row, four bits, groups of 32, all in one submit, on `M` rows. */
export function matmulQ4(
  name: "matmul-q4-decode" | "matmul-q4-prefill",
  M: number,
  { device, onnx }: BenchContext,
): Benchmark {
  const x = uniforms(M * size, 1);
  const weights = Array.from({ length: layers }, (_, layer) => quantizedLayer(layer + 1));
  return {
    name,
    what: `eight layers 1024 → 1024 of 4-bit weights (groups of 32) in a chain, M = ${M}, one submit, f32 activations`,
    flops: layers * 2 * M * size ** 2,
    bytes: layers * (size ** 2 / 2 + size * groups * 4 + 2 * M * size * 4),
    tolerance: 1e-3,
    ours: () =>
      ourContender(device, name, (rec) => {
        const owned: Tensor[] = [];
        let activations = rec.input("x", [M, size], "f32");
        weights.forEach(({ packed, scales }, layer) => {
          const words = new Uint32Array(packed.buffer);
          const data = device.tensor(`w${layer}`, [size, size / 8], "u32", words);
          const scaleTensor = device.tensor(`s${layer}`, [size, groups], "u32", packScales(scales));
          owned.push(data, scaleTensor);
          const w: Weight = { format: "q4", N: size, K: size, group, data, scales: scaleTensor };
          const y = rec.tensor(`y${layer}`, [M, size], "f32");
          emitMatmul(rec, { x: activations, w, y });
          activations = y;
        });
        return { outputs: [activations], inputs: { x }, owned };
      }),
    peers: {
      "onnxruntime-web": async () => {
        const graph = {
          inputs: [{ name: "x0", dims: [M, size] }],
          outputs: [{ name: `x${layers}`, dims: [M, size] }],
          initializers: weights.flatMap(({ packed, scales }, layer) => [
            { name: `q${layer}`, dims: [size, groups, group / 2], data: packed },
            { name: `s${layer}`, dims: [size * groups], data: scales },
          ]),
          nodes: weights.map((_, layer) => ({
            op: "MatMulNBits",
            domain: "com.microsoft",
            inputs: [`x${layer}`, `q${layer}`, `s${layer}`],
            outputs: [`x${layer + 1}`],
            attributes: { K: size, N: size, bits: 4, block_size: group },
          })),
        };
        const session = await onnx();
        return session(graph, { x0: x });
      },
    },
    noPeer: { "jax-js": "has no quantized weights" },
  };
}
