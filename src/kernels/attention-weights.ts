import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attentionParams } from "./attention.ts";
import type { SegmentInputs } from "./attention.ts";
import keyRows from "../../shaders/lib/attention-keys.wgsl?raw";
import segmentTable from "../../shaders/lib/attention-segments.wgsl?raw";
import dotAdd from "../../shaders/lib/dot-add.wgsl?raw";
import source from "../../shaders/attention-weights.wgsl?raw";

/** EDGE of shaders/attention-weights.wgsl. */
const edge = 8;

/** q [T, H, D], k [Tk, KV, D], lse [T, H], queries [S], keys [N], w [S, N]. See shaders/attention-weights.wgsl. */
export const attentionWeights = defineKernel({
  name: "attention-weights",
  wgsl: [segmentTable, keyRows, dotAdd, source],
  entry: "add_mean",
  tensors: {
    q: ["T", "H", "D"],
    k: ["Tk", "KV", "D"],
    table: ["W"],
    lse: ["T", "H"],
    queries: ["S"],
    keys: ["N"],
    w: ["S", "N"],
  },
  workgroups: ({ S, N }) => rows(Math.ceil(S / edge) * Math.ceil(N / edge)),
});

/** Rows of an attention to look at, and what their weights are added to. */
export interface AttentionLook {
  /** u32 [S]: rows of q. One that is no row (0xffffffff) leaves its row of `w` alone. */
  queries: Tensor;
  /** u32 [N]: rows of k, each with a column of `w`. */
  keys: Tensor;
  /** f32 [S, N]. Zero it before the first layer. */
  w: Tensor;
  /** What this attention's mean over heads is multiplied by: 1 / layers for the mean over layers. */
  share: number;
}

/**
 * Records w[s, n] += share · (mean over heads of the weight that query row queries[s] gives key row keys[n]), from the
 * q [T, H, D] and k [Tk, KV, D] of an attention, f32 or f16, and the lse [T, H] that its forward left. A key that the
 * query does not see has weight 0. Over all keys the weights of a row sum to 1. No tensor of T × T exists.
 * @throws ShapeError as {@link emitAttention} of kernels/attention.ts.
 */
export function emitAttentionWeights(
  rec: Recorder,
  tensors: { q: Tensor; k: Tensor; segments: SegmentInputs; lse: Tensor; scale: number } & AttentionLook,
): void {
  const { q, k, segments, lse, queries, keys, w, share, scale } = tensors;
  const { segments_at } = attentionParams(rec, tensors, scale);
  rec.run(
    attentionWeights,
    { q, k, table: segments.table, lse, queries, keys, w },
    { segments_at, scale, share },
  );
}
