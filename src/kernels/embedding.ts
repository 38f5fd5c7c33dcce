import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, shards, showShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import { weightPieces } from "./weight.ts";
import type { Weight, WeightFormat } from "./weight.ts";
import source from "../../shaders/embedding.wgsl?raw";

const wgsl = [source];

function lookup(bits: number): Kernel {
  return defineKernel({
    name: "embedding",
    wgsl,
    entry: "forward",
    tensors: { ids: ["T"], data: ["rows", "W"], scales: ["scale_rows", "G"], y: ["T", "C"] },
    optional: ["scales"],
    workgroups: ({ T, C }) => rows(Math.ceil((T * C) / 64)),
    variants: [{ BITS: bits }],
  });
}

/** y [T, C] = rows of a weight, one kernel per format. See shaders/embedding.wgsl. */
export const embeddingForward: Record<WeightFormat, Kernel> = {
  f32: lookup(32),
  f16: lookup(16),
  q8: lookup(8),
  q4: lookup(4),
};

/** dw [N, C] += the gradients of the tokens of each row. */
export const embeddingBackwardW = defineKernel({
  name: "embedding",
  wgsl,
  entry: "backward_w",
  tensors: { dy: ["T", "C"], order: ["J"], offsets: ["O"], rows: ["U"], dw: ["N", "C"] },
  workgroups: ({ U, C }) => rows(Math.ceil((U * C) / 64)),
});

/** Records y[t] = w[ids[t]] for ids u32 [T], w [N, C], y [T, C]; zeros for an id of N or more. w may be in shards. */
export function emitEmbedding(rec: Recorder, { ids, w, y }: { ids: Tensor; w: Weight; y: Tensor }): void {
  if (y.shape[1] !== w.K)
    throw new ShapeError(`embedding: width of ${y.name}`, showShape(y.shape), `[T, ${w.K}]`);
  weightPieces(w).forEach(({ data, scales, ...window }, index) => {
    const G = scales ? capacity(scales.shape[1]) : 0;
    const params = { ...window, group: w.group, G, U: 0, clear: index === 0 ? 1 : 0 };
    rec.run(embeddingForward[w.format], { ids, data, scales, y }, params);
  });
}

/**
 * The order in which {@link emitEmbeddingBackwardW} sums: token indices grouped by id (ascending, tokens in their own
 * order within an id), where each group starts, and its id. Ids of `vocabulary` or more are left out.
 * Groups have offsets[u] to offsets[u + 1]; rows has the U distinct ids.
 */
export function embeddingOrder(
  ids: Uint32Array,
  vocabulary: number,
): { order: Uint32Array; offsets: Uint32Array; rows: Uint32Array } {
  const order = Uint32Array.from(ids.keys())
    .filter((t) => ids[t] < vocabulary)
    .sort((s, t) => ids[s] - ids[t] || s - t);
  const starts = [...order.keys()].filter((j) => j === 0 || ids[order[j]] !== ids[order[j - 1]]);
  return {
    order,
    offsets: Uint32Array.from([...starts, order.length]),
    rows: Uint32Array.from(starts, (j) => ids[order[j]]),
  };
}

/**
 * dy [T, C], f32 or f16. order u32 [at most T], offsets u32 [U + 1 or more], rows u32 [U], as {@link embeddingOrder}
 * makes them; U may be a Dim, and is then the count of the run. dw f32 [N, C], which may be in shards.
 */
export interface EmbeddingBackwardTensors {
  dy: Tensor;
  order: Tensor;
  offsets: Tensor;
  rows: Tensor;
  dw: Tensor;
}

/** Records dw[id] += Σ dy over the tokens with that id, in the order given, so that equal runs give equal bits. */
export function emitEmbeddingBackwardW(rec: Recorder, { dw, ...tensors }: EmbeddingBackwardTensors): void {
  for (const { begin, tensor } of shards(dw)) {
    const unused = { W: 0, G: 0, group: 0, data_row: 0, scales_row: 0, clear: 0 };
    rec.run(
      embeddingBackwardW,
      { ...tensors, dw: tensor },
      { begin, count: capacity(tensor.shape[0]), ...unused },
    );
  }
}
