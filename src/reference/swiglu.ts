/** SwiGLU in float64: the definition shaders/swiglu.wgsl is held to. Shazeer 2020, arXiv:2002.05202. */

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a));

/** h = gate · σ(gate) · up. All of one length. */
export function swigluForward({ gate, up }: { gate: Float64Array; up: Float64Array }): Float64Array {
  return gate.map((a, i) => a * sigmoid(a) * up[i]);
}

/** dup = dh · a · σ(a), dgate = dh · up · σ(a) · (1 + a · (1 − σ(a))) with a = gate. */
export function swigluBackward({
  gate,
  up,
  dh,
}: {
  gate: Float64Array;
  up: Float64Array;
  dh: Float64Array;
}): {
  dgate: Float64Array;
  dup: Float64Array;
} {
  const dgate = gate.map((a, i) => dh[i] * up[i] * sigmoid(a) * (1 + a * sigmoid(-a)));
  const dup = gate.map((a, i) => dh[i] * a * sigmoid(a));
  return { dgate, dup };
}
