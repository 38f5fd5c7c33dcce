/**
 * The rules every layer keeps.
 *
 * A layer holds parameters and emits kernels: `forward(rec, x, …)` returns its output and what its reverse needs,
 * `backward(rec, dy, saved, …)`, right under it, returns the gradient of its input. Parameter gradients accumulate;
 * activation gradients overwrite; only the residual stream adds, through the `add` operand of the op that writes it.
 * Nothing is freed by hand: the recorder sees first and last use.
 */
import type { SegmentInputs } from "../kernels/attention.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { AttentionLook } from "../kernels/attention-weights.ts";

/** How the tokens of one Program look at each other, and where they stand. Shared by all blocks. */
export interface TokenContext {
  /** cos, sin [T, D/2] of the rotary angles. */
  rope: { cos: Tensor; sin: Tensor };
  segments: SegmentInputs;
  /** Keys and values go to the cache as well; in `decode` queries look at the cache alone. */
  cache?: CacheContext;
  /** Each block adds where these rows look: for programs that neither decode nor have a reverse. */
  look?: AttentionLook;
  /** Whether LoRA adapters take part. Off, the network is the frozen reference model. */
  adapter: boolean;
}

export interface CacheContext {
  mode: "prefill" | "decode";
  /** Per decoder block: keys and values [rows, KV*D]. */
  keys: readonly Tensor[];
  values: readonly Tensor[];
  /** Cache row of each token [T]; 0xffffffff keeps a token out. */
  rows: Tensor;
}
