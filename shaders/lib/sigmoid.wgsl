// The logistic function without overflow: exp is taken of -|v| only, so both tails go to 0 and keep their relative
// accuracy. x is σ(v), y is 1 - σ(v) = σ(-v), which the difference would lose when σ is near 1.
fn sigmoid_pair(v: f32) -> vec2f {
  let e = exp(-abs(v));
  let near = 1.0 / (1.0 + e);
  let far = e / (1.0 + e);
  return select(vec2f(far, near), vec2f(near, far), v >= 0.0);
}
