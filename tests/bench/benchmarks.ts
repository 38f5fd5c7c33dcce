import { attentionBackwardBench, attentionForwardBench } from "./attention.ts";
import type { BenchContext } from "./context.ts";
import { decode } from "./decode.ts";
import { decoder04M, decoder5M } from "./decoder-config.ts";
import type { Benchmark } from "./harness.ts";
import { matmulF32 } from "./matmul-f32.ts";
import { matmulQ4 } from "./matmul-q4.ts";
import { trainStep } from "./train-step.ts";

/** Every benchmark, by the name under which its result stands in the table; made when it is its turn. */
export const benchmarks: Record<string, (context: BenchContext) => Benchmark> = {
  "matmul-f32": matmulF32,
  "matmul-q4-decode": (context) => matmulQ4("matmul-q4-decode", 1, context),
  "matmul-q4-prefill": (context) => matmulQ4("matmul-q4-prefill", 64, context),
  "attention-forward": attentionForwardBench,
  "attention-backward": attentionBackwardBench,
  "train-step-0.4M": (context) => trainStep(decoder04M, context),
  "train-step-5M": (context) => trainStep(decoder5M, context),
  "decode-5M-b1": (context) => decode(1, context),
  "decode-5M-b16": (context) => decode(16, context),
};
