/** Rotary position embedding in float64: the definition shaders/rope.wgsl is held to. Su et al. 2021, arXiv:2104.09864. */

/** positions [A, T] (one row per axis), inverseFrequencies [D/2], axes [D/2]: the axis each frequency reads. */
export interface RopeAngleInputs {
  positions: Int32Array;
  inverseFrequencies: Float32Array;
  axes: Uint32Array;
  T: number;
}

/**
 * cos and sin [T, D/2] of position[axes[i], t] · inverseFrequencies[i]. The angle itself is one float32 product, as the
 * public implementations have it: at position 30,000 its rounding is larger than any other error here, so it belongs
 * to the definition. Cosine and sine of that float32 angle are float64.
 */
export function ropeAngles({ positions, inverseFrequencies, axes, T }: RopeAngleInputs): {
  cos: Float64Array;
  sin: Float64Array;
} {
  const P = inverseFrequencies.length;
  const cos = new Float64Array(T * P);
  const sin = new Float64Array(T * P);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < P; i++) {
      const angle = Math.fround(Math.fround(positions[axes[i] * T + t]) * inverseFrequencies[i]);
      cos[t * P + i] = Math.cos(angle);
      sin[t * P + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** x [T, H, D], cos and sin [T, D/2]. */
export interface RopeInputs {
  x: Float64Array;
  cos: Float64Array;
  sin: Float64Array;
  T: number;
  H: number;
  D: number;
}

/** Rotate-half: y_i = x_i cos_i − x_{i+D/2} sin_i, y_{i+D/2} = x_{i+D/2} cos_i + x_i sin_i. Returns y [T, H, D]. */
export function ropeForward(inputs: RopeInputs): Float64Array {
  return rotate(inputs, 1);
}

/** The rotation by the negative angle, which is the forward's inverse and its transpose. Returns dx [T, H, D]. */
export function ropeBackward({ dy, ...rest }: Omit<RopeInputs, "x"> & { dy: Float64Array }): Float64Array {
  return rotate({ x: dy, ...rest }, -1);
}

function rotate({ x, cos, sin, T, H, D }: RopeInputs, direction: 1 | -1): Float64Array {
  const y = new Float64Array(T * H * D);
  const P = D / 2;
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      for (let i = 0; i < P; i++) {
        const low = (t * H + h) * D + i;
        const high = low + P;
        const c = cos[t * P + i];
        const s = direction * sin[t * P + i];
        y[low] = x[low] * c - x[high] * s;
        y[high] = x[high] * c + x[low] * s;
      }
    }
  }
  return y;
}
