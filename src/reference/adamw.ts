/**
 * AdamW with global-norm clipping in float64: the definition shaders/adamw.wgsl is held to. torch.optim.AdamW and
 * torch.nn.utils.clip_grad_norm_; Loshchilov & Hutter 2019, arXiv:1711.05101.
 */

/** The norm over all gradients, and what clipping multiplies them with: min(1, maxNorm / (norm + 1e-6)). */
export function globalNorm(grads: readonly Float64Array[], maxNorm: number): { norm: number; scale: number } {
  let squares = 0;
  for (const grad of grads) for (const g of grad) squares += g * g;
  const norm = Math.sqrt(squares);
  return { norm, scale: maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1 };
}

export interface AdamWState {
  param: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** The state after step `step` (from 1) with gradient `grad` · `scale`. */
export function adamwStep(
  { param, m, v }: AdamWState,
  grad: Float64Array,
  scale: number,
  step: number,
  options: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number },
): AdamWState {
  const { lr, beta1, beta2, eps, weightDecay } = options;
  const nextM = m.map((value, i) => beta1 * value + (1 - beta1) * grad[i] * scale);
  const nextV = v.map((value, i) => beta2 * value + (1 - beta2) * (grad[i] * scale) ** 2);
  const bias1 = 1 - beta1 ** step;
  const bias2 = 1 - beta2 ** step;
  return {
    param: param.map((value, i) => {
      const decayed = value * (1 - lr * weightDecay);
      return decayed - ((lr / bias1) * nextM[i]) / (Math.sqrt(nextV[i]) / Math.sqrt(bias2) + eps);
    }),
    m: nextM,
    v: nextV,
  };
}
