import type { Recorder } from "../gpu/recorder.ts";
import { view } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitLora, emitLoraBackward } from "../kernels/lora.ts";
import { emitBiasBackward, emitMatmul, emitMatmulBackwardW, emitMatmulBackwardX } from "../kernels/matmul.ts";
import type { Weight } from "../kernels/weight.ts";
import { MissingTensorError } from "../util/errors.ts";
import type { Parameter } from "./parameters.ts";

/** Low-rank update of a frozen weight: y += scale · (x·Aᵀ)·Bᵀ, A [R, K], B [N, R]. */
export interface Lora {
  a: Parameter;
  b: Parameter;
  scale: number;
}

export interface LinearParts {
  w: Weight;
  bias?: Tensor;
  lora?: Lora;
  /** For dense training: the parameters that `w` and `bias` are. */
  dense?: { w: Parameter; bias?: Parameter };
}

export interface LinearSaved {
  x: Tensor;
  /** x·Aᵀ [T, R]. */
  z: Tensor | undefined;
}

/** y = x·Wᵀ + bias (+ scale·(x·Aᵀ)·Bᵀ). W frozen in any format, or f32 and trained. */
export class Linear {
  readonly N: number;
  readonly K: number;

  constructor(
    readonly name: string,
    readonly parts: LinearParts,
  ) {
    this.N = parts.w.N;
    this.K = parts.w.K;
  }

  /** x [T, K] → y [T, N]. `add` [T, N] is the residual stream that y continues. */
  forward(
    rec: Recorder,
    x: Tensor,
    { adapter, add }: { adapter: boolean; add?: Tensor },
  ): { y: Tensor; saved: LinearSaved } {
    const { w, bias, lora } = this.parts;
    const y = rec.tensor(this.name, [x.shape[0], this.N], x.dtype);
    if (!lora || !adapter) {
      emitMatmul(rec, { x, w, y, bias, add });
      return { y, saved: { x, z: undefined } };
    }
    const z = rec.tensor(`${this.name}.z`, [x.shape[0], lora.a.shape[0]], "f32");
    emitLora(rec, { x, w, bias, add, a: lora.a.value, b: lora.b.value, z, y, scale: lora.scale });
    return { y, saved: { x, z } };
  }

  /**
   * dy [T, N] → dx [T, K], added to `into` when that is given. Gradients of A and B, or of W and bias, accumulate.
   */
  backward(rec: Recorder, dy: Tensor, { x, z }: LinearSaved, into?: Tensor): Tensor {
    const { w, lora, dense } = this.parts;
    const dx = into ?? rec.like(x, `d ${this.name}.x`);
    const accumulateX = into !== undefined;
    if (lora && z) {
      const grads = { da: gradient(lora.a), db: gradient(lora.b) };
      emitLoraBackward(rec, {
        dy,
        x,
        z,
        w,
        a: lora.a.value,
        b: lora.b.value,
        dx,
        ...grads,
        scale: lora.scale,
        accumulateX,
      });
    } else emitMatmulBackwardX(rec, { dy, w, dx, accumulate: accumulateX });
    if (dense) {
      emitMatmulBackwardW(rec, { dy, x, dw: gradient(dense.w), accumulate: true });
      if (dense.bias) emitBiasBackward(rec, { dy, db: gradient(dense.bias), accumulate: true });
    }
    return dx;
  }
}

/** A parameter's gradient, which exists once the set it belongs to is being trained. */
export function gradient(parameter: Parameter): Tensor {
  if (!parameter.grad) throw new MissingTensorError(`${parameter.name}: its gradient has not been allocated`);
  return parameter.grad;
}

/** [T, count·width], as a linear layer gives it, as heads [T, count, width]. */
export function heads(x: Tensor, count: number, width: number): Tensor {
  return view(x, [x.shape[0], count, width]);
}
