import type { Recorder } from "../gpu/recorder.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { emitLogprob, emitLogprobBackward } from "../kernels/logprob.ts";
import { emitMatmul } from "../kernels/matmul.ts";
import type { Weight } from "../kernels/weight.ts";
import { gradient } from "./linear.ts";
import type { NormSaved, RmsNorm } from "./norm.ts";
import type { Parameter } from "./parameters.ts";

/** Sampling temperature and banned tokens: training scores the distribution that sampling drew from. */
export interface ScoringOptions {
  temperature: number | Exclude<ParamValue, number>;
  /** Bit mask [⌈V/32⌉] of tokens outside the softmax. */
  banned?: Tensor;
}

export interface HeadSaved {
  norm: NormSaved;
  y: Tensor;
  targets: Tensor;
  lse: Tensor;
  entropy: Tensor;
}

/** Final norm and vocabulary projection. Log-probs stream the vocabulary; logits exist only for a decode step's rows. */
export class Head {
  constructor(
    readonly norm: RmsNorm,
    readonly w: Weight,
    readonly dense?: Parameter,
  ) {}

  /** x [B, C] → logits [B, V]. */
  logits(rec: Recorder, x: Tensor): Tensor {
    const { y } = this.norm.forward(rec, x);
    const logits = rec.tensor("logits", [x.shape[0], this.w.N], "f32");
    emitMatmul(rec, { x: y, w: this.w, y: logits });
    return logits;
  }

  /** x [T, C], targets [T] → log-probs and entropies [T]. Target 0xffffffff: the row is ignored. */
  forward(
    rec: Recorder,
    x: Tensor,
    targets: Tensor,
    scoring: ScoringOptions,
  ): { logp: Tensor; entropy: Tensor; saved: HeadSaved } {
    return rec.scope("head", () => {
      const normed = this.norm.forward(rec, x);
      const row = (name: string) => rec.tensor(name, [x.shape[0]], "f32");
      const logp = row("logp");
      const entropy = row("entropy");
      const lse = row("lse");
      emitLogprob(rec, { x: normed.y, head: this.w, targets, logp, entropy, lse, ...scoring });
      return { logp, entropy, saved: { norm: normed.saved, y: normed.y, targets, lse, entropy } };
    });
  }

  /** dlogp [T] → dx [T, C]. */
  backward(
    rec: Recorder,
    dlogp: Tensor,
    { norm, y, targets, lse }: HeadSaved,
    scoring: ScoringOptions,
  ): Tensor {
    return rec.scope("head backward", () => {
      const dy = rec.like(y, "d head");
      const dhead = this.dense && gradient(this.dense);
      emitLogprobBackward(rec, { x: y, head: this.w, targets, lse, dlogp, dx: dy, dhead, ...scoring });
      return this.norm.backward(rec, dy, norm);
    });
  }
}
