/**
 * The objectives of GRPO and its relatives in float64: the definition shaders/grpo-loss.wgsl is held to, one branch at a
 * time. Sources in rl/objective.ts.
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
  options: GrpoLossOptions;
}

export interface GrpoLossOptions {
  /** Default clip. */
  surrogate?: "clip" | "cispo" | "sapo" | "vespo";
  /** Default token. */
  level?: "token" | "sequence" | "sequence_token";
  clipRatioLow: number;
  clipRatioHigh: number;
  clipRatioDual: number | null;
  delta: number | null;
  klCoef: number;
  klType: "k1" | "abs" | "k2" | "k3";
  useBiasCorrectionKl?: boolean;
}

/** sapo's temperatures, and vespo's k and λ, by the sign of the advantage. */
const tau = (A: number) => (A >= 0 ? 1 : 1.05);
const shape = (A: number) => (A >= 0 ? { k: 2, lambda: 3 } : { k: 3, lambda: 2 });

/**
 * loss = Σ_t weight_t · l_t. What the loss holds constant is taken at `held` instead of at logp, and so is oldLogp where
 * there is none: the derivative by logp alone is {@link grpoLossBackward}.
 */
export function grpoLossForward(inputs: GrpoLossInputs, held: Float64Array = inputs.logp): number {
  const { logp, refLogp, advantages, sequence, weights, options } = inputs;
  const free = logRatios(inputs, logp, held);
  const fixed = logRatios(inputs, held, held);
  let loss = 0;
  for (let t = 0; t < logp.length; t++) {
    if (weights[t] === 0) continue;
    // gspo_token: the sequence's ratio in value, the token's in slope.
    const w = options.level === "sequence_token" ? fixed[t] + logp[t] - held[t] : free[t];
    const policy = policyTerm(advantages[sequence[t]], w, fixed[t], logp[t], options);
    const kl = refLogp ? klEstimate(logp[t] - refLogp[t], options.klType)[0] : 0;
    loss += weights[t] * (policy + options.klCoef * kl * (options.useBiasCorrectionKl ? exponential(w) : 1));
  }
  return loss;
}

/** d loss / d logp, [T]; old and reference log-probs are constants. */
export function grpoLossBackward(inputs: GrpoLossInputs): Float64Array {
  const { logp, refLogp, advantages, sequence, weights, options } = inputs;
  const logRatio = logRatios(inputs, logp, logp);
  const dlogp = new Float64Array(logp.length);
  for (let t = 0; t < logp.length; t++) {
    if (weights[t] === 0) continue;
    const [own, byRatio] = policySlopes(advantages[sequence[t]], logRatio[t], options);
    const [kl, klSlope] = refLogp ? klEstimate(logp[t] - refLogp[t], options.klType) : [0, 0];
    const ratio = exponential(logRatio[t]);
    const corrected = options.useBiasCorrectionKl ? ratio * (klSlope + kl) : klSlope;
    dlogp[t] += weights[t] * (own + options.klCoef * corrected);
    const receivers = options.level === "sequence" ? members(inputs, t) : [t];
    for (const u of receivers) dlogp[u] += (weights[t] * byRatio) / receivers.length;
  }
  return dlogp;
}

/** The tokens of t's sequence that take part. */
function members({ sequence, weights }: GrpoLossInputs, t: number): number[] {
  return Array.from(sequence.keys()).filter((u) => sequence[u] === sequence[t] && weights[u] !== 0);
}

const exponential = (w: number) => Math.exp(Math.max(-20, Math.min(20, w)));

/** Of the token, or of its sequence: the mean over the sequence's tokens, and for vespo their sum. */
function logRatios(inputs: GrpoLossInputs, logp: Float64Array, held: Float64Array): number[] {
  const { oldLogp = held, options } = inputs;
  const own = Array.from(logp, (value, t) => value - oldLogp[t]);
  if ((options.level ?? "token") === "token") return own;
  return own.map((_, t) => {
    const others = members(inputs, t);
    if (options.surrogate !== "vespo") return others.reduce((sum, u) => sum + own[u], 0) / others.length;
    const sum = others.reduce((total, u) => total + Math.max(-20, Math.min(20, own[u])), 0);
    return Math.max(Math.log(1e-8), Math.min(20, sum));
  });
}

const clip = (ratio: number, { clipRatioLow, clipRatioHigh }: GrpoLossOptions) =>
  Math.max(1 - clipRatioLow, Math.min(1 + clipRatioHigh, ratio));
/** What vespo multiplies by, at the logarithm of the sequence's ratio. */
const vespoFactor = (A: number, w: number) => {
  const { k, lambda } = shape(A);
  return Math.exp(lambda + k * w - lambda * exponential(w));
};

/** A token's policy term; `fixed` is the log-ratio of what has no derivative. */
function policyTerm(A: number, w: number, fixed: number, logp: number, options: GrpoLossOptions): number {
  const ratio = exponential(w);
  switch (options.surrogate ?? "clip") {
    case "cispo":
      return -A * clip(exponential(fixed), options) * logp;
    case "vespo":
      return -A * vespoFactor(A, fixed) * logp;
    case "sapo":
      return (-A * 4) / tau(A) / (1 + Math.exp(-tau(A) * (ratio - 1)));
    case "clip": {
      const { clipRatioDual, delta } = options;
      const worse = Math.max(-A * Math.min(ratio, delta ?? Infinity), -A * clip(ratio, options));
      return clipRatioDual !== null && A < 0 ? Math.min(worse, -A * clipRatioDual) : worse;
    }
  }
}

/** Its derivatives: by logp itself, and by the log-ratio. */
function policySlopes(A: number, w: number, options: GrpoLossOptions): [own: number, byRatio: number] {
  const ratio = exponential(w);
  const ratioSlope = Math.abs(w) > 20 ? 0 : ratio;
  switch (options.surrogate ?? "clip") {
    case "cispo":
      return [-A * clip(ratio, options), 0];
    case "vespo":
      return [-A * vespoFactor(A, w), 0];
    case "sapo": {
      const gate = 1 / (1 + Math.exp(-tau(A) * (ratio - 1)));
      return [0, -4 * A * gate * (1 - gate) * ratioSlope];
    }
    case "clip": {
      const { clipRatioLow, clipRatioHigh, clipRatioDual, delta } = options;
      const candidates: [number, number][] = [
        delta !== null && ratio > delta ? [-A * delta, 0] : [-A * ratio, -A * ratioSlope],
        ratio < 1 - clipRatioLow
          ? [-A * (1 - clipRatioLow), 0]
          : ratio > 1 + clipRatioHigh
            ? [-A * (1 + clipRatioHigh), 0]
            : [-A * ratio, -A * ratioSlope],
      ];
      const worse = candidates[0][0] >= candidates[1][0] ? candidates[0] : candidates[1];
      const isDual = clipRatioDual !== null && A < 0 && worse[0] > -A * clipRatioDual;
      return [0, isDual ? 0 : worse[1]];
    }
  }
}

/** [estimate, its slope by logp] with x = logp − refLogp. */
function klEstimate(x: number, type: GrpoLossOptions["klType"]): [number, number] {
  if (type === "k1") return [x, 1];
  if (type === "abs") return [Math.abs(x), Math.sign(x)];
  if (type === "k2") return [(x * x) / 2, x];
  return [Math.exp(-x) - 1 + x, 1 - Math.exp(-x)];
}
