/**
 * GRPO's objective in float64: the definition shaders/grpo-loss.wgsl is held to, one branch at a time. Sources in
 * rl/objective.ts.
 */

export interface GrpoLossInputs {
  /** [T] */
  logp: Float64Array;
  /** [T]; absent: on-policy. */
  oldLogp?: Float64Array;
  /** [T]; absent: no KL. */
  refLogp?: Float64Array;
  /** [S] */
  advantages: Float64Array;
  /** [T] */
  sequence: Uint32Array;
  /** [T]; 0: not a completion token. */
  weights: Float64Array;
  options: {
    clipRatioLow: number;
    clipRatioHigh: number;
    clipRatioDual: number | null;
    delta: number | null;
    klCoef: number;
    klType: "k1" | "k2" | "k3";
  };
}

/** loss = Σ_t weight_t · l_t. */
export function grpoLossForward(inputs: GrpoLossInputs): number {
  const { logp, oldLogp, refLogp, advantages, sequence, weights, options } = inputs;
  let loss = 0;
  for (let t = 0; t < logp.length; t++) {
    if (weights[t] === 0) continue;
    const kl = refLogp ? klEstimate(logp[t] - refLogp[t], options.klType)[0] : 0;
    loss +=
      weights[t] * (branch(logp[t], oldLogp?.[t], advantages[sequence[t]], options)[0] + options.klCoef * kl);
  }
  return loss;
}

/** d loss / d logp, [T]; old and reference log-probs are constants. */
export function grpoLossBackward(inputs: GrpoLossInputs): Float64Array {
  const { logp, oldLogp, refLogp, advantages, sequence, weights, options } = inputs;
  return logp.map((value, t) => {
    if (weights[t] === 0) return 0;
    const kl = refLogp ? klEstimate(value - refLogp[t], options.klType)[1] : 0;
    return (
      weights[t] * (branch(value, oldLogp?.[t], advantages[sequence[t]], options)[1] + options.klCoef * kl)
    );
  });
}

/** The policy term of one token and its slope. */
function branch(
  logp: number,
  old: number | undefined,
  A: number,
  options: GrpoLossInputs["options"],
): [number, number] {
  const { clipRatioLow, clipRatioHigh, clipRatioDual, delta } = options;
  const d = logp - (old ?? logp);
  const ratio = Math.exp(Math.max(-20, Math.min(20, d)));
  const ratioSlope = Math.abs(d) > 20 ? 0 : ratio;
  const candidates: [number, number][] = [
    delta !== null && ratio > delta ? [-A * delta, 0] : [-A * ratio, -A * ratioSlope],
    ratio < 1 - clipRatioLow
      ? [-A * (1 - clipRatioLow), 0]
      : ratio > 1 + clipRatioHigh
        ? [-A * (1 + clipRatioHigh), 0]
        : [-A * ratio, -A * ratioSlope],
  ];
  const worse = candidates[0][0] >= candidates[1][0] ? candidates[0] : candidates[1];
  return clipRatioDual !== null && A < 0 && worse[0] > -A * clipRatioDual ? [-A * clipRatioDual, 0] : worse;
}

/** [estimate, its slope by logp] with x = logp − refLogp. */
function klEstimate(x: number, type: "k1" | "k2" | "k3"): [number, number] {
  if (type === "k1") return [x, 1];
  if (type === "k2") return [(x * x) / 2, x];
  return [Math.exp(-x) - 1 + x, 1 - Math.exp(-x)];
}
