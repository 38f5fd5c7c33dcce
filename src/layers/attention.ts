import type { Recorder } from "../gpu/recorder.ts";
import { view } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitAttention, emitAttentionBackward, emitDecodeAttention } from "../kernels/attention.ts";
import { emitAttentionWeights } from "../kernels/attention-weights.ts";
import { emitRope, emitRopeBackward } from "../kernels/rope.ts";
import { emitScatterRows } from "../kernels/rows.ts";
import { heads } from "./linear.ts";
import type { Linear, LinearSaved } from "./linear.ts";
import type { TokenContext } from "./layer.ts";

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  headDim: number;
}

export interface AttentionSaved {
  /** After the rotation. [T, H, D], [T, KV, D], [T, KV, D]. */
  q: Tensor;
  k: Tensor;
  v: Tensor;
  o: Tensor;
  lse: Tensor;
  projections: { q: LinearSaved; k: LinearSaved; v: LinearSaved; o: LinearSaved };
}

/** y = o_proj(softmax(rope(q)·rope(k)ᵀ/√D)·v) over the segments of a {@link TokenContext}; grouped queries. */
export class Attention {
  constructor(
    readonly name: string,
    readonly index: number,
    readonly shape: AttentionShape,
    readonly projections: { q: Linear; k: Linear; v: Linear; o: Linear },
  ) {}

  /** x [T, C] → y [T, C] (+ `add`). The saved part is there unless this is a decode step. */
  forward(
    rec: Recorder,
    x: Tensor,
    context: TokenContext,
    add?: Tensor,
  ): { y: Tensor; saved: AttentionSaved | undefined } {
    const { heads: H, kvHeads: KV, headDim: D } = this.shape;
    const { adapter, rope, segments, cache, look } = context;
    const T = x.shape[0];
    const query = this.projections.q.forward(rec, x, { adapter });
    const key = this.projections.k.forward(rec, x, { adapter });
    const value = this.projections.v.forward(rec, x, { adapter });
    const q = heads(query.y, H, D);
    const k = heads(key.y, KV, D);
    const v = heads(value.y, KV, D);
    emitRope(rec, { x: q, ...rope });
    emitRope(rec, { x: k, ...rope });
    const o = rec.tensor(`${this.name}.o`, [T, H, D], x.dtype);
    const scale = D ** -0.5;
    let lse: Tensor | undefined;
    if (cache) {
      const keys = cache.keys[this.index];
      const values = cache.values[this.index];
      emitScatterRows(rec, { src: key.y, index: cache.rows, y: keys });
      emitScatterRows(rec, { src: value.y, index: cache.rows, y: values });
      if (cache.mode === "decode") {
        emitDecodeAttention(rec, { q, k: heads(keys, KV, D), v: heads(values, KV, D), segments, o, scale });
      }
    }
    if (cache?.mode !== "decode") {
      lse = rec.tensor(`${this.name}.lse`, [T, H], "f32");
      emitAttention(rec, { q, k, v, segments, o, lse, scale });
      if (look) emitAttentionWeights(rec, { q, k, segments, lse, scale, ...look });
    }
    const out = this.projections.o.forward(rec, view(o, [T, H * D]), { adapter, add });
    const saved = lse && {
      q,
      k,
      v,
      o,
      lse,
      projections: { q: query.saved, k: key.saved, v: value.saved, o: out.saved },
    };
    return { y: out.y, saved };
  }

  /** dy [T, C] → dx [T, C]. */
  backward(
    rec: Recorder,
    dy: Tensor,
    { q, k, v, o, lse, projections }: AttentionSaved,
    context: TokenContext,
  ): Tensor {
    const T = dy.shape[0];
    const flat = (x: Tensor) => view(x, [T, this.shape.headDim * Number(x.shape[1])]);
    const dO = view(this.projections.o.backward(rec, dy, projections.o), o.shape);
    const dq = rec.like(q, `d ${this.name}.q`);
    const dk = rec.like(k, `d ${this.name}.k`);
    const dv = rec.like(v, `d ${this.name}.v`);
    const scale = this.shape.headDim ** -0.5;
    emitAttentionBackward(rec, { q, k, v, o, lse, do: dO, dq, dk, dv, segments: context.segments, scale });
    emitRopeBackward(rec, { dx: dq, ...context.rope });
    emitRopeBackward(rec, { dx: dk, ...context.rope });
    const dx = this.projections.q.backward(rec, flat(dq), projections.q);
    this.projections.k.backward(rec, flat(dk), projections.k, dx);
    this.projections.v.backward(rec, flat(dv), projections.v, dx);
    return dx;
  }
}
