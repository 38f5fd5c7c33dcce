import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitRmsNorm, emitRmsNormBackwardW, emitRmsNormBackwardX } from "../kernels/rms-norm.ts";
import { gradient } from "./linear.ts";
import type { Parameter } from "./parameters.ts";

export interface NormSaved {
  x: Tensor;
  rstd: Tensor;
}

/** RMSNorm over the last axis, with a weight that is frozen or trained. */
export class RmsNorm {
  constructor(
    readonly name: string,
    readonly w: Tensor,
    readonly eps: number,
    readonly dense?: Parameter,
  ) {}

  /** x [T, C] → y [T, C]. */
  forward(rec: Recorder, x: Tensor): { y: Tensor; saved: NormSaved } {
    const y = rec.like(x, this.name);
    const rstd = rec.tensor(`${this.name}.rstd`, [x.shape[0]], "f32");
    emitRmsNorm(rec, { x, w: this.w, y, rstd, eps: this.eps });
    return { y, saved: { x, rstd } };
  }

  /** dy [T, C] → dx [T, C], plus `add` [T, C]: the gradient that reaches x past the norm. */
  backward(rec: Recorder, dy: Tensor, { x, rstd }: NormSaved, add?: Tensor): Tensor {
    const dx = rec.like(x, `d ${this.name}.x`);
    emitRmsNormBackwardX(rec, { x, w: this.w, rstd, dy, dx, add });
    if (this.dense) emitRmsNormBackwardW(rec, { x, rstd, dy, dw: gradient(this.dense) });
    return dx;
  }
}
