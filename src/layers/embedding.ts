import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitEmbedding, emitEmbeddingBackwardW } from "../kernels/embedding.ts";
import type { Weight } from "../kernels/weight.ts";
import { gradient } from "./linear.ts";
import type { Parameter } from "./parameters.ts";

/** Host tables that give the embedding's gradient a fixed order; see embeddingOrder in kernels/embedding.ts. */
export interface EmbeddingOrderInputs {
  order: Tensor;
  offsets: Tensor;
  rows: Tensor;
}

/** Token embedding: a row of W per token id. */
export class Embedding {
  constructor(
    readonly w: Weight,
    readonly dense?: Parameter,
  ) {}

  /** ids [T] → x [T, C]. */
  forward(rec: Recorder, ids: Tensor): Tensor {
    const x = rec.tensor("embeddings", [ids.shape[0], this.w.K], "f32");
    emitEmbedding(rec, { ids, w: this.w, y: x });
    return x;
  }

  /** dx [T, C]: adds each token's gradient to its row. Nothing to do when the embedding is frozen. */
  backward(rec: Recorder, dx: Tensor, { order, offsets, rows }: EmbeddingOrderInputs): void {
    if (this.dense) emitEmbeddingBackwardW(rec, { dy: dx, order, offsets, rows, dw: gradient(this.dense) });
  }
}
