// IEEE binary16 in integer arithmetic: pack2x16float leaves rounding to the device, and this must be the same bits
// everywhere. Magnitudes saturate at 65504; NaN is not expected.

const HALF_MAX = 0x7bffu;
const HALF_MIN_NORMAL = 0.00006103515625;  // 2⁻¹⁴
const HALF_STEP = 16777216.0;  // 2²⁴: what turns a subnormal half into an integer

// The largest half whose magnitude is at most |v|, and in y whether it differs from |v|.
fn half_toward_zero(v: f32) -> vec2u {
  let magnitude = abs(v);
  if (magnitude >= 65504.0) { return vec2u(HALF_MAX, select(0u, 1u, magnitude > 65504.0)); }
  if (magnitude < HALF_MIN_NORMAL) {
    let steps = magnitude * HALF_STEP;
    return vec2u(u32(steps), select(0u, 1u, steps != floor(steps)));
  }
  let bits = bitcast<u32>(magnitude);
  return vec2u((bits >> 13) - (112u << 10), select(0u, 1u, (bits & 0x1fffu) != 0));
}

// The largest half ≤ v.
fn half_below(v: f32) -> u32 {
  let half = half_toward_zero(v);
  if (v >= 0.0) { return half.x; }
  let magnitude = min(half.x + half.y, HALF_MAX);
  return magnitude | 0x8000u;
}

// The smallest half ≥ v, for v ≥ 0.
fn half_above(v: f32) -> u32 {
  let half = half_toward_zero(v);
  return min(half.x + half.y, HALF_MAX);
}

// The nearest half, ties to even; saturates instead of overflowing.
fn half_nearest(v: f32) -> u32 {
  let magnitude = abs(v);
  let sign = (bitcast<u32>(v) >> 16) & 0x8000u;
  if (magnitude >= 65504.0) { return sign | HALF_MAX; }
  if (magnitude < HALF_MIN_NORMAL) { return sign | u32(round(magnitude * HALF_STEP)); }  // round: ties to even
  let bits = bitcast<u32>(magnitude);
  return sign | (((bits + 0xfffu + ((bits >> 13) & 1u)) >> 13) - (112u << 10));
}

// The value of a half. Exact; no infinities.
fn half_value(half: u32) -> f32 {
  let exponent = (half >> 10) & 31u;
  let magnitude = select(
    bitcast<f32>(((half & 0x7fffu) << 13) + (112u << 23)), f32(half & 1023u) / HALF_STEP, exponent == 0);
  return select(magnitude, -magnitude, (half & 0x8000u) != 0);
}
