/** How far a result may be from its float64 reference: |got − expected| ≤ abs + rel·|expected|. */
export interface Tolerance {
  abs: number;
  rel: number;
}

/**
 * The one table, by storage type and reduction depth. Rounding errors of a sum of `depth` terms grow like √depth ulps
 * when they are independent; the factor 8 leaves room for other orders and for fused or unfused multiply-adds.
 */
export function tolerance(dtype: "f32" | "f16", depth = 1): Tolerance {
  const ulp = dtype === "f32" ? 2 ** -23 : 2 ** -10;
  const grown = ulp * 8 * Math.sqrt(Math.max(1, depth));
  // f16 stores round once; the sums before them are f32.
  return dtype === "f32"
    ? { abs: grown, rel: grown }
    : { abs: ulp * 2, rel: ulp * 2 + 2 ** -20 * Math.sqrt(depth) };
}
