/** Elementwise operations in float64: the definition shaders/elementwise.wgsl is held to. */

/** y = a + b. Its gradient is dy for both. */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}

/** y + alpha · x: the value y has after accumulation. */
export function accumulate(y: Float64Array, x: Float64Array, alpha: number): Float64Array {
  return y.map((value, i) => value + alpha * x[i]);
}

/** alpha · y. */
export function scale(y: Float64Array, alpha: number): Float64Array {
  return y.map((value) => alpha * value);
}
